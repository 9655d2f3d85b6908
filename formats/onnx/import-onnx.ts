import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { ElementType, ImportedModel } from '../import/imported-model.ts'
import { checkNames, type InputShapes, NO_SHAPES } from '../import/input-shapes.ts'
import { NetworkImport } from '../import/network-import.ts'
import { inFileLayout } from './channels-last.ts'
import { withStoredConstants } from './constants.ts'
import { ELEMENT_RULES } from './element-rules.ts'
import { dataTypeOf, entryOf, isQuantised } from './entry.ts'
import { fold } from './folding.ts'
import { withoutFunctions } from './functions.ts'
import { withFusedActivations } from './fused-activations.ts'
import { channelsLastOrder, identityOrder, type LaidOut, onnxDims, toOrder } from './layout.ts'
import { LevelValues } from './level-values.ts'
import { type Readers, readersIn } from './node-lookup.ts'
import { notPriced, SIMPLIFY } from './not-priced.ts'
import { NOTHING_KNOWN, type PlainFile, type PlainValues, plainOperators } from './plain-operators.ts'
import { PRODUCT_RULES } from './product-rules.ts'
import { type OnnxFile, type OnnxFileNode, type OnnxFileValue, readGraph, readOnnx } from './read-onnx.ts'
import type { ReadExternal, StoredTensor } from './read-tensor.ts'
import { type ExpertGraph, MIXTURE_STARTS, routedMixtureAt } from './routed-mixture.ts'
import { routingOf } from './routing.ts'
import type { NodeInput, NodeRule } from './rules.ts'
import { SHAPE_RULES } from './shape-rules.ts'
import { withSortedNodes } from './sorted-nodes.ts'
import { WIDE_RULES } from './wide-rules.ts'

type Value = { readonly computed: LaidOut } | { readonly stored: StoredTensor }

const RULES: ReadonlyMap<string, NodeRule> = new Map(
  Object.entries({ ...PRODUCT_RULES, ...ELEMENT_RULES, ...SHAPE_RULES, ...WIDE_RULES }),
)
/** Operators that leave a raw sample one. */
const PASSING: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Floor', 'Round'])
const AFFINE: ReadonlySet<string> = new Set(['Sub', 'Div', 'Mul', 'Add'])
const FLOAT_BYTES = 4
/** Types of lists and indices. */
const COUNTING: ReadonlySet<ElementType> = new Set(['int64', 'int32', 'bool'])
/** Experts inside experts, branches inside branches … */
const MAX_DEPTH = 4

export interface OnnxImportOptions {
  /** Lengths of inputs that the file leaves open. */
  readonly shapes?: InputShapes
  /** How weights in files beside the model are read. */
  readonly external?: ReadExternal
  /**
   * The file is what ONNX Runtime made of one and runs: all that converts to integers and back is a kernel, and `integers` says
   * which others compute in integers. Default false.
   */
  readonly executed?: boolean
}

/**
 * Reads an ONNX file as a network, with channels last. What depends on stored values alone is computed while reading. A
 * quantise-dequantise pair says only how a value is stored; scaling the input by constants belongs to preparing the
 * sample: neither is a kernel.
 * @throws UserError with one sentence.
 */
export function importOnnx(bytes: Uint8Array, options: OnnxImportOptions = {}): ImportedModel {
  const { shapes = NO_SHAPES, external, executed = false } = options
  const file = readOnnx(bytes, external)
  return new OnnxImport(executed ? executedNetworkOf(file) : networkOf(file), executed).run(shapes)
}

function networkOf(file: OnnxFile, around?: PlainValues): PlainFile {
  const whole = withSortedNodes(withStoredConstants(withoutFunctions(file, isKnown)))
  // What int8 becomes plain may read a bias that comes later.
  return withFusedActivations(withSortedNodes(plainOperators(whole, around)))
}

/** A network as ONNX Runtime runs it: nothing stands for anything else. */
const executedNetworkOf = (file: OnnxFile): PlainFile => ({
  ...withSortedNodes(withStoredConstants(withoutFunctions(file, isKnown))),
  plain: NOTHING_KNOWN,
})

