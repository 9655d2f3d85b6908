import { FUSED_DOMAIN, type NodeOptions, OnnxEmitter, type Value } from './emitter.ts'

/** Tensors that one node may read or write: WebGPU kernels bind all of them at once, and 8 is what every device allows. */
const MOST_BINDINGS = 7

/** ONNX's numbers of element types. */
const FLOAT = 1n
const DOUBLE = 11n

/**
 * Writes a step for providers without the processor's kernels: the runtime's fused operators become the standard ones
 * that they stand for, as fused kernels of GPUs lack some activations and operands, and nodes with many operands or
 * results become several with few.
 */
export class StandardEmitter extends OnnxEmitter {
  readonly #integers = new Map<Value, readonly number[]>()

  override integers(values: readonly number[]): Value {
    const name = super.integers(values)
    this.#integers.set(name, values)
    return name
  }

  override nodes(
    opType: string,
    inputs: readonly Value[],
    outputCount: number,
    options: NodeOptions = {},
  ): readonly Value[] {
    if (options.domain === FUSED_DOMAIN) {
      return [opType === 'FusedMatMul' ? this.#product(inputs, options) : this.#convolution(inputs, options)]
    }
    if (opType === 'MaxPool' && outputCount > 1) return this.#maxPool(inputs, outputCount, options)
    if (opType === 'Split') return this.#slices(inputs, options)
    if (opType === 'Concat' && inputs.length > MOST_BINDINGS) return [this.#concat(inputs, options)]
    return super.nodes(opType, inputs, outputCount, options)
  }

  /** Operands are matrices or stacks of three axes; either may be transposed. */
  #product([a, b]: readonly Value[], { attributes = {}, dims }: NodeOptions): Value {
    const order = dims!.length === 3 ? [0, 2, 1] : [1, 0]
    const turned = (x: Value, flag: unknown): Value => (flag === 1n ? this.transpose(x, order) : x)
    const operands = [turned(a!, attributes['transA']), turned(b!, attributes['transB'])]
    return this.node('MatMul', operands, { dims: dims! })
  }

  /** activation(convolution + bias + sum) */
  #convolution([x, filters, bias, sum]: readonly Value[], { attributes = {}, dims }: NodeOptions): Value {
    const { activation, activation_params: bounds, ...rest } = attributes
    const operands = bias === undefined || bias === '' ? [x!, filters!] : [x!, filters!, bias]
    let y = this.node('Conv', operands, { attributes: rest, dims: dims! })
    if (sum !== undefined) y = this.node('Add', [y, sum])
    if (activation === 'Relu') return this.node('Relu', [y])
    if (activation !== 'Clip') return y
    const [low, high] = bounds as readonly number[]
    return this.node('Clip', [y, this.scalar(low!), this.scalar(high!)])
  }

  /** WebGPU's kernel does not say where the largest elements lie; in double precision it leaves the node to the processor. */
  #maxPool([x]: readonly Value[], outputCount: number, options: NodeOptions): readonly Value[] {
    const cast = (value: Value, to: bigint): Value => this.node('Cast', [value], { attributes: { to } })
    const [y, places] = super.nodes('MaxPool', [cast(x!, DOUBLE)], outputCount, options)
    return [cast(y!, FLOAT), places!]
  }

  /** The parts of a Split, each cut out by itself. */
  #slices([x, sizes]: readonly Value[], { attributes = {} }: NodeOptions): readonly Value[] {
    const axis = this.integers([Number(attributes['axis'])])
    let start = 0
    return this.#integers.get(sizes!)!.map((size) => {
      const from = this.integers([start])
      start += size
      return this.node('Slice', [x!, from, this.integers([start]), axis])
    })
  }

  /** Joins a few at a time, then what came of it. */
  #concat(inputs: readonly Value[], options: NodeOptions): Value {
    const { attributes = {} } = options
    const joined: Value[] = []
    for (let i = 0; i < inputs.length; i += MOST_BINDINGS) {
      const some = inputs.slice(i, i + MOST_BINDINGS)
      joined.push(some.length === 1 ? some[0]! : this.node('Concat', some, { attributes }))
    }
    return this.node('Concat', joined, options)
  }
}
