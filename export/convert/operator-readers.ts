import { UserError } from '../../lib/errors.ts'
import { sameShape, sizeOf } from '../../network/shapes.ts'
import { givenFactor, givenMean, givenSum } from '../quantise/agreement.ts'
import { meanFactor } from '../quantise/kernels.ts'
import { activationTable, HARD_SIGMOID, requantisationTable, UNIT_INTERVAL } from '../quantise/lookup-tables.ts'
import { MOST_SOFTMAX_VALUES, softmaxDifference } from '../quantise/softmax.ts'
import type { Quantisation, QuantisedLookup } from '../quantise/types.ts'
import { clampOf } from '../quantise/weights.ts'
import { constantLike } from './constant-operand.ts'
import type { Value } from './quantised-import.ts'
import { activationOf, operandOf, type Reader, type ReaderInput, same } from './reader.ts'
import { readWeights } from './stored-weights.ts'
import { biasOf, conv2d, depthwiseConv2d, pool, reduceMax } from './window-readers.ts'

/** Scales of single units are for convolutions only here: a 1×1 convolution of one pixel does the same. */
const dense: Reader = (input) => {
  const { network, operator, quantisation } = input
  const weights = network.file(operator.inputs[1]!)
  const [units = 0, features = 0] = weights.dims
  const given = network.value(operator.inputs[0]!)
  if (features !== sizeOf(given.shape)) {
    throw new UserError(`its weights are for ${features} features, a sample has ${sizeOf(given.shape)}`)
  }
  const activation = activationOf(operator, 0)
  const perUnit = (weights.quantisation?.scales.length ?? 1) > 1
  const x = network.shaped(given, perUnit ? [1, 1, features] : [features])
  const stored = { weights, bias: biasOf(input), channels: units, axis: 0, input: x.quantisation }
  const weighted = readWeights({ ...stored, output: quantisation, activation, dense: !perUnit })
  const common = { operands: [x], activation, quantisation }
  if (!perUnit) {
    return network.add({
      ...common,
      op: { kind: 'dense', units, bias: true },
      kernel: (base) => ({ kind: 'dense', ...base, ...weighted }),
    })
  }
  const window = { kernel: [1, 1], stride: [1, 1], padding: 'valid' } as const
  return network.add({
    ...common,
    op: { kind: 'conv2d', filters: units, ...window, bias: true },
    kernel: (base) => ({ kind: 'conv2d', ...base, ...window, padTop: 0, padLeft: 0, ...weighted }),
  })
}

/** The integer of a stored operand of one element with a given quantisation, or undefined. */
function isConstant({ network, operator }: ReaderInput, n: number, wanted: Quantisation): boolean {
  const { data, quantisation } = network.file(operator.inputs[n]!)
  const value = data.length === 1 ? (data[0]! << 24) >> 24 : undefined
  const scaled = quantisation?.scales[0] === wanted.scale && quantisation.zeroPoints[0] === wanted.zeroPoint
  return scaled && value === HARD_SIGMOID.constant
}

/** The operands of ADD and MUL, of which one may be stored. */
function pairOf(input: ReaderInput): readonly [Value, Value] {
  const { network, operator } = input
  const [first = -1, second = -1] = operator.inputs
  if (network.isStored(first)) {
    if (network.isStored(second))
      throw new UserError('both its operands are stored in the file, which is not converted')
    const value = operandOf(input, 1)
    return [constantLike(network, first, value), value]
  }
  const value = operandOf(input, 0)
  return [value, network.isStored(second) ? constantLike(network, second, value) : operandOf(input, 1)]
}

function bothComputed({ network, operator }: ReaderInput): void {
  const stored = operator.inputs.find((position) => position < 0 || network.isStored(position))
  if (stored !== undefined) throw new UserError('an operand is stored in the file, which is not converted')
}

const add: Reader = (input) => {
  const { network, operator, quantisation } = input
  const operands = pairOf(input)
  if (!sameShape(operands[0]!.shape, operands[1]!.shape))
    throw new UserError('its operands have different shapes, which is not converted')
  const activation = activationOf(operator, 0)
  const [a, b] = operands
  const factors = {
    ...givenSum([a.quantisation, b.quantisation], quantisation),
    clamp: clampOf(activation, quantisation),
    activation,
  }
  return network.add({
    op: { kind: 'add' },
    operands,
    activation,
    quantisation,
    kernel: (common) => ({ kind: 'add', ...common, ...factors }),
  })
}

const multiply: Reader = (input) => {
  const { network, operator, quantisation } = input
  if (activationOf(operator, 0) !== 'none') throw new UserError('its activation is fused, which is not converted')
  const operands = pairOf(input).toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))
  const [a, b] = operands as [Value, Value]
  const product = a.quantisation.scale * b.quantisation.scale
  const single = Math.fround(Math.fround(product) / quantisation.scale)
  const result = givenFactor(product / quantisation.scale, single, quantisation, clampOf('none', quantisation))
  return network.add({
    op: { kind: 'multiply' },
    operands,
    quantisation,
    kernel: (common) => ({ kind: 'multiply', ...common, result }),
  })
}