/** Standard operators have rules here, whatever a file says that they are made of. */
const isKnown = ({ domain, opType }: OnnxFileNode): boolean => domain === '' && RULES.has(opType)

class OnnxImport {
  readonly #file: PlainFile
  readonly #network: NetworkImport
  readonly #values = new Map<string, Value>()
  readonly #constants = new Map<string, LaidOut>()
  readonly #readers: Readers
  /** Nodes that are part of a mixture of experts. */
  readonly #inMixture = new Set<OnnxFileNode>()
  readonly #depth: number
  /** Values that are an input up to scaling. */
  readonly #raw = new Set<string>()
  /** Results of quantising that are read as real numbers again. */
  readonly #annotated = new Set<string>()
  readonly #stated: ReadonlyMap<string, OnnxFileValue>
  readonly #dataType: ElementType
  /** Which values are integers, where the file is what is executed. */
  readonly #levels: LevelValues | undefined

  constructor(file: PlainFile, executed: boolean, depth = 0, network = new NetworkImport()) {
    this.#file = file
    this.#levels = executed ? new LevelValues() : undefined
    this.#depth = depth
    this.#network = network
    this.#readers = readersIn(file)
    this.#stated = new Map([...file.values, ...file.outputs].map((value) => [value.name, value]))
    this.#dataType = dataTypeOf(file)
  }

