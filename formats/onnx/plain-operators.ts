import { tableOperator } from './int8-tables.ts'
import { type Readers, readersIn } from './node-lookup.ts'
import type { OnnxFile, OnnxFileNode } from './read-onnx.ts'

/**
 * What a value of an int8 network is. `level`: integers that stand for real numbers, as QuantizeLinear gives them. `wide`: the
 * same with more bits, on the way back to int8; `total`: a sum of them; `rest`: half a total, which makes a division round;
 * `sign`: whether they are below 0. `share`: whatever lies between the largest value of a softmax and its result. `factor`: what
 * levels that are chosen while the network runs are multiplied with. `flat`: indices in one vector; `found`: what a table gives for them.
 */
type Role = 'level' | 'wide' | 'total' | 'rest' | 'sign' | 'share' | 'factor' | 'flat' | 'found'

/** What is known of the values of a graph, by their names in the file; graphs inside its nodes go on from it. */
export interface PlainValues {
  readonly roles: ReadonlyMap<string, Role>
  /** Values that are another form of one under another name. */
  readonly names: ReadonlyMap<string, string>
}

export interface PlainFile extends OnnxFile {
  readonly plain: PlainValues
}

export const NOTHING_KNOWN: PlainValues = { roles: new Map(), names: new Map() }

const set = (names: string): ReadonlySet<string> => new Set(names.split(' '))
/** Operators that only move values, or choose among them. */
const MOVING = set('Reshape Transpose Flatten Squeeze Unsqueeze Identity Concat Split Slice Compress MaxPool Gather If')
const SHAPING = set('Reshape Squeeze Unsqueeze')
const READING_LEVELS: ReadonlySet<string> = new Set([
  ...MOVING,
  ...set('DequantizeLinear Cast Clip ConvInteger MatMulInteger'),
])
/** Arithmetic with constants on the way back to int8. */
const SCALING = set('Cast Add Sub Mul Div Max Min Clip Floor Abs Sign')
/** The arithmetic of a softmax in integers. */
const SHARING = set('Cast Add Sub Mul Div Min Less Gather ReduceSum')
const INTEGER_PRODUCTS: ReadonlyMap<string, string> = new Map([
  ['ConvInteger', 'Conv'],
  ['MatMulInteger', 'Gemm'],
])
const RELU6: ReadonlyMap<string, readonly number[]> = new Map([
  ['min', [0]],
  ['max', [6]],
])

/** Element types of ONNX. */
const UINT8 = 2
const WIDE_TYPES: ReadonlySet<number | undefined> = new Set([1, 6, 7, 11])
const PAIRS = 65536

/**
 * An int8 network in the operators that it stands for: pairs of QuantizeLinear and DequantizeLinear are nothing, integer products
 * with a bias are plain ones, tables are the functions that they hold, and the arithmetic that brings sums back to int8 is
 * no kernel. Whatever is nothing of the kind stays as it is.
 * @param around of the graph that this one is inside of.
 */
export const plainOperators = (file: OnnxFile, around = NOTHING_KNOWN): PlainFile =>
  new PlainReading(file, around).run()

class PlainReading {
  readonly #file: OnnxFile
  readonly #readers: Readers
  readonly #roles: Map<string, Role>
  readonly #names: Map<string, string>
  readonly #nodes: OnnxFileNode[] = []
  /** Where the node that gives a value stands among the new ones. */
  readonly #places = new Map<string, number>()
  /** Stored values in another shape. */
  readonly #turned = new Set<string>()
  /** Products of levels that have been brought back to real numbers. */
  readonly #real = new Set<string>()

  constructor(file: OnnxFile, around: PlainValues) {
    this.#file = file
    this.#readers = readersIn(file)
    this.#roles = new Map(around.roles)
    this.#names = new Map(around.names)
  }

  run(): PlainFile {
    for (const node of this.#file.nodes) {
      if (node.domain !== '' || !this.#read(node)) this.#keep(node)
    }
    const outputs = this.#file.outputs.map((value) => ({ ...value, name: this.#name(value.name) }))
    return { ...this.#file, nodes: this.#nodes, outputs, plain: { roles: this.#roles, names: this.#names } }
  }

  #name = (name: string): string => this.#names.get(name) ?? name
  #isStored = (name: string): boolean => name === '' || this.#file.initializers.has(name) || this.#turned.has(name)

  /** The node under the names of the plain graph; what it gives gets a role. */
  #keep(node: OnnxFileNode, role?: Role): true {
    for (const name of node.outputs) {
      this.#places.set(name, this.#nodes.length)
      if (role !== undefined) this.#roles.set(name, role)
    }
    this.#nodes.push({ ...node, inputs: node.inputs.map(this.#name) })
    return true
  }

  /** The result of a node is another form of a value. */
  #same({ outputs: [output = ''] }: OnnxFileNode, value: string, role?: Role): true {
    this.#names.set(output, this.#name(value))
    if (role !== undefined) this.#roles.set(output, role)
    return true
  }

