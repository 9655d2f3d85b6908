import {
  type ElementType,
  encodeModel,
  INT4_OPSET,
  isSubgraph,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxSubgraph,
  type OnnxTensor,
  type OnnxValueInfo,
} from '../../../formats/onnx/model.ts'
import { toFloat16 } from '../../../lib/float16.ts'
import { sameShape, sizeOf } from '../../../network/shapes.ts'

/** Name of a tensor inside an ONNX graph. */
export type Value = string
type Dims = readonly number[]

/** Blocked-layout kernels of ONNX Runtime; the runtime's own optimiser writes the same operators. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc'
/** Fused operators of ONNX Runtime. */
export const FUSED_DOMAIN = 'com.microsoft'
const STANDARD_OPSET = 17

/** Operators whose result has the shape of their first operand. */
const SAME_SHAPE: ReadonlySet<string> = new Set(['Relu', 'Clip', 'HardSigmoid', 'Sigmoid', 'Abs', 'Sqrt', 'Neg', 'Exp'])
const BROADCASTING: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div'])

export interface NodeOptions {
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  /** Shape of the (first) result where the caller knows it; lets reshapes to the same shape be dropped. */
  readonly dims?: Dims
}

/** What belongs to the graph or to one branch: constants of a branch are not seen outside. */
interface Scope {
  readonly nodes: OnnxNode[]
  readonly initializers: Map<string, OnnxTensor>
  readonly constants: Map<string, Value>
  readonly reshaped: Map<string, Value>
}

const emptyScope = (): Scope => ({
  nodes: [],
  initializers: new Map(),
  constants: new Map(),
  reshaped: new Map(),
})

/** What both branches of an `If` give. */
export interface BranchResult {
  readonly type: ElementType
  readonly dims: readonly (number | string)[]
}

/**
 * Writes an ONNX graph node by node; every call returns the name of the tensor it adds. Equal constants and equal
 * reshapes are stored once, reshapes of reshapes are cut short, and nodes that no output needs are left out.
 */
export class OnnxEmitter {
  /** Of the graph, or of the branch that is being written. */
  #scope = emptyScope()
  #constantCount = 0
  readonly #inputs: OnnxValueInfo[] = []
  readonly #outputs: OnnxValueInfo[] = []
  readonly #dims = new Map<Value, Dims>()
  /** What a reshaped value was before it was reshaped. */
  readonly #origins = new Map<Value, Value>()
  #count = 0
  /** In what real constants are stored from now on. */
  floatType: 'float32' | 'float16' = 'float32'

  input(name: string, type: ElementType, dims: readonly (number | string)[]): Value {
    this.#inputs.push({ name, type, dims })
    if (dims.every((length): length is number => typeof length === 'number')) this.#dims.set(name, dims)
    return name
  }

  /** Declares a graph output and gives the tensor that name. */
  output(name: string, type: ElementType, dims: readonly (number | string)[], value: Value): void {
    const node = { opType: 'Identity', domain: '', name: `${name}_output`, attributes: {} }
    this.#scope.nodes.push({ ...node, inputs: [value], outputs: [name] })
    this.#outputs.push({ name, type, dims })
  }

  node(opType: string, inputs: readonly Value[], options: NodeOptions = {}): Value {
    return this.nodes(opType, inputs, 1, options)[0]!
  }

  /** A node with several outputs. */
  nodes(opType: string, inputs: readonly Value[], outputCount: number, options: NodeOptions = {}): readonly Value[] {
    const name = `${opType}_${this.#count++}`
    const outputs = Array.from({ length: outputCount }, (_, index) => (outputCount === 1 ? name : `${name}_${index}`))
    const { domain = '', attributes = {} } = options
    this.#scope.nodes.push({ opType, domain, name, inputs, outputs, attributes })
    const dims = options.dims ?? this.#inferDims(opType, inputs)
    if (dims !== undefined) this.#dims.set(outputs[0]!, dims)
    return outputs
  }