  run(shapes: InputShapes): ImportedModel {
    const { initializers, outputs } = this.#file
    const inputs = this.#file.inputs.filter(({ name }) => !initializers.has(name))
    checkNames(
      shapes,
      inputs.map(({ name }) => name),
    )
    for (const input of inputs) this.#addInput(input, shapes)
    this.#addAll()
    const results = outputs.map(({ name }) => this.#computed(name).tensor)
    const graph = this.#network.build(results)
    const routing = routingOf(this.#file)
    return {
      ...{ format: 'onnx', graph, dataType: this.#dataType, quantisation: this.#network.quantisation },
      ...(routing === undefined ? {} : { routing }),
      ...(this.#levels === undefined ? {} : { integers: this.#levels }),
    }
  }

  /** The graph of an expert that reads features, and how its result lies. */
  runExpert(
    { entry, exit }: ExpertGraph,
    features: LaidOut,
  ): { readonly graph: NetworkGraph; readonly result: LaidOut } {
    const tensor = this.#network.input(features.tensor.dims)
    this.#values.set(entry, { computed: { tensor, order: features.order } })
    this.#addAll()
    const value = this.#computed(exit)
    const result = toOrder(this.#network, value, channelsLastOrder(value.order.length))
    return { graph: this.#network.buildExpert(result.tensor), result }
  }

  #addAll(): void {
    const { initializers, nodes } = this.#file
    for (const [name, stored] of initializers) if (!this.#values.has(name)) this.#values.set(name, { stored })
    nodes.forEach((node, i) => {
      try {
        this.#add(node)
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        throw new UserError(`node ${i} (${node.opType}): ${error.message}`)
      }
    })
  }

  #addInput(input: OnnxFileValue, shapes: InputShapes): void {
    const { name, type } = input
    const { fixed, isMap } = entryOf(input, this.#readers, shapes)
    const order = isMap ? channelsLastOrder(fixed.length) : identityOrder(fixed.length)
    const lying = order.map((axis) => fixed[axis]!)
    const wide = type === 'float32' && this.#dataType !== 'float32' && this.#dataType !== 'float16'
    const quantised = isQuantised(this.#file, this.#readers, name)
    const tensor = this.#network.input(lying, wide && !quantised ? FLOAT_BYTES : undefined)
    this.#values.set(name, { computed: { tensor, order } })
    this.#raw.add(name)
  }

  /** @throws UserError when no node gives the value. */
  #value(name: string): Value {
    const value = this.#values.get(name)
    if (value === undefined) throw new UserError(`it reads '${name}', which nothing before it gives`)
    return value
  }

  #computed(name: string): LaidOut {
    const value = this.#value(name)
    if ('computed' in value) return value.computed
    const known = this.#constants.get(name)
    if (known !== undefined) return known
    const { dims, type, values } = value.stored
    const isFilled = values?.every((one) => one === values[0]) === true
    const derived = COUNTING.has(type) || (isFilled && !this.#file.initializers.has(name))
    const constant = { tensor: this.#network.constant(dims, derived), order: identityOrder(dims.length) }
    this.#constants.set(name, constant)
    return constant
  }

  #add(node: OnnxFileNode): void {
    const { opType, inputs, outputs } = node
    const [input = '', ...others] = inputs
    const [output = ''] = outputs
    // The bias was added where its product was.
    if (this.#values.has(output) || this.#inMixture.has(node)) return
    if (MIXTURE_STARTS.has(opType) && this.#addMixture(node)) return
    if (opType === 'Constant') throw new UserError('its value cannot be read')
    if (opType === 'Shape' || opType === 'Size') {
      const { dims } = this.#dimsOf(input)
      const part = dims.slice(node.integers.get('start')?.[0] ?? 0, node.integers.get('end')?.[0] ?? dims.length)
      const stored = opType === 'Size' ? { dims: [], values: [sizeOf(dims)] } : { dims: [part.length], values: part }
      this.#values.set(output, { stored: { type: 'int64', ...stored } })
      return
    }
    if (opType === 'If' && this.#addBranch(node, input)) return
    const operands = inputs.filter((name) => name !== '').map((name) => this.#value(name))
    const stored = operands.flatMap((value) => ('stored' in value ? [value.stored] : []))
    if (stored.length === operands.length && operands.length > 0 && node.graphs.size === 0) {
      this.#levels?.addStored(node)
      const results =
        fold(node, inputs.length === stored.length ? stored : this.#sparse(inputs)) ?? this.#unfolded(node)
      results.forEach((result, i) => {
        if ((outputs[i] ?? '') !== '') this.#values.set(outputs[i]!, { stored: result })
      })
      return
    }
    if (this.#isNoKernel(node, input, others, output)) {
      this.#values.set(output, this.#value(input))
      return
    }
    const resized = this.#resizedInput(node)
    if (resized !== undefined) {
      this.#raw.add(output)
      this.#values.set(output, { computed: resized })
      return
    }
    if (opType === 'Transpose' && this.#raw.has(input)) this.#raw.add(output)
    const bias = this.#biasAfter(node)
    const rule = RULES.get(opType)
    const first = this.#network.ids.length
    const nodeInput = this.#nodeInput(node, bias !== undefined)
    const results = rule === undefined ? this.#custom(node, nodeInput) : inFileLayout(node, rule)(nodeInput)
    this.#levels?.add(node, this.#network.ids.slice(first))
    outputs.forEach((name, i) => {
      const result = results[i]
      if (name === '' || (result === undefined && !this.#readers.has(name))) return
      if (result === undefined) throw new UserError(`its result ${i} cannot be priced`)
      this.#values.set(name, { computed: result })
    })
    if (bias !== undefined) this.#values.set(bias, { computed: results[0]! })
  }

  /** Routed experts as our own files hold them; says whether they are. Anything else is read node by node. */
  #addMixture(start: OnnxFileNode): boolean {
    const mixture = this.#depth < MAX_DEPTH ? routedMixtureAt(this.#file, this.#readers, start) : undefined
    const [features, gates] = [this.#values.get(mixture?.features ?? ''), this.#values.get(mixture?.gates ?? '')]
    if (mixture === undefined || features === undefined || gates === undefined) return false
    if (!('computed' in features) || !('computed' in gates)) return false
    const order = channelsLastOrder(features.computed.order.length)
    try {
      const read = toOrder(this.#network, features.computed, order)
      const experts = mixture.experts.map((expert) => {
        const file = { ...this.#file, ...expert, inputs: [], outputs: [], values: [] }
        return new OnnxImport(file, false, this.#depth + 1).runExpert(expert, read)
      })
      const [{ graph: body, result }, ...others] = experts as [(typeof experts)[0], ...typeof experts]
      const structure = JSON.stringify(body)
      if (others.some(({ graph }) => JSON.stringify(graph) !== structure)) return false
      const op = { experts: experts.length, topK: mixture.topK, body }
      const tensor = this.#network.routedExperts(read.tensor, gates.computed.tensor, op, result.tensor.dims)
      this.#values.set(mixture.output, { computed: { tensor, order: result.order } })
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      return false
    }
    for (const node of mixture.nodes) this.#inMixture.add(node)
    return true
  }

  /** Stored operands in their places; those left out are undefined. */
  #sparse(inputs: readonly string[]): readonly StoredTensor[] {
    return inputs.map((name) => {
      const value = name === '' ? undefined : this.#values.get(name)
      return value !== undefined && 'stored' in value ? value.stored : (undefined as never)
    })
  }

  /** What follows from stored values alone and is not computed here, in the shape that the file says. */
  #unfolded(node: OnnxFileNode): readonly StoredTensor[] {
    return node.outputs.map((_, i) => {
      const dims = this.#statedDims(node, i)
      if (dims === undefined)
        throw new UserError(`its operands are all fixed, and the file does not say what shape it gives; ${SIMPLIFY}`)
      return { type: 'other', dims, values: undefined }
    })
  }

  /** The branch that a condition which is known takes, in place of the node. */
  #addBranch(node: OnnxFileNode, condition: string): boolean {
    const value = this.#value(condition)
    const chosen = 'stored' in value ? value.stored.values?.[0] : undefined
    const branch = node.graphs.get(chosen === 0 ? 'else_branch' : 'then_branch')
    if (chosen === undefined || branch === undefined) return false
    if (this.#depth === MAX_DEPTH) throw new UserError(`more than ${MAX_DEPTH} branches lie inside each other`)
    const graph = networkOf(readGraph(branch, this.#file), this.#file.plain)
    const inner = new OnnxImport(graph, false, this.#depth + 1, this.#network)
    const results = inner.#runBranch(this.#values, node.scope)
    node.outputs.forEach((name, i) => {
      if (name !== '' && results[i] !== undefined) this.#values.set(name, results[i])
    })
    return true
  }

  #runBranch(around: ReadonlyMap<string, Value>, scope: ReadonlyMap<string, string> = new Map()): readonly Value[] {
    for (const [name, value] of around) this.#values.set(name, value)
    for (const [name, outside] of scope) {
      const value = around.get(outside)
      if (value !== undefined) this.#values.set(name, value)
    }
    for (const { outputs } of this.#file.nodes) for (const name of outputs) this.#values.delete(name)
    this.#addAll()
    return this.#file.outputs.map(({ name }) => this.#value(name))
  }

  /** Quantise-dequantise pairs, and scaling of the input. */
  #isNoKernel(node: OnnxFileNode, input: string, others: readonly string[], output: string): boolean {
    const { opType } = node
    if (this.#levels !== undefined) return false
    if (opType === 'QuantizeLinear') {
      const readers = this.#readers.get(output) ?? []
      const pair = readers.length > 0 && readers.every((reader) => reader.opType === 'DequantizeLinear')
      if (pair) this.#annotated.add(output)
      if (pair && this.#raw.has(input)) this.#raw.add(output)
      return pair
    }
    if (opType === 'DequantizeLinear') return this.#annotated.has(input)
    const scales = AFFINE.has(opType) && others.every((name) => 'stored' in this.#value(name))
    if (!this.#raw.has(input) || !(scales || PASSING.has(opType))) return false
    this.#raw.add(output)
    return true
  }

  /**
   * A map that comes in is resized by matrices over its height and width, as `frugal export` writes it: that too prepares
   * the sample, and the network begins with the map that results.
   */
  #resizedInput({ opType, inputs }: OnnxFileNode): LaidOut | undefined {
    const [left, right] = inputs.map((name) => this.#values.get(name))
    const rawName = inputs.find((name) => this.#raw.has(name))
    if (opType !== 'MatMul' || rawName === undefined || left === undefined || right === undefined) return undefined
    const value = this.#computed(rawName)
    const dims = onnxDims(value)
    const matrix = 'stored' in left ? left.stored.dims : 'stored' in right ? right.stored.dims : []
    if (dims.length !== 4 || matrix.length !== 2) return undefined
    const axis = 'stored' in left ? 2 : 3
    const [from, to] = axis === 2 ? [matrix[1]!, matrix[0]!] : [matrix[0]!, matrix[1]!]
    if (from !== dims[axis]) throw new UserError(`its matrix is for a length of ${from}, the map has ${dims[axis]}`)
    const target = dims.with(axis, to)
    return { tensor: this.#network.input(value.order.map((at) => target[at]!)), order: value.order }
  }

  /** Name of the sum when a bias of the same length is added to a product and nothing else reads it. */
  #biasAfter({ opType, inputs, outputs }: OnnxFileNode): string | undefined {
    const readers = this.#readers.get(outputs[0] ?? '') ?? []
    const [next] = readers
    if (opType !== 'MatMul' || readers.length !== 1 || next?.opType !== 'Add') return undefined
    const kernel = this.#values.get(inputs[1] ?? '')
    const other = this.#values.get(next.inputs.find((name) => name !== outputs[0]) ?? '')
    if (kernel === undefined || other === undefined || !('stored' in kernel) || !('stored' in other)) return undefined
    const units = kernel.stored.dims.at(-1)
    const { dims } = other.stored
    return kernel.stored.dims.length === 2 && dims.length === 1 && dims[0] === units ? next.outputs[0] : undefined
  }

  #dimsOf(name: string): { readonly dims: readonly number[] } {
    const value = this.#value(name)
    return 'stored' in value ? value.stored : { dims: onnxDims(value.computed) }
  }

  /** An operator without a rule. @throws UserError when the file does not say what it gives. */
  #custom(node: OnnxFileNode, input: NodeInput): readonly LaidOut[] {
    const operands = node.inputs.flatMap((_, i) => (input.has(i) ? [input.value(i).tensor] : []))
    const dims = node.outputs.map((name, i) => {
      const stated = name === '' ? [1] : input.stated(i)
      if (stated === undefined || node.graphs.size > 0) throw notPriced(node)
      return stated
    })
    const tensors = this.#network.custom(node.opType.slice(0, 100), operands, dims)
    return tensors.map((tensor) => ({ tensor, order: identityOrder(tensor.dims.length) }))
  }

  #nodeInput(node: OnnxFileNode, biasFollows: boolean): NodeInput {
    const name = (operand: number): string => node.inputs[operand] ?? ''
    const required = (operand: number): string => {
      if (name(operand) === '') throw new UserError(`operand ${operand} is missing`)
      return name(operand)
    }
    return {
      network: this.#network,
      node,
      biasFollows,
      has: (operand) => name(operand) !== '',
      isComputed: (operand) => name(operand) !== '' && 'computed' in this.#value(name(operand)),
      value: (operand) => this.#computed(required(operand)),
      dims: (operand) => this.#dimsOf(required(operand)).dims,
      stored: (operand) => {
        const value = name(operand) === '' ? undefined : this.#value(name(operand))
        return value !== undefined && 'stored' in value ? value.stored : undefined
      },
      integer: (attribute, otherwise) => node.integers.get(attribute)?.[0] ?? otherwise,
      stated: (result) => this.#statedDims(node, result),
    }
  }

  /** Dimensions that the file says of a result; an open first one is one sample. */
  #statedDims(node: OnnxFileNode, result: number): readonly number[] | undefined {
    const dims = this.#stated.get(node.outputs[result] ?? '')?.dims
    const fixed = dims?.map((length, axis) => length ?? (axis === 0 ? 1 : undefined))
    if (fixed === undefined || fixed.some((length) => length === undefined || length < 1)) return undefined
    return fixed.length === 0 ? [1] : fixed.map((length) => length!)
  }
}
