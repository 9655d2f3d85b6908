import { UserError } from '../../lib/errors.ts'
import { explicitPadding, featureShape, sizeOf, windowOutput } from '../../network/shapes.ts'
import type { Padding, Pair, Shape } from '../../network/types.ts'
import type { FloatBuilder, FloatValue } from './float-builder.ts'
import { type Amounts, addConvolution } from './float-convolution.ts'

export interface FloatPool {
  readonly x: FloatValue
  readonly kind: 'averagePool' | 'maxPool'
  readonly kernel: Pair
  readonly stride: Pair
  /** SAME, or what is added around the map. */
  readonly padding: 'same' | Amounts
  /** Windows that begin inside the map count though they end beyond it. */
  readonly roundsUp: boolean
  /** Averages count what is added as zeros. */
  readonly countsPadding: boolean
}

const isNone = (amounts: Amounts): boolean => amounts.flat().every((amount) => amount === 0)

/** Padding behind the map with which windows are counted as when rounding up. */
function roundedUp(input: Shape, kernel: Pair, stride: Pair, amounts: Amounts): Amounts {
  const { height, width } = featureShape(input, 'its input')
  const grown = (length: number, axis: 0 | 1): Pair => {
    const [before, after] = amounts[axis]
    const steps = Math.ceil((length + before + after - kernel[axis]) / stride[axis])
    // The last window must begin inside the map.
    const last = steps * stride[axis] >= length + before ? steps - 1 : steps
    return [before, Math.max(after, last * stride[axis] + kernel[axis] - length - before)]
  }
  return [grown(height, 0), grown(width, 1)]
}

/** SAME or VALID, where one of them says the amounts. */
function named(input: Shape, kernel: Pair, stride: Pair, amounts: Amounts): Padding | undefined {
  if (isNone(amounts)) return 'valid'
  const same = explicitPadding(featureShape(input, 'its input'), { kernel, stride, padding: 'same' })
  return amounts.flat().join() === [same.top, same.bottom, same.left, same.right].join() ? 'same' : undefined
}

/** Whether windows one pixel apart, of which every `stride`-th is kept, are those that are wanted. */
function isEveryOther(input: Shape, kernel: Pair, stride: Pair, amounts: Amounts): boolean {
  const { height, width } = featureShape(input, 'its input')
  return ([height, width] as const).every((length, axis) => {
    const [before, after] = amounts[axis]!
    const outputs = windowOutput(length + before + after, kernel[axis]!, stride[axis]!, 'valid')
    return before === Math.floor((kernel[axis]! - 1) / 2) && outputs === Math.ceil(length / stride[axis]!)
  })
}

/**
 * Adds a pool of any padding: as it is where SAME or VALID says the padding; as a pool one pixel apart, of which every other
 * pixel is kept, for the padding of PyTorch's maxima; as a depthwise convolution for averages that count zeros.
 * @throws UserError where none is the same.
 */
export function addPool(network: FloatBuilder, pool: FloatPool): FloatValue {
  const { x, kind, kernel, stride, padding, roundsUp, countsPadding } = pool
  if (padding === 'same') return network.add({ kind, kernel, stride, padding }, [x])
  const amounts = roundsUp ? roundedUp(x.shape, kernel, stride, padding) : padding
  const isGrown = amounts.flat().join() !== padding.flat().join()
  if (kind === 'averagePool' && countsPadding && !isNone(padding)) {
    if (isGrown) throw new UserError('it counts padding and has ceil_mode, which is not converted')
    return counted(network, pool, padding)
  }
  const plain = named(x.shape, kernel, stride, amounts)
  if (plain !== undefined) return network.add({ kind, kernel, stride, padding: plain }, [x])
  if (kind === 'maxPool' && isEveryOther(x.shape, kernel, stride, amounts)) {
    const dense = network.add({ kind, kernel, stride: [1, 1], padding: 'same' }, [x])
    return network.add({ kind, kernel: [1, 1], stride, padding: 'valid' }, [dense])
  }
  throw new UserError(
    `it pads by ${amounts.flat().join(', ')} rows and columns, which no pool with ${kernel.join('×')} windows ${stride.join('×')} apart does that is converted`,
  )
}

/** Averages over windows that all have the same number of pixels, those around the map as zeros. */
function counted(network: FloatBuilder, { x, kernel, stride }: FloatPool, padding: Amounts): FloatValue {
  const channels = x.shape.at(-1)!
  const taps = sizeOf(kernel)
  return addConvolution(network, {
    x,
    filters: { count: channels, kernel, dilation: [1, 1], channels, own: 1, layout: 'taps' },
    weights: new Float32Array(taps * channels).fill(1 / taps),
    bias: new Float32Array(channels),
    stride,
    padding,
    activation: 'none',
  })
}
