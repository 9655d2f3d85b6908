import { integersOf, type TfliteOperator } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { explicitPadding, featureShape, sameShape, sizeOf } from '../../network/shapes.ts'
import type { ActivationKind, Op, Padding, Pair } from '../../network/types.ts'
import type { FloatImport, FloatValue } from './float-import.ts'
import { activationOf } from './reader.ts'
import { type Filters, spreadFilters } from './spread-filters.ts'

interface Input {
  readonly network: FloatImport
  readonly operator: TfliteOperator
}
type Reader = (input: Input) => FloatValue

const PADDINGS: readonly Padding[] = ['same', 'valid']

interface Windowed {
  readonly x: FloatValue
  readonly window: { readonly kernel: Pair; readonly stride: Pair; readonly padding: Padding }
}

/** A PAD before a kernel is taken into it where SAME adds as much. */
function windowed({ network, operator }: Input, kernel: Pair): Windowed {
  const { options, inputs } = operator
  const padding = PADDINGS[options?.int8(0, 0) ?? 0]
  if (padding === undefined) throw new UserError('its padding is neither SAME nor VALID')
  const stride: Pair = [options?.int32(2, 1) ?? 1, options?.int32(1, 1) ?? 1]
  const padded = network.padded(inputs[0]!)
  if (padded === undefined) return { x: network.operand(operator, 0), window: { kernel, stride, padding } }
  const window = { kernel, stride, padding: 'same' } as const
  const { top, bottom, left, right } = explicitPadding(featureShape(padded.value.shape, 'its input'), window)
  const [[above, below], [before, after]] = padded.amounts
  if (padding !== 'valid' || top !== above || left !== before || bottom !== below || right !== after) {
    throw new UserError(
      `the PAD before it adds ${padded.amounts.flat().join(', ')} rows and columns; in float networks those of SAME, ${top}, ${bottom}, ${left}, ${right}, are converted`,
    )
  }
  return { x: padded.value, window }
}

/** `[filters, taps, channels]` as files have it to `[filters, channels, taps]`, as weights are stored here. */
function channelsBeforeTaps(weights: Float32Array, filters: number, taps: number, channels: number): Float32Array {
  const out = new Float32Array(weights.length)
  for (let f = 0, at = 0; f < filters; f++) {
    for (let c = 0; c < channels; c++) {
      for (let tap = 0; tap < taps; tap++) out[at++] = weights[(f * taps + tap) * channels + c]!
    }
  }
  return out
}

const biasOf = ({ network, operator }: Input, channels: number): Float32Array => {
  const position = operator.inputs[2] ?? -1
  const bias = position < 0 ? new Float32Array(channels) : network.stored(position)
  if (bias.length !== channels) throw new UserError(`its bias has ${bias.length} values for ${channels} filters`)
  return bias
}

function convolution(input: Input, filters: Filters, weights: Float32Array, activationField: number): FloatValue {
  const { network, operator } = input
  const extent = (n: 0 | 1): number => (filters.kernel[n] - 1) * filters.dilation[n] + 1
  const kernel: Pair = [extent(0), extent(1)]
  const { x, window } = windowed(input, kernel)
  const { depthwise, values } = spreadFilters(weights, filters)
  const taps = kernel[0] * kernel[1]
  const { count, channels } = filters
  const stored = {
    kernel: depthwise ? channelsBeforeTaps(values, 1, taps, count) : channelsBeforeTaps(values, count, taps, channels),
    bias: biasOf(input, count),
  }
  const op: Op = depthwise
    ? { kind: 'depthwiseConv2d', ...window, bias: true }
    : { kind: 'conv2d', filters: count, ...window, bias: true }
  return network.add(op, [x], stored, activationOf(operator, activationField))
}

const dilationOf = ({ options }: TfliteOperator, first: number): Pair => [
  options?.int32(first + 1, 1) ?? 1,
  options?.int32(first, 1) ?? 1,
]
const channelsOf = ({ network, operator }: Input): number => network.file(operator.inputs[0]!).dims.at(-1) ?? 0

const conv2d: Reader = (input) => {
  const { network, operator } = input
  const position = operator.inputs[1]!
  const [count = 0, height = 0, width = 0, own = 0] = network.file(position).dims
  const channels = channelsOf(input)
  if (own < 1 || channels % own !== 0 || count % (channels / own) !== 0)
    throw new UserError(`its ${count} filters of ${own} channels do not fit ${channels} channels`)
  const sizes = { count, kernel: [height, width], dilation: dilationOf(operator, 4), channels, own } as const
  return convolution(input, { ...sizes, layout: 'filters' }, network.stored(position), 3)
}

const depthwiseConv2d: Reader = (input) => {
  const { network, operator } = input
  const position = operator.inputs[1]!
  const [, height = 0, width = 0, count = 0] = network.file(position).dims
  const channels = channelsOf(input)
  if (channels < 1 || count % channels !== 0)
    throw new UserError(`its ${count} filters are not as many for each of ${channels} channels`)
  const sizes = { count, kernel: [height, width], dilation: dilationOf(operator, 5), channels, own: 1 } as const
  return convolution(input, { ...sizes, layout: 'taps' }, network.stored(position), 4)
}

const dense: Reader = (input) => {
  const { network, operator } = input
  const [units = 0, features = 0] = network.file(operator.inputs[1]!).dims
  const given = network.value(operator.inputs[0]!)
  if (features !== sizeOf(given.shape))
    throw new UserError(`its weights are for ${features} features, a sample has ${sizeOf(given.shape)}`)
  const stored = { kernel: network.stored(operator.inputs[1]!), bias: biasOf(input, units) }
  const x = network.shaped(given, [features])
  return network.add({ kind: 'dense', units, bias: true }, [x], stored, activationOf(operator, 0))
}

