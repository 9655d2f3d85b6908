import { UserError } from '../../lib/errors.ts'
import { featureShape, windowExtent, windowOutput } from '../../network/shapes.ts'
import type { ActivationKind, Op, Padding, Pair, Shape } from '../../network/types.ts'
import { channelsFirst } from '../weight-layout.ts'
import type { FloatBuilder, FloatValue } from './float-builder.ts'
import { type Filters, spreadFilters } from './spread-filters.ts'

/** Rows and columns that are added before and after, of height and width. */
export type Amounts = readonly [Pair, Pair]

/** A window in which zeros stand around the given one, so that SAME or VALID says its padding. */
interface PlacedWindow {
  readonly kernel: Pair
  readonly padding: Padding
  /** Zeros above and left of the given window. */
  readonly before: Pair
}

const MOST_GROWTH = 6

/** The smallest window along one axis whose SAME padding begins where the given padding does. */
function grownSide(length: number, kernel: number, stride: number, [before, after]: Pair) {
  const outputs = windowOutput(length + before + after, kernel, stride, 'valid')
  if (outputs !== windowOutput(length, kernel, stride, 'same')) return undefined
  for (let grown = kernel; grown <= kernel + MOST_GROWTH; grown++) {
    const top = Math.floor(Math.max((outputs - 1) * stride + grown - length, 0) / 2)
    if (top >= before && top - before + kernel <= grown) return { size: grown, front: top - before }
  }
  return undefined
}

/**
 * Zero padding as a network of spaces has it: a larger window with zeros around the given weights where SAME pads otherwise.
 * @throws UserError where no window does.
 */
function placedWindow(input: Shape, kernel: Pair, stride: Pair, amounts: Amounts): PlacedWindow {
  if (amounts.flat().every((amount) => amount === 0)) return { kernel, padding: 'valid', before: [0, 0] }
  const { height, width } = featureShape(input, 'its input')
  const rows = grownSide(height, kernel[0], stride[0], amounts[0])
  const columns = grownSide(width, kernel[1], stride[1], amounts[1])
  if (rows === undefined || columns === undefined) {
    throw new UserError(
      `it pads by ${amounts.flat().join(', ')} rows and columns, which neither SAME nor VALID says with ${kernel.join('×')} windows ${stride.join('×')} apart`,
    )
  }
  return { kernel: [rows.size, columns.size], padding: 'same', before: [rows.front, columns.front] }
}

/** Windows `[height, width]`, one after the other, with zeros around them. */
function grown(weights: Float32Array, from: Pair, { kernel: to, before }: PlacedWindow): Float32Array {
  if (from[0] === to[0] && from[1] === to[1]) return weights
  const out = new Float32Array((weights.length / (from[0] * from[1])) * to[0] * to[1])
  for (let i = 0; i < weights.length; i++) {
    const [row, column] = [Math.floor(i / from[1]) % from[0], i % from[1]]
    const plane = Math.floor(i / (from[0] * from[1]))
    out[(plane * to[0] + row + before[0]) * to[1] + column + before[1]] = weights[i]!
  }
  return out
}

export interface FloatConvolution {
  readonly x: FloatValue
  readonly filters: Filters
  /** In the layout that `filters` names. */
  readonly weights: Float32Array
  readonly bias: Float32Array
  readonly stride: Pair
  /** SAME, or what is added: nothing for VALID. */
  readonly padding: 'same' | Amounts
  readonly activation: 'none' | ActivationKind
}

/** Adds a convolution of any groups, dilation and padding as a plain or a depthwise one. @throws UserError where none is the same. */
export function addConvolution(network: FloatBuilder, convolution: FloatConvolution): FloatValue {
  const { x, filters, bias, stride, padding, activation } = convolution
  const { count, channels } = filters
  if (channels !== x.shape.at(-1))
    throw new UserError(`its weights are for ${channels} channels, its input has ${x.shape.at(-1)}`)
  if (bias.length !== count) throw new UserError(`its bias has ${bias.length} values for ${count} filters`)
  const extent = (n: 0 | 1): number => windowExtent(filters.kernel[n], filters.dilation[n])
  const spread: Pair = [extent(0), extent(1)]
  const window: PlacedWindow =
    padding === 'same' ? { kernel: spread, padding, before: [0, 0] } : placedWindow(x.shape, spread, stride, padding)
  const { depthwise, values } = spreadFilters(convolution.weights, filters)
  const taps = spread[0] * spread[1]
  const planes = depthwise ? channelsFirst(values, 1, taps, count) : channelsFirst(values, count, taps, channels)
  const stored = { kernel: grown(planes, spread, window), bias }
  const common = { kernel: window.kernel, stride, padding: window.padding, bias: true } as const
  const op: Op = depthwise ? { kind: 'depthwiseConv2d', ...common } : { kind: 'conv2d', filters: count, ...common }
  return network.add(op, [x], stored, activation)
}