const mean: Reader = (input) => {
  const { network, operator, quantisation } = input
  const x = operandOf(input, 0)
  if (x.shape.length !== 3 || network.axes(operator.inputs[1]!, 4)?.join() !== '1,2')
    throw new UserError('it is not a mean over height and width, which alone is converted')
  const keepDims = operator.options?.bool(0) ?? false
  const pixels = x.shape[0]! * x.shape[1]!
  const nearest = meanFactor(x.quantisation.scale / quantisation.scale, pixels)
  const result = givenMean(x.quantisation, pixels, quantisation, nearest)
  return network.add({
    op: { kind: 'globalAveragePool', keepDims },
    operands: [x],
    quantisation,
    kernel: (common) => ({ kind: 'globalAveragePool', ...common, result }),
  })
}

function toLookup({ network, quantisation }: ReaderInput, x: Value, activation: QuantisedLookup['activation']): Value {
  const table = activationTable(activation, x.quantisation, quantisation)
  return network.add({
    op: { kind: activation },
    operands: [x],
    quantisation,
    kernel: (common) => ({ kind: 'lookup', ...common, activation, table }),
  })
}

const lookup =
  (activation: QuantisedLookup['activation']): Reader =>
  (input) =>
    toLookup(input, operandOf(input, 0), activation)

const softmax: Reader = (input) => {
  const { network, operator, quantisation } = input
  const x = operandOf(input, 0)
  const values = x.shape.at(-1)!
  if ((operator.options?.float32(0, 1) ?? 1) !== 1) throw new UserError('its beta is not 1, which is not converted')
  if (!same(quantisation, UNIT_INTERVAL)) throw new UserError('its result has not the scale 1/256 and zero point -128')
  if (values > MOST_SOFTMAX_VALUES)
    throw new UserError(`it is over ${values} values; at most ${MOST_SOFTMAX_VALUES} are converted`)
  const factors = softmaxDifference(x.quantisation.scale)
  return network.add({
    op: { kind: 'softmax' },
    operands: [x],
    quantisation,
    kernel: (common) => ({ kind: 'softmax', ...common, ...factors }),
  })
}

const concat: Reader = (input) => {
  const { network, operator, quantisation } = input
  bothComputed(input)
  const operands = operator.inputs.map((position) =>
    network.shaped(network.unscaled(position), network.shapeOf(position)),
  )
  const rank = operands[0]!.shape.length
  const axis = operator.options?.int32(0, 0) ?? 0
  if ((axis < 0 ? axis + rank + 1 : axis) !== rank)
    throw new UserError('it joins along another axis than the last, which is not converted')
  if (activationOf(operator, 1) !== 'none') throw new UserError('its activation is fused, which is not converted')
  return network.add({
    op: { kind: 'concat' },
    operands,
    quantisation,
    kernel: (common) => ({
      kind: 'concat',
      ...common,
      tables: operands.map((operand) => requantisationTable(operand.quantisation, quantisation)),
    }),
  })
}

const reshape: Reader = (input) => {
  const { network, operator, quantisation } = input
  const x = network.value(operator.inputs[0]!)
  if (!same(x.quantisation, quantisation)) throw new UserError('its result is scaled otherwise than its input')
  return network.shaped(x, network.shapeOf(operator.outputs[0]!))
}

/** Operators that a quantised network can hold. */
export const OPERATOR_READERS: Readonly<Record<string, Reader>> = {
  CONV_2D: conv2d,
  DEPTHWISE_CONV_2D: depthwiseConv2d,
  FULLY_CONNECTED: dense,
  AVERAGE_POOL_2D: pool('averagePool'),
  MAX_POOL_2D: pool('maxPool'),
  ADD: add,
  MUL: multiply,
  MEAN: mean,
  REDUCE_MAX: reduceMax,
  RELU: lookup('relu'),
  RELU6: lookup('relu6'),
  HARD_SWISH: lookup('hardSwish'),
  LOGISTIC: lookup('sigmoid'),
  SOFTMAX: softmax,
  CONCATENATION: concat,
  RESHAPE: reshape,
  SQUEEZE: reshape,
  EXPAND_DIMS: reshape,
}

/** ADD and MUL with the constants of a hard sigmoid, as this package's writer makes it of two operators. */
export const hardSigmoidPart = {
  isShift: (input: ReaderInput): boolean =>
    input.operator.name === 'ADD' &&
    isConstant(input, 1, HARD_SIGMOID.three) &&
    activationOf(input.operator, 0) === 'relu6' &&
    same(input.quantisation, HARD_SIGMOID.shifted),
  isScale: (input: ReaderInput): boolean =>
    input.operator.name === 'MUL' &&
    isConstant(input, 1, HARD_SIGMOID.sixth) &&
    activationOf(input.operator, 0) === 'none',
  join: (input: ReaderInput, x: Value): Value => toLookup(input, x, 'hardSigmoid'),
}
