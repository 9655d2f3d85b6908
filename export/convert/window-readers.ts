import type { TfliteOperator, TfliteTensor } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { explicitPadding, featureShape, windowExtent, windowOutput } from '../../network/shapes.ts'
import type { Padding, Pair, Shape } from '../../network/types.ts'
import type { FusedActivation, Quantisation, QuantisedPool, Window } from '../quantise/types.ts'
import { clampOf } from '../quantise/weights.ts'
import type { Value } from './quantised-import.ts'
import { activationOf, operandOf, type Reader, type ReaderInput, same } from './reader.ts'
import { type Filters, spreadFilters } from './spread-filters.ts'
import { readWeights } from './stored-weights.ts'

const PADDINGS: readonly Padding[] = ['same', 'valid']

/** The same kernel in the network that memory is planned for, which knows no padding but SAME and VALID. */
type Planned = Pick<Window, 'kernel' | 'stride' | 'padding'>

interface Windowed {
  readonly x: Value
  readonly window: Window
  readonly planned: Planned
}

/**
 * The map that windows slide over. A PAD before them becomes part of the kernel where the result is as large as that of
 * SAME; elsewhere it stays a step of its own.
 */
function windowed(input: ReaderInput, kernel: Pair, fold: boolean): Windowed {
  const { options } = input.operator
  const padding = PADDINGS[options?.int8(0, 0) ?? 0]
  if (padding === undefined) throw new UserError('its padding is neither SAME nor VALID')
  const stride: Pair = [options?.int32(2, 1) ?? 1, options?.int32(1, 1) ?? 1]
  const folded = fold && padding === 'valid' ? foldedPad(input, kernel, stride) : undefined
  if (folded !== undefined) return folded
  const x = operandOf(input, 0)
  const planned = { kernel, stride, padding }
  const { top, left } = explicitPadding(featureShape(x.shape, 'its input'), planned)
  return { x, planned, window: { ...planned, padTop: top, padLeft: left } }
}

function foldedPad({ network, operator }: ReaderInput, kernel: Pair, stride: Pair): Windowed | undefined {
  const padded = network.padded(operator.inputs[0]!)
  if (padded === undefined) return undefined
  const { value: x, amounts } = padded
  const { height, width } = featureShape(x.shape, 'its input')
  const [[top, bottom], [left, right]] = amounts
  const asSame = (length: number, axis: 0 | 1, grown: number): boolean =>
    windowOutput(length, kernel[axis], stride[axis], 'same') ===
    windowOutput(length + grown, kernel[axis], stride[axis], 'valid')
  if (!asSame(height, 0, top + bottom) || !asSame(width, 1, left + right)) return undefined
  const planned = { kernel, stride, padding: 'same' } as const
  const usual = explicitPadding({ height, width, channels: 1 }, planned)
  const padding = usual.top === top && usual.left === left ? 'same' : 'valid'
  return { x, planned, window: { kernel, stride, padding, padTop: top, padLeft: left } }
}

const dilationOf = ({ options }: TfliteOperator, first: number): Pair => [
  options?.int32(first + 1, 1) ?? 1,
  options?.int32(first, 1) ?? 1,
]

interface Convolution {
  readonly input: ReaderInput
  readonly filters: Filters
  readonly weights: TfliteTensor
  /** Axis of the filters in the weights. */
  readonly axis: number
  readonly activation: FusedActivation
}

/**
 * Dilated windows, groups of channels and several filters a channel become plain filters with zeros in between, which
 * compute the same; a filter for each channel stays one.
 */
function convolution({ input, filters, weights, axis, activation }: Convolution): Value {
  const { network, quantisation } = input
  const extent = (n: 0 | 1): number => windowExtent(filters.kernel[n], filters.dilation[n])
  const { x, window, planned } = windowed(input, [extent(0), extent(1)], true)
  if (filters.channels !== x.shape.at(-1))
    throw new UserError(`its weights are for ${filters.channels} channels, its input has ${x.shape.at(-1)}`)
  const stored = { weights, bias: biasOf(input), channels: filters.count, axis, input: x.quantisation }
  const read = readWeights({ ...stored, output: quantisation, activation, dense: false })
  const { depthwise, values } = spreadFilters(read.weights, filters)
  const kernel = { ...window, ...read, weights: values }
  return network.add({
    op: depthwise
      ? { kind: 'depthwiseConv2d', ...planned, bias: true }
      : { kind: 'conv2d', filters: filters.count, ...planned, bias: true },
    operands: [x],
    activation,
    quantisation,
    kernel: (common) =>
      depthwise ? { kind: 'depthwiseConv2d', ...common, ...kernel } : { kind: 'conv2d', ...common, ...kernel },
  })
}

