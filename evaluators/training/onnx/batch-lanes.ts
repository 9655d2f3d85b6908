import type { Pair } from '../../../network/types.ts'
import { BLOCKED_DOMAIN, FUSED_DOMAIN, type OnnxEmitter, type Value } from './emitter.ts'

/** An activation that a convolution kernel applies before it stores its result. */
export type FusedActivation = 'none' | 'relu' | 'relu6'

export interface DepthwiseWindow {
  readonly channels: number
  /** Height and width of the operand and of the result. */
  readonly input: Pair
  readonly kernel: Pair
  readonly stride: Pair
  readonly dilation?: Pair
  readonly pads: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number }
}

/**
 * The layout of a training step. A map of `[h, w, c]` over the batch is stored channel by channel, and inside a channel
 * the samples lie in blocks of `lanes` beside each other: `[c, batch / lanes, h, w, lanes]`, seen by most nodes as the
 * matrix `[c, batch·h·w]`. A vector is the case h = w = 1, so `[features, batch]`. In this order
 * - a pointwise convolution and both its gradients are one matrix product each,
 * - batch statistics are sums along rows,
 * - a depthwise convolution, its input gradient and its filter gradient are depthwise convolutions over
 *   `c·batch` channels in the runtime's blocked layout `[channels / lanes, h, w, lanes]`, as the data already lie.
 * With one lane the same graph runs on the runtime's plain kernels (slower; for machines without blocked kernels).
 */
export class BatchLanes {
  readonly emitter: OnnxEmitter
  readonly batch: number
  readonly lanes: number
  readonly blocks: number

  constructor(emitter: OnnxEmitter, batch: number, blockSize: number) {
    this.emitter = emitter
    this.batch = batch
    this.lanes = batch % blockSize === 0 ? blockSize : 1
    this.blocks = batch / this.lanes
  }

  /** Any value seen as `[channels, batch·h·w]`. */
  rows = (x: Value, channels: number): Value => this.emitter.reshape(x, [channels, -1])

  /** Depthwise convolution of `[channels, batch·h·w]` with one filter per channel and sample, `[channels·batch, kh, kw]`. */
  depthwise(
    x: Value,
    filters: Value,
    window: DepthwiseWindow,
    extra: { bias?: Value; sum?: Value; activation?: FusedActivation } = {},
  ): Value {
    const { emitter } = this
    const { channels, input, kernel, stride, dilation = [1, 1], pads } = window
    const wide = channels * this.batch
    const attributes = {
      kernel_shape: kernel.map(BigInt),
      strides: stride.map(BigInt),
      dilations: dilation.map(BigInt),
      pads: [pads.top, pads.left, pads.bottom, pads.right].map(BigInt),
      group: BigInt(wide),
      ...activationAttributes(extra.activation ?? 'none'),
    }
    const operands = [emitter.reshape(x, [1, wide, ...input]), emitter.reshape(filters, [wide, 1, ...kernel])]
    if (extra.bias !== undefined || extra.sum !== undefined) operands.push(extra.bias ?? '')
    if (extra.sum !== undefined) {
      const height = outputLength(input[0], kernel[0], stride[0], dilation[0], pads.top + pads.bottom)
      const width = outputLength(input[1], kernel[1], stride[1], dilation[1], pads.left + pads.right)
      operands.push(emitter.reshape(extra.sum, [1, wide, height, width]))
    }
    if (this.lanes > 1)
      return this.rows(emitter.node('Conv', operands, { domain: BLOCKED_DOMAIN, attributes }), channels)
    const fused = operands.length > 3 || 'activation' in attributes
    return this.rows(
      emitter.node(fused ? 'FusedConv' : 'Conv', operands, { domain: fused ? FUSED_DOMAIN : '', attributes }),
      channels,
    )
  }

  /** One filter per channel, `[channels, kh·kw]`, repeated for every sample as `depthwise` wants it. */
  repeatFilters(filters: Value, channels: number, taps: number): Value {
    const { emitter } = this
    const single = emitter.reshape(filters, [channels, 1, taps, 1])
    return emitter.node('Expand', [single, emitter.integers([channels, this.blocks, taps, this.lanes])])
  }

  /** One value per channel, `[channels, 1]`, repeated for every sample. */
  repeat = (values: Value, channels: number): Value =>
    this.emitter.reshape(this.emitter.node('Expand', [values, this.emitter.integers([channels, this.batch])]), [-1])

  /** activation(x · scale + shift + sum) in one pass, with one scale and shift for each channel and sample. */
  scaleSamples(
    x: Value,
    scale: Value,
    channels: number,
    pixels: number,
    extra: { bias?: Value; sum?: Value; activation?: FusedActivation } = {},
  ): Value {
    return this.depthwise(
      x,
      scale,
      {
        channels,
        input: [1, pixels],
        kernel: [1, 1],
        stride: [1, 1],
        pads: { top: 0, left: 0, bottom: 0, right: 0 },
      },
      extra,
    )
  }

  /** Sum over the pixels of a · b, for each channel and sample: `[channels, batch]`. */
  dotSamples(a: Value, b: Value, channels: number, pixels: number): Value {
    return this.depthwise(a, b, {
      channels,
      input: [1, pixels],
      kernel: [1, pixels],
      stride: [1, 1],
      pads: { top: 0, left: 0, bottom: 0, right: 0 },
    })
  }
}

const outputLength = (length: number, kernel: number, stride: number, dilation: number, pads: number): number =>
  Math.floor((length + pads - dilation * (kernel - 1) - 1) / stride) + 1

function activationAttributes(activation: FusedActivation): Record<string, string | readonly number[]> {
  if (activation === 'none') return {}
  return activation === 'relu' ? { activation: 'Relu' } : { activation: 'Clip', activation_params: [0, 6] }
}