const pool =
  (kind: 'averagePool' | 'maxPool'): Reader =>
  (input) => {
    const { network, operator } = input
    if (network.padded(operator.inputs[0]!) !== undefined)
      throw new UserError('it reads a PAD, which float networks can have before convolutions only')
    const size = (field: number): number => operator.options?.int32(field, 1) ?? 1
    const { x, window } = windowed(input, [size(4), size(3)])
    return network.add({ kind, ...window }, [x], {}, activationOf(operator, 5))
  }

/** γ · x + β for each channel: a batch norm whose statistics are 0 and 1. */
function perChannel(input: Input, scale: boolean): FloatValue {
  const { network, operator } = input
  const [first, second] = operator.inputs as readonly [number, number]
  const storedAt = network.isStored(first) ? first : second
  const x = network.operand(operator, storedAt === first ? 1 : 0)
  const channels = x.shape.at(-1)!
  const values = network.stored(storedAt)
  if (x.shape.length !== 3 || (values.length !== channels && values.length !== 1))
    throw new UserError(`its stored operand has ${values.length} values; one, or one a channel of a map, is converted`)
  const each = (of: (c: number) => number): Float32Array => Float32Array.from({ length: channels }, (_, c) => of(c))
  const own = (c: number): number => values[values.length === 1 ? 0 : c]!
  const stored = {
    gamma: each((c) => (scale ? own(c) : 1)),
    beta: each((c) => (scale ? 0 : own(c))),
    movingMean: each(() => 0),
    movingVariance: each(() => 1),
  }
  return network.add({ kind: 'batchNorm', epsilon: 0 }, [x], stored, activationOf(operator, 0))
}

const hasStored = ({ network, operator }: Input): boolean => operator.inputs.some(network.isStored)

const add: Reader = (input) => {
  if (hasStored(input)) return perChannel(input, false)
  const { network, operator } = input
  const operands = [network.operand(operator, 0), network.operand(operator, 1)]
  if (!sameShape(operands[0]!.shape, operands[1]!.shape))
    throw new UserError('its operands have different shapes, which is not converted')
  return network.add({ kind: 'add' }, operands, {}, activationOf(operator, 0))
}

const multiply: Reader = (input) => {
  if (hasStored(input)) return perChannel(input, true)
  const { network, operator } = input
  const operands = [network.operand(operator, 0), network.operand(operator, 1)]
  const bySize = operands.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))
  return network.add({ kind: 'multiply' }, bySize, {}, activationOf(operator, 0))
}

const overMap = ({ network, operator }: Input): boolean =>
  integersOf(network.file(operator.inputs[1]!))
    ?.map((axis) => (axis < 0 ? axis + 4 : axis))
    .toSorted((a, b) => a - b)
    .join() === '1,2'

const mean: Reader = (input) => {
  const { network, operator } = input
  const x = network.operand(operator, 0)
  if (x.shape.length !== 3 || !overMap(input))
    throw new UserError('it is not a mean over height and width, which alone is converted')
  return network.add({ kind: 'globalAveragePool', keepDims: operator.options?.bool(0) ?? false }, [x])
}

const reduceMax: Reader = (input) => {
  const { network, operator } = input
  const x = network.operand(operator, 0)
  if (x.shape.length !== 3 || !overMap(input))
    throw new UserError('it is not a maximum over height and width, which alone is converted')
  const kernel: Pair = [x.shape[0]!, x.shape[1]!]
  const most = network.add({ kind: 'maxPool', kernel, stride: kernel, padding: 'valid' }, [x])
  return network.shaped(most, network.shapeOf(operator.outputs[0]!))
}

const activation =
  (kind: ActivationKind): Reader =>
  ({ network, operator }) =>
    network.add({ kind }, [network.operand(operator, 0)])

const softmax: Reader = (input) => {
  if ((input.operator.options?.float32(0, 1) ?? 1) !== 1)
    throw new UserError('its beta is not 1, which is not converted')
  return activation('softmax')(input)
}

const concat: Reader = ({ network, operator }) => {
  const operands = operator.inputs.map((_, n) => network.operand(operator, n))
  const rank = operands[0]!.shape.length
  const axis = operator.options?.int32(0, 0) ?? 0
  if ((axis < 0 ? axis + rank + 1 : axis) !== rank)
    throw new UserError('it joins along another axis than the last, which is not converted')
  return network.add({ kind: 'concat' }, operands, {}, activationOf(operator, 1))
}

const reshape: Reader = ({ network, operator }) =>
  network.shaped(network.value(operator.inputs[0]!), network.shapeOf(operator.outputs[0]!))

/** Operators that a float network can hold. */
export const FLOAT_READERS: Readonly<Record<string, Reader>> = {
  CONV_2D: conv2d,
  DEPTHWISE_CONV_2D: depthwiseConv2d,
  FULLY_CONNECTED: dense,
  AVERAGE_POOL_2D: pool('averagePool'),
  MAX_POOL_2D: pool('maxPool'),
  ADD: add,
  MUL: multiply,
  MEAN: mean,
  REDUCE_MAX: reduceMax,
  RELU: activation('relu'),
  RELU6: activation('relu6'),
  HARD_SWISH: activation('hardSwish'),
  LOGISTIC: activation('sigmoid'),
  SOFTMAX: softmax,
  CONCATENATION: concat,
  RESHAPE: reshape,
  SQUEEZE: reshape,
  EXPAND_DIMS: reshape,
}
