import { FUSED_DOMAIN, type NodeOptions, OnnxEmitter, type Value } from './emitter.ts'

/**
 * Writes the runtime's fused operators as the standard ones that they stand for: the fused kernels of GPU providers lack
 * some activations and operands, or do not exist.
 */
export class StandardEmitter extends OnnxEmitter {
  override nodes(opType: string, inputs: readonly Value[], outputCount: number, options: NodeOptions = {}) {
    if (options.domain !== FUSED_DOMAIN) return super.nodes(opType, inputs, outputCount, options)
    return [opType === 'FusedMatMul' ? this.#product(inputs, options) : this.#convolution(inputs, options)]
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
}
