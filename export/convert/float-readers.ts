import { integersOf, type TfliteOperator } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { sameShape, sizeOf } from '../../network/shapes.ts'
import type { ActivationKind, Padding, Pair } from '../../network/types.ts'
import type { FloatValue } from './float-builder.ts'
import { type Amounts, addConvolution } from './float-convolution.ts'
import type { FloatImport } from './float-import.ts'
import { activationOf } from './reader.ts'
import type { Filters } from './spread-filters.ts'

interface Input {
  readonly network: FloatImport
  readonly operator: TfliteOperator
}
type Reader = (input: Input) => FloatValue

const PADDINGS: readonly Padding[] = ['same', 'valid']
const NONE: Amounts = [
  [0, 0],
  [0, 0],
]

const strideOf = ({ options }: TfliteOperator): Pair => [options?.int32(2, 1) ?? 1, options?.int32(1, 1) ?? 1]

function paddingOf({ options }: TfliteOperator): Padding {
  const padding = PADDINGS[options?.int8(0, 0) ?? 0]
  if (padding === undefined) throw new UserError('its padding is neither SAME nor VALID')
  return padding
}

const biasOf = ({ network, operator }: Input, channels: number): Float32Array => {
  const position = operator.inputs[2] ?? -1
  return position < 0 ? new Float32Array(channels) : network.stored(position)
}

/** A PAD before it is taken into it. */
function convolution(input: Input, filters: Filters, weights: Float32Array, activationField: number): FloatValue {
  const { network, operator } = input
  const padded = network.padded(operator.inputs[0]!)
  const own = paddingOf(operator)
  if (padded !== undefined && own === 'same') throw new UserError('a PAD stands before it and it pads itself')
  return addConvolution(network, {
    x: padded?.value ?? network.operand(operator, 0),
    filters,
    weights,
    bias: biasOf(input, filters.count),
    stride: strideOf(operator),
    padding: own === 'same' ? 'same' : (padded?.amounts ?? NONE),
    activation: activationOf(operator, activationField),
  })
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
    const window = { kernel: [size(4), size(3)], stride: strideOf(operator), padding: paddingOf(operator) } as const
    return network.add({ kind, ...window }, [network.operand(operator, 0)], {}, activationOf(operator, 5))
  }

/** An operand that is stored: one value, or one a channel. */
function withConstant({ network, operator }: Input, scales: boolean): FloatValue {
  const [first, second] = operator.inputs as readonly [number, number]
  const storedAt = network.isStored(first) ? first : second
  const x = network.operand(operator, storedAt === first ? 1 : 0)
  const values = network.stored(storedAt)
  const result = scales ? network.perChannel(x, values, [0]) : network.perChannel(x, [1], values)
  const activation = activationOf(operator, 0)
  return activation === 'none' ? result : network.add({ kind: activation }, [result])
}

const hasStored = ({ network, operator }: Input): boolean => operator.inputs.some(network.isStored)

const add: Reader = (input) => {
  if (hasStored(input)) return withConstant(input, false)
  const { network, operator } = input
  const operands = [network.operand(operator, 0), network.operand(operator, 1)]
  if (!sameShape(operands[0]!.shape, operands[1]!.shape))
    throw new UserError('its operands have different shapes, which is not converted')
  return network.add({ kind: 'add' }, operands, {}, activationOf(operator, 0))
}

const multiply: Reader = (input) => {
  if (hasStored(input)) return withConstant(input, true)
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