export const biasOf = ({ network, operator }: ReaderInput): TfliteTensor | undefined =>
  (operator.inputs[2] ?? -1) < 0 ? undefined : network.file(operator.inputs[2]!)

/** Channels of what an operator reads, whether it was padded or not. */
const channelsOf = ({ network, operator }: ReaderInput): number => network.file(operator.inputs[0]!).dims.at(-1) ?? 0

export const conv2d: Reader = (input) => {
  const { network, operator } = input
  const weights = network.file(operator.inputs[1]!)
  const [count = 0, height = 0, width = 0, own = 0] = weights.dims
  const channels = channelsOf(input)
  if (own < 1 || channels % own !== 0 || count % (channels / own) !== 0)
    throw new UserError(`its ${count} filters of ${own} channels do not fit ${channels} channels`)
  const filters = { count, kernel: [height, width], dilation: dilationOf(operator, 4), channels, own } as const
  return convolution({
    input,
    filters: { ...filters, layout: 'filters' },
    weights,
    axis: 0,
    activation: activationOf(operator, 3),
  })
}

export const depthwiseConv2d: Reader = (input) => {
  const { network, operator } = input
  const weights = network.file(operator.inputs[1]!)
  const [, height = 0, width = 0, count = 0] = weights.dims
  const channels = channelsOf(input)
  if (channels < 1 || count % channels !== 0)
    throw new UserError(`its ${count} filters are not as many for each of ${channels} channels`)
  const filters = { count, kernel: [height, width], dilation: dilationOf(operator, 5), channels, own: 1 } as const
  return convolution({
    input,
    filters: { ...filters, layout: 'taps' },
    weights,
    axis: 3,
    activation: activationOf(operator, 4),
  })
}

const equallyScaled = (x: Value, quantisation: Quantisation): void => {
  if (!same(x.quantisation, quantisation)) throw new UserError('its result is scaled otherwise than its input')
}

export const pool =
  (kind: QuantisedPool['kind']): Reader =>
  (input) => {
    const { network, operator, quantisation } = input
    const size = (field: number): number => operator.options?.int32(field, 1) ?? 1
    // Pooling leaves out what lies beyond the map, and a PAD counts.
    const { x, window, planned } = windowed(input, [size(4), size(3)], false)
    equallyScaled(x, quantisation)
    const activation = activationOf(operator, 5)
    const clamp = clampOf(activation, quantisation)
    return network.add({
      op: { kind, ...planned },
      operands: [x],
      activation,
      quantisation,
      kernel: (common) => ({ kind, ...common, ...window, clamp, activation }),
    })
  }

/** REDUCE_MAX over height and width: one window over the whole map. */
export const reduceMax: Reader = (input) => {
  const { network, operator, quantisation } = input
  const x = operandOf(input, 0)
  const shape: Shape = x.shape
  if (shape.length !== 3 || network.axes(operator.inputs[1]!, 4)?.join() !== '1,2')
    throw new UserError('it is not a maximum over height and width, which alone is converted')
  equallyScaled(x, quantisation)
  const kernel: Pair = [shape[0]!, shape[1]!]
  const planned = { kernel, stride: kernel, padding: 'valid' } as const
  const clamp = clampOf('none', quantisation)
  const most = network.add({
    op: { kind: 'maxPool', ...planned },
    operands: [x],
    quantisation,
    kernel: (common) => ({
      kind: 'maxPool',
      ...common,
      ...planned,
      padTop: 0,
      padLeft: 0,
      clamp,
      activation: 'none',
    }),
  })
  return network.shaped(most, network.shapeOf(operator.outputs[0]!))
}

/** Sizes of a PAD of height and width by the value that stands for 0. */
export function padAmounts({ network, operator, quantisation }: ReaderInput): readonly [Pair, Pair] {
  const dims = network.file(operator.inputs[0]!).dims
  const amounts = network.integers(operator.inputs[1]!)
  if (dims.length !== 4 || amounts?.length !== 8 || amounts.some((amount) => amount < 0))
    throw new UserError('what it adds is not stored in the file as two sizes for each of four axes')
  if ([0, 1, 6, 7].some((i) => amounts[i] !== 0))
    throw new UserError('it adds to the batch or the channels; height and width alone are converted')
  if (operator.inputs.length > 2 && operator.name === 'PADV2')
    throw new UserError('it adds a value of its own; PAD, which adds 0, is converted')
  const x = network.value(operator.inputs[0]!)
  equallyScaled(x, quantisation)
  return [
    [amounts[2]!, amounts[3]!],
    [amounts[4]!, amounts[5]!],
  ]
}