  /** A stored tensor under a name of the caller's choice. */
  initializer(name: string, tensor: OnnxTensor): Value {
    this.#scope.initializers.set(name, tensor)
    this.#dims.set(name, tensor.dims)
    return name
  }

  /** A stored tensor that is written once under this key (once in each branch that asks for it). */
  shared(key: string, tensor: () => OnnxTensor): Value {
    return this.#scope.constants.get(key) ?? this.#constant(key, tensor())
  }

  /** `If`: only one of the two branches runs. What they read may lie outside; what they make stays inside. */
  choose(condition: Value, result: BranchResult, then: () => Value, otherwise: () => Value): Value {
    const attributes = { then_branch: this.#branch(then, result), else_branch: this.#branch(otherwise, result) }
    return this.node('If', [condition], { attributes })
  }

  #branch(write: () => Value, result: BranchResult): OnnxSubgraph {
    const around = this.#scope
    const scope = emptyScope()
    this.#scope = scope
    const outputs = [{ ...result, name: write() }]
    this.#scope = around
    const nodes = neededNodes(scope.nodes, outputs)
    const { initializers } = scope
    return {
      graphName: `branch_${outputs[0]!.name}`,
      nodes,
      initializers: readOnes(initializers, nodes),
      inputs: [],
      outputs,
    }
  }

  floats(values: readonly number[] | Float32Array, dims: Dims = [values.length]): Value {
    return this.#constant(`${this.floatType} ${dims}:${values}`, this.real(Float32Array.from(values), dims))
  }

  /** Real numbers as a tensor of the type that is set. */
  real(values: Float32Array, dims: Dims): OnnxTensor {
    return this.floatType === 'float32'
      ? { type: 'float32', dims, data: values }
      : { type: 'float16', dims, data: toFloat16(values) }
  }

  scalar = (value: number): Value => this.floats([value], [])

  /** A stored tensor with one value everywhere. */
  filled(value: number, dims: Dims): Value {
    return this.computed(`filled${dims}:${value}`, dims, () => new Float32Array(sizeOf(dims)).fill(value))
  }

  /** A stored tensor that is computed once under this key. */
  computed(key: string, dims: Dims, values: () => Float32Array): Value {
    const name = this.#scope.constants.get(key)
    return name ?? this.#constant(key, { type: 'float32', dims, data: values() })
  }

  integers(values: readonly number[]): Value {
    const data = BigInt64Array.from(values, (value) => BigInt(value))
    return this.#constant(`i${values}`, { type: 'int64', dims: [values.length], data })
  }

  /** The same elements with other dimensions; one of them may be −1. */
  reshape(x: Value, dims: Dims): Value {
    const origin = this.#origins.get(x) ?? x
    const known = this.#dims.get(origin)
    const wanted = known === undefined ? dims : completeDims(dims, sizeOf(known))
    if (known !== undefined && sameShape(known, wanted)) return origin
    const key = `${origin}:${wanted}`
    const earlier = this.#scope.reshaped.get(key)
    if (earlier !== undefined) return earlier
    const reshaped = this.node('Reshape', [origin, this.integers(wanted)])
    if (!wanted.includes(-1)) this.#dims.set(reshaped, wanted)
    this.#origins.set(reshaped, origin)
    this.#scope.reshaped.set(key, reshaped)
    return reshaped
  }

  transpose = (x: Value, order: readonly number[]): Value =>
    this.node('Transpose', [x], { attributes: { perm: order.map(BigInt) } })

  /** Serialises the graph. */
  encode = (graphName: string, metadata?: Readonly<Record<string, string>>): Uint8Array =>
    encodeModel(this.model(graphName, metadata))