  #replace(node: OnnxFileNode, opType: string, inputs: readonly string[], role: Role): true {
    return this.#keep({ ...node, opType, inputs, floats: opType === 'Clip' ? RELU6 : new Map() }, role)
  }

  /** Says whether the node belongs to int8's own arithmetic and has been dealt with. */
  #read(node: OnnxFileNode): boolean {
    const { opType, inputs } = node
    const [first = '', second = ''] = inputs
    const role = this.#roles.get(first)
    if (SHAPING.has(opType) && inputs.every(this.#isStored)) {
      this.#turned.add(node.outputs[0] ?? '')
      return false
    }
    if (opType === 'DynamicQuantizeLinear') return this.#readDynamic(node)
    if (this.#isRealAgain(node)) return true
    if (opType === 'QuantizeLinear') return this.#isPlainLevel(node) && this.#same(node, first, 'level')
    if (opType === 'DequantizeLinear') return role === 'level' && this.#same(node, first)
    if (opType === 'Cast' && this.#file.initializers.get(first)?.type === 'int4') return this.#same(node, first)
    if (INTEGER_PRODUCTS.has(opType)) {
      return role === 'level' && this.#replace(node, INTEGER_PRODUCTS.get(opType)!, [first, second], 'wide')
    }
    if (opType === 'TopK' && role === 'wide' && this.#readers.get(node.outputs[1] ?? '') === undefined) {
      return this.#readLargest(node, first)
    }
    if (SHARING.has(opType) && inputs.some((name) => this.#roles.get(name) === 'share')) return this.#share(node)
    if (opType === 'Reshape' && this.#isVectorForTable(node)) return this.#same(node, first, 'flat')
    // Back to the shape that it had, or on to another one.
    if (opType === 'Reshape' && role === 'found') return this.#keep(node, 'level')
    if (opType === 'Gather' && this.#roles.get(second) === 'wide') return this.#readTable(node, first, second, 'level')
    if (opType === 'GatherElements' && this.#roles.get(second) === 'flat') {
      return this.#readTable(node, first, second, 'found')
    }
    if (opType === 'ReduceSum' && role === 'wide') return this.#readSum(node, second)
    if (opType === 'AveragePool' && role === 'wide') return this.#keep(node, 'wide')
    if (MOVING.has(opType)) return this.#move(node)
    return SCALING.has(opType) && this.#scale(node)
  }

  /** Levels of a range that is found while the network runs: they stand for the operand. */
  #readDynamic(node: OnnxFileNode): boolean {
    const [levels = '', ...factors] = node.outputs
    const readers = this.#readers.get(levels) ?? []
    const reads = readers.every(({ opType }) => INTEGER_PRODUCTS.has(opType))
    if (this.#isStored(node.inputs[0] ?? '') || !reads) return false
    for (const name of factors) this.#roles.set(name, 'factor')
    return this.#same(node, node.inputs[0]!, 'level')
  }

  /** Products of factors are factors; a wide value times one is a real number again, and a bias may follow. */
  #isRealAgain(node: OnnxFileNode): boolean {
    const { opType, inputs } = node
    const isFactor = (name: string): boolean => this.#roles.get(name) === 'factor'
    const [first = '', second = ''] = inputs
    if (opType === 'Mul' && inputs.some(isFactor)) {
      const other = isFactor(first) ? second : first
      if (isFactor(other) || this.#isStored(other)) {
        this.#roles.set(node.outputs[0]!, 'factor')
        return true
      }
      if (this.#roles.get(other) !== 'wide') return false
      this.#real.add(this.#name(other))
      return this.#same(node, other)
    }
    const stored = inputs.filter(this.#isStored)
    const product = this.#name(inputs.find((name) => !this.#isStored(name)) ?? '')
    const place = this.#places.get(product)
    const made = place === undefined ? undefined : this.#nodes[place]
    if (opType !== 'Add' || stored.length !== 1 || made?.inputs.length !== 2 || !this.#real.delete(product))
      return false
    this.#nodes[place!] = { ...made, inputs: [...made.inputs, stored[0]!] }
    return this.#same(node, product)
  }

  /** Whether everything that reads what a QuantizeLinear gives is known to this reading. */
  #isPlainLevel({ inputs: [input = ''], outputs: [output = ''] }: OnnxFileNode): boolean {
    const readers = this.#readers.get(output) ?? []
    return !this.#isStored(input) && readers.length > 0 && readers.every(({ opType }) => READING_LEVELS.has(opType))
  }

  /** What moves levels gives levels; branches of an int8 network do, too. */
  #move(node: OnnxFileNode): boolean {
    const roles = node.inputs.map((name) => this.#roles.get(name)).filter((role) => role !== undefined)
    const inBranch = node.opType === 'If' && this.#roles.size > 0
    return this.#keep(node, roles[0] ?? (inBranch ? 'level' : undefined))
  }

  /** Indices that become one vector for a table. */
  #isVectorForTable({ inputs: [value = '', shape = ''], outputs: [output = ''] }: OnnxFileNode): boolean {
    const list = this.#file.initializers.get(shape)?.values
    const readers = this.#readers.get(output) ?? []
    const isVector = list?.length === 1 && list[0] === -1
    return this.#roles.get(value) === 'wide' && isVector && readers.every(({ opType }) => opType === 'GatherElements')
  }

  /** The element of a stored table at an index. */
  #readTable(node: OnnxFileNode, table: string, index: string, role: 'level' | 'found'): boolean {
    const [opType, size] = [tableOperator(table), this.#file.initializers.get(table)?.dims[0]]
    if (opType === undefined) return false
    if (size !== PAIRS) return this.#replace(node, opType, [index], role)
    // The index is made of both operands by an Add.
    const place = this.#places.get(this.#name(index))
    const made = place === undefined ? undefined : this.#nodes[place]
    if (place === undefined || made?.opType !== 'Add') return false
    this.#nodes[place] = { ...made, opType }
    return this.#same(node, index, role)
  }

  /** A sum over height and width is a mean but for its factor. */
  #readSum(node: OnnxFileNode, axes: string): boolean {
    const list = this.#file.initializers.get(axes)?.values
    const isMean = list?.length === 2 && list[0] === 2 && list[1] === 3 && node.integers.get('keepdims')?.[0] === 1
    return isMean ? this.#replace(node, 'GlobalAveragePool', [node.inputs[0]!], 'total') : this.#keep(node, 'total')
  }

  /** The largest of the last axis, and nothing about its place: a softmax begins with it. */
  #readLargest(node: OnnxFileNode, values: string): true {
    const integers = new Map([['axis', [-1]]])
    return this.#keep(
      { ...node, opType: 'Softmax', inputs: [values], outputs: node.outputs.slice(0, 1), integers },
      'share',
    )
  }

  /** A step of a softmax is the softmax under another name, up to its int8 values. */
  #share(node: OnnxFileNode): boolean {
    const softmax = node.inputs.find((name) => this.#roles.get(name) === 'share')!
    const isResult = node.opType === 'Cast' && node.integers.get('to')?.[0] === UINT8
    return this.#same(node, softmax, isResult ? 'level' : 'share')
  }

  #scale(node: OnnxFileNode): boolean {
    const { opType, inputs } = node
    const computed = inputs.filter((name) => !this.#isStored(name))
    const roles = computed.map((name) => this.#roles.get(name))
    const [lead = '', other = ''] = computed
    const [role, second] = roles
    if (role === undefined) return false
    if (role === 'level') return this.#scaleLevel(node, lead)
    if (computed.length === 1) {
      if (opType === 'Add' && this.#addBias(node, lead)) return true
      if (opType === 'Max' || opType === 'Min') return this.#clamp(node, lead)
      if (opType === 'Cast' && node.integers.get('to')?.[0] === UINT8) return this.#same(node, lead, 'level')
      if (opType === 'Div' && role === 'total') return this.#same(node, lead, 'rest')
      return this.#same(node, lead, opType === 'Sign' ? 'sign' : 'wide')
    }
    if (opType === 'Mul' && second === 'sign') return this.#same(node, lead, 'wide')
    if (opType === 'Add' && second === 'rest') return this.#same(node, lead, 'wide')
    return computed.length === 2 && other !== '' && this.#keep(node, 'wide')
  }

  #scaleLevel(node: OnnxFileNode, lead: string): boolean {
    if (node.opType === 'Clip') return this.#same(node, lead, 'level')
    return node.opType === 'Cast' && WIDE_TYPES.has(node.integers.get('to')?.[0]) && this.#same(node, lead, 'wide')
  }

  /** A constant that is added to an integer product first is its bias. */
  #addBias(node: OnnxFileNode, product: string): boolean {
    const place = this.#names.has(product) ? undefined : this.#places.get(product)
    const made = place === undefined ? undefined : this.#nodes[place]
    const bias = node.inputs.find((name) => name !== product)
    if (place === undefined || bias === undefined || made?.inputs.length !== 2) return false
    if (made.opType !== 'Conv' && made.opType !== 'Gemm') return false
    this.#nodes[place] = { ...made, inputs: [...made.inputs, bias] }
    return this.#same(node, product, 'wide')
  }

  /** Bounds of sums are activations: from below a relu, from above too a relu6. */
  #clamp(node: OnnxFileNode, lead: string): boolean {
    if (node.opType === 'Max') return this.#replace(node, 'Relu', [lead], 'wide')
    const place = this.#places.get(this.#name(lead))
    const made = place === undefined ? undefined : this.#nodes[place]
    if (place === undefined || made?.opType !== 'Relu') return false
    this.#nodes[place] = { ...made, opType: 'Clip', floats: RELU6 }
    return this.#same(node, lead, 'wide')
  }
}
