import {
  type ElementType,
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from '../../../formats/onnx/model.ts'

/** Name of a tensor inside an ONNX graph. */
export type Value = string

/** Blocked-layout kernels of ONNX Runtime; the runtime's own optimiser writes the same operators. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc'
/** Fused operators of ONNX Runtime. */
export const FUSED_DOMAIN = 'com.microsoft'
const STANDARD_OPSET = 17

export interface NodeOptions {
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
}

/** Writes an ONNX graph node by node; every call returns the name of the tensor it adds. Equal constants are stored once. */
export class OnnxEmitter {
  readonly #nodes: OnnxNode[] = []
  readonly #initializers = new Map<string, OnnxTensor>()
  readonly #constants = new Map<string, Value>()
  readonly #inputs: OnnxValueInfo[] = []
  readonly #outputs: OnnxValueInfo[] = []
  #count = 0

  input(name: string, type: ElementType, dims: readonly (number | string)[]): Value {
    this.#inputs.push({ name, type, dims })
    return name
  }

  /** Declares a graph output and gives the tensor that name. */
  output(name: string, type: ElementType, dims: readonly (number | string)[], value: Value): void {
    this.#nodes.push({
      opType: 'Identity',
      domain: '',
      name: `out_${name}`,
      inputs: [value],
      outputs: [name],
      attributes: {},
    })
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
    this.#nodes.push({ opType, domain, name, inputs, outputs, attributes })
    return outputs
  }

  /** A stored tensor under a name of the caller's choice. */
  initializer(name: string, tensor: OnnxTensor): Value {
    this.#initializers.set(name, tensor)
    return name
  }

  floats(values: readonly number[] | Float32Array, dims: readonly number[] = [values.length]): Value {
    return this.#constant(`f${dims}:${values}`, { type: 'float32', dims, data: Float32Array.from(values) })
  }

  scalar = (value: number): Value => this.floats([value], [])

  integers(values: readonly number[]): Value {
    const data = BigInt64Array.from(values, (value) => BigInt(value))
    return this.#constant(`i${values}`, { type: 'int64', dims: [values.length], data })
  }

  reshape = (x: Value, dims: readonly number[]): Value => this.node('Reshape', [x, this.integers(dims)])

  transpose = (x: Value, order: readonly number[]): Value =>
    this.node('Transpose', [x], { attributes: { perm: order.map(BigInt) } })

  /** Serialises the graph. */
  encode(graphName: string, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    const domains = new Set(this.#nodes.map((node) => node.domain))
    const opsets: Record<string, number> = { '': STANDARD_OPSET }
    for (const domain of domains) if (domain !== '') opsets[domain] = 1
    return encodeModel({
      producer: 'frugal',
      producerVersion: '0.1',
      opsets,
      graphName,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
      metadata,
    })
  }

  #constant(key: string, tensor: OnnxTensor): Value {
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = `constant_${this.#constants.size}`
    this.#constants.set(key, name)
    return this.initializer(name, tensor)
  }
}
