import type { Pair } from '../../../network/types.ts'
import { BLOCKED_DOMAIN, FUSED_DOMAIN, type OnnxEmitter, type Value } from './emitter.ts'

/** An activation that a convolution kernel applies before it stores its result. */
export type FusedActivation = 'none' | 'relu' | 'relu6'

export interface DepthwiseWindow {
  readonly channels: number
  /** Height and width of the operand. */
  readonly input: Pair
  readonly kernel: Pair
  readonly stride: Pair
  readonly dilation?: Pair
  readonly pads: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number }
}

/** A matrix `[channels, batch·h·w]`. */
export interface RowsSize {
  readonly channels: number
  readonly columns: number
}

/** What a convolution kernel does with its result before it stores it: activation(result + bias + sum). */
export interface Epilogue {
  readonly bias?: Value
  /** Of the result's size; the runtime may overwrite it. */
  readonly sum?: Value
  readonly activation?: FusedActivation
}

const NO_PADS = { top: 0, left: 0, bottom: 0, right: 0 }

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
  depthwise(x: Value, filters: Value, window: DepthwiseWindow, epilogue: Epilogue = {}): Value {
    return this.rows(this.#convolve(x, filters, window, window.channels * this.batch, epilogue), window.channels)
  }

  /** One filter per channel, `[channels, kh·kw]`, repeated for every sample as `depthwise` wants it. */
  repeatFilters(filters: Value, channels: number, taps: number): Value {
    // A product with a matrix of ones and zeros copies faster than Expand along short axes.
    const { lanes, blocks, emitter } = this
    const copies = blocks * taps * lanes
    const repeat = emitter.computed(`repeat${taps}`, [taps, copies], () => {
      const matrix = new Float32Array(taps * copies)
      for (let tap = 0; tap < taps; tap++) {
        for (let block = 0; block < blocks; block++) {
          const start = tap * copies + (block * taps + tap) * lanes
          matrix.fill(1, start, start + lanes)
        }
      }
      return matrix
    })
    return emitter.node('MatMul', [emitter.reshape(filters, [channels, taps]), repeat], { dims: [channels, copies] })
  }

  /** One value per channel, `[channels, 1]`, repeated for every sample. */
  repeat(values: Value, channels: number): Value {
    return this.emitter.reshape(this.repeatFilters(values, channels, 1), [-1])
  }

  /** activation(x · scale + bias + sum) in one pass, with scale and bias `[channels, 1]`. */
  scaleRows(x: Value, scale: Value, size: RowsSize, epilogue: Epilogue = {}): Value {
    const { emitter, lanes } = this
    const { channels, columns } = size
    const ones = emitter.filled(1, [1, lanes])
    const perLane = (values: Value): Value =>
      emitter.node('MatMul', [emitter.reshape(values, [channels, 1]), ones], { dims: [channels, lanes] })
    const { bias, ...rest } = epilogue
    const window = { input: [1, columns / lanes], kernel: [1, 1], ...UNSTRIDED } as const
    const result = this.#convolve(x, perLane(scale), window, channels * lanes, {
      ...rest,
      ...(bias === undefined ? {} : { bias: emitter.reshape(perLane(bias), [-1]) }),
    })
    return this.rows(result, channels)
  }

  /** Σ a·b along each row times `factor`, `[channels, 1]`; each operand is read once. */
  dotRows(a: Value, b: Value, { channels, columns }: RowsSize, factor = 1): Value {
    const { emitter, lanes } = this
    const kernel: Pair = [1, columns / lanes]
    const partial = this.#convolve(a, b, { input: kernel, kernel, ...UNSTRIDED }, channels * lanes, {})
    const factors = emitter.filled(factor, [lanes, 1])
    return emitter.node('MatMul', [emitter.reshape(partial, [channels, lanes]), factors], { dims: [channels, 1] })
  }

  /** x · scale with one scale for each channel and sample, `[channels, batch]`. */
  scaleSamples(x: Value, scale: Value, channels: number, pixels: number): Value {
    return this.depthwise(x, scale, { channels, input: [1, pixels], kernel: [1, 1], ...UNSTRIDED })
  }

  /** Sum over the pixels of a · b, for each channel and sample: `[channels, batch]`. */
  dotSamples(a: Value, b: Value, channels: number, pixels: number): Value {
    return this.depthwise(a, b, { channels, input: [1, pixels], kernel: [1, pixels], ...UNSTRIDED })
  }

  /** A depthwise convolution over `wide` channels, in the blocked layout where there is more than one lane. */
  #convolve(
    x: Value,
    filters: Value,
    window: Omit<DepthwiseWindow, 'channels'>,
    wide: number,
    { bias, sum, activation = 'none' }: Epilogue,
  ): Value {
    const { emitter } = this
    const { input, kernel, stride, dilation = [1, 1], pads } = window
    const attributes = {
      kernel_shape: kernel.map(BigInt),
      strides: stride.map(BigInt),
      dilations: dilation.map(BigInt),
      pads: [pads.top, pads.left, pads.bottom, pads.right].map(BigInt),
      group: BigInt(wide),
      ...activationAttributes(activation),
    }
    const operands = [emitter.reshape(x, [1, wide, ...input]), emitter.reshape(filters, [wide, 1, ...kernel])]
    const height = outputLength(input[0], kernel[0], stride[0], dilation[0], pads.top + pads.bottom)
    const width = outputLength(input[1], kernel[1], stride[1], dilation[1], pads.left + pads.right)
    const dims = [1, wide, height, width]
    if (bias !== undefined || sum !== undefined) operands.push(bias ?? '')
    if (sum !== undefined) operands.push(emitter.reshape(sum, dims))
    const fused = sum !== undefined || activation !== 'none'
    const blocked = this.lanes > 1
    return emitter.node(fused && !blocked ? 'FusedConv' : 'Conv', operands, {
      domain: blocked ? BLOCKED_DOMAIN : fused ? FUSED_DOMAIN : '',
      attributes,
      dims,
    })
  }
}

const UNSTRIDED = { stride: [1, 1], pads: NO_PADS } as const

const outputLength = (length: number, kernel: number, stride: number, dilation: number, pads: number): number =>
  Math.floor((length + pads - dilation * (kernel - 1) - 1) / stride) + 1

/** How ONNX Runtime's fused convolutions name an activation. */
export function activationAttributes(activation: FusedActivation): Record<string, string | readonly number[]> {
  if (activation === 'none') return {}
  return activation === 'relu' ? { activation: 'Relu' } : { activation: 'Clip', activation_params: [0, 6] }
}