  /** The graph without what no output needs. */
  model(graphName: string, metadata: Readonly<Record<string, string>> = {}): OnnxModel {
    const needed = neededNodes(this.#scope.nodes, this.#outputs)
    const { initializers } = this.#scope
    const hasInt4 = holdsInt4({ nodes: needed, initializers })
    const nodes = hasInt4 ? needed.map(forInt4Opset) : needed
    const opsets: Record<string, number> = { '': hasInt4 ? INT4_OPSET : STANDARD_OPSET }
    for (const { domain } of nodes) if (domain !== '') opsets[domain] = 1
    return {
      producer: 'frugal',
      producerVersion: '0.1',
      opsets,
      graphName,
      nodes,
      initializers: readOnes(initializers, nodes),
      inputs: this.#inputs,
      outputs: this.#outputs,
      metadata,
    }
  }

  #inferDims(opType: string, inputs: readonly Value[]): Dims | undefined {
    const shapes = inputs.map((input) => this.#dims.get(input))
    if (SAME_SHAPE.has(opType)) return shapes[0]
    const [a, b] = shapes
    if (!BROADCASTING.has(opType) || a === undefined || b === undefined) return undefined
    const rank = Math.max(a.length, b.length)
    const at = (dims: Dims, axis: number): number => dims[dims.length - rank + axis] ?? 1
    return Array.from({ length: rank }, (_, axis) => Math.max(at(a, axis), at(b, axis)))
  }

  #constant(key: string, tensor: OnnxTensor): Value {
    const known = this.#scope.constants.get(key)
    if (known !== undefined) return known
    const name = `constant_${this.#constantCount++}`
    this.#scope.constants.set(key, name)
    return this.initializer(name, tensor)
  }
}

/** Branches of an `If`; no other node that is written here has graphs inside. */
const subgraphsOf = ({ opType, attributes }: OnnxNode): readonly OnnxSubgraph[] =>
  opType === 'If' ? Object.values(attributes).filter(isSubgraph) : []

/** Names that a node reads, itself and inside its branches. */
const namesRead = (node: OnnxNode): readonly string[] =>
  node.opType === 'If'
    ? [...node.inputs, ...subgraphsOf(node).flatMap(({ nodes }) => nodes.flatMap(namesRead))]
    : node.inputs

function neededNodes(nodes: readonly OnnxNode[], outputs: readonly OnnxValueInfo[]): readonly OnnxNode[] {
  const needed = new Set(outputs.map(({ name }) => name))
  const kept: OnnxNode[] = []
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue
    kept.push(node)
    for (const name of namesRead(node)) needed.add(name)
  }
  return kept.reverse()
}

function readOnes(
  initializers: ReadonlyMap<string, OnnxTensor>,
  nodes: readonly OnnxNode[],
): ReadonlyMap<string, OnnxTensor> {
  const read = new Set(nodes.flatMap(namesRead))
  return new Map([...initializers].filter(([name]) => read.has(name)))
}

const holdsInt4 = ({ nodes, initializers }: Pick<OnnxSubgraph, 'nodes' | 'initializers'>): boolean =>
  [...initializers.values()].some(({ type }) => type === 'int4') || nodes.flatMap(subgraphsOf).some(holdsInt4)

/** Of the operators that are written here only Split changed in between: it wants the number of its parts. */
function forInt4Opset(node: OnnxNode): OnnxNode {
  const attributes: Record<string, OnnxAttribute> = {}
  for (const [name, value] of Object.entries(node.attributes)) {
    attributes[name] = isSubgraph(value) ? { ...value, nodes: value.nodes.map(forInt4Opset) } : value
  }
  if (node.opType === 'Split' && node.inputs.length === 1) attributes['num_outputs'] = BigInt(node.outputs.length)
  return { ...node, attributes }
}

/** Fills in a length of −1 from the number of elements. */
function completeDims(dims: Dims, elements: number): Dims {
  const rest = dims.reduce((product, length) => (length === -1 ? product : product * length), 1)
  return dims.map((length) => (length === -1 ? elements / rest : length))
}
