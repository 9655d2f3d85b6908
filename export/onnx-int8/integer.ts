import type { Value } from '../../evaluators/training/onnx/emitter.ts'
import type { Shape } from '../../network/types.ts'
import { INT8_MAX, INT8_MIN } from '../quantise/fixed-point.ts'
import type { Multiplier, Quantisation, QuantisedExperts, QuantisedKind, QuantisedOf } from '../quantise/types.ts'
import { channelsFirst } from '../weight-layout.ts'
import { type Edge, OFFSET, type QdqBuilder, type QdqInput } from './builder.ts'
import { windowAttributes } from './operators.ts'

const [UINT8, INT64] = [2n, 7n]

type Bounds = Pick<QuantisedOf<'add'>, 'clamp' | 'activation'>

/** q − zero point, in 64 bits. */
function whole(builder: QdqBuilder, { value, quantisation }: Edge): Value {
  const wide = builder.cast(value, INT64)
  return builder.emitter.node('Sub', [wide, builder.long(quantisation.zeroPoint + OFFSET)])
}

/** Products stay below this; added to them, division by a power of two rounds down whatever their sign. */
const LARGEST = 61n

/** floor(x · multiplier · 2^(shift − 31) + ½) of 64-bit integers, with factors that repeat along `dims`. */
function scaled(builder: QdqBuilder, x: Value, factors: readonly Multiplier[], dims: readonly number[]): Value {
  const { emitter } = builder
  const exact = factors.map(({ multiplier, shift }) => {
    const total = BigInt(31 - shift)
    // Factors so small give 0 for every sum of products.
    return total > LARGEST ? { multiplier: 0n, total: 31n } : { multiplier: BigInt(multiplier), total }
  })
  const stored = (value: (factor: (typeof exact)[number]) => bigint): Value => builder.longs(exact.map(value), dims)
  const product = emitter.node('Mul', [x, stored(({ multiplier }) => multiplier)])
  const shifted = emitter.node('Add', [product, stored(({ total }) => (1n << (total - 1n)) + (1n << LARGEST))])
  const divided = emitter.node('Div', [shifted, stored(({ total }) => 1n << total)])
  return emitter.node('Sub', [divided, stored(({ total }) => 1n << (LARGEST - total))])
}

/** What is not bounded by a fused activation. */
const UNBOUNDED: Bounds = { clamp: [INT8_MIN, INT8_MAX], activation: 'none' }

/** A relu is a Max and a relu6 a Min behind it, by which those who read the file know them. */
function stored(builder: QdqBuilder, x: Value, shape: Shape, to: Quantisation, { clamp, activation }: Bounds): Edge {
  const { emitter } = builder
  const level = (value: number): Value => builder.long(value + OFFSET)
  let placed = emitter.node('Add', [x, level(to.zeroPoint)])
  if (activation !== 'none') placed = emitter.node('Max', [placed, level(clamp[0])])
  if (activation === 'relu6') placed = emitter.node('Min', [placed, level(clamp[1])])
  const kept = emitter.node('Clip', [placed, level(INT8_MIN), level(INT8_MAX)])
  return { value: builder.cast(kept, UINT8), shape, quantisation: to }
}

type Weighted = QuantisedOf<'conv2d' | 'depthwiseConv2d' | 'dense'>
const factorsOf = ({ multipliers, shifts }: Weighted): readonly Multiplier[] =>
  Array.from(multipliers, (multiplier, i) => ({ multiplier, shift: shifts[i]! }))

function convolution(
  { builder, kernel, inputs, to }: QdqInput<'conv2d'> | QdqInput<'depthwiseConv2d'>,
  weights: Int8Array,
  dims: readonly number[],
  group: number,
): Edge {
  const { emitter } = builder
  const [x] = inputs as readonly [Edge]
  const filters = dims[0]!
  const attributes = { ...windowAttributes(kernel), group: BigInt(group) }
  const { value, type } = builder.weights(weights, dims, { bits: kernel.weightBits, apart: group > 1 })
  const operands = [x.value, value, builder.level(x.quantisation.zeroPoint), builder.zeroPoints(type)]
  const sum = emitter.node('ConvInteger', operands, { attributes })
  const biased = emitter.node('Add', [sum, builder.int32(kernel.bias, [filters, 1, 1], 'bias')])
  const perFilter = kernel.multipliers.length > 1 ? [filters, 1, 1] : []
  const result = scaled(builder, builder.cast(biased, INT64), factorsOf(kernel), perFilter)
  return stored(builder, result, kernel.outputShape, to, kernel)
}

/** Kernels in integer operators alone, where the QDQ form computes in float. The others round nothing or use tables. */
export const INTEGER_RULES: { readonly [K in QuantisedKind]?: (input: QdqInput<K>) => Edge } = {
  conv2d: (input) => {
    const { kernel } = input
    const [height, width] = kernel.kernel
    const [filters, channels] = [kernel.outputShape.at(-1)!, kernel.inputShapes[0]!.at(-1)!]
    const weights = channelsFirst(kernel.weights, filters, height * width, channels)
    return convolution(input, weights, [filters, channels, height, width], 1)
  },
  depthwiseConv2d: (input) => {
    const { kernel } = input
    const [height, width] = kernel.kernel
    const channels = kernel.outputShape.at(-1)!
    const weights = channelsFirst(kernel.weights, 1, height * width, channels)
    return convolution(input, weights, [channels, 1, height, width], channels)
  },
  dense: ({ builder, kernel, inputs, to }) => {
    const { emitter } = builder
    const [x] = inputs as readonly [Edge]
    const units = kernel.outputShape[0]!
    const features = kernel.weights.length / units
    const turned = channelsFirst(kernel.weights, 1, units, features)
    const { value, type } = builder.weights(turned, [features, units], { bits: kernel.weightBits })
    const operands = [x.value, value, builder.level(x.quantisation.zeroPoint), builder.zeroPoints(type)]
    const sum = emitter.node('MatMulInteger', operands)
    const biased = emitter.node('Add', [sum, builder.int32(kernel.bias, [units], 'bias')])
    const result = scaled(builder, builder.cast(biased, INT64), factorsOf(kernel), [])
    return stored(builder, result, kernel.outputShape, to, kernel)
  },
  add: ({ builder, kernel, inputs, to }) => {
    const { emitter } = builder
    const lifted = builder.long(2 ** kernel.leftShift)
    const sum = inputs
      .map((input, i) =>
        scaled(builder, emitter.node('Mul', [whole(builder, input), lifted]), [kernel.operands[i]!], []),
      )
      .reduce((a, b) => emitter.node('Add', [a, b]))
    return stored(builder, scaled(builder, sum, [kernel.result], []), kernel.outputShape, to, kernel)
  },
  multiply: ({ builder, kernel, inputs, to }) => {
    const [a, b] = inputs as readonly [Edge, Edge]
    const gate = a.shape.length === 3 && b.shape.length < 3 ? builder.reshaped(b, [1, 1, b.shape.at(-1)!]) : b
    const product = builder.emitter.node('Mul', [whole(builder, a), whole(builder, gate)])
    return stored(builder, scaled(builder, product, [kernel.result], []), kernel.outputShape, to, UNBOUNDED)
  },
  globalAveragePool: ({ builder, kernel, inputs, to }) => {
    const axes = builder.emitter.integers([2, 3])
    const attributes = { keepdims: 1n }
    const sum = builder.emitter.node('ReduceSum', [whole(builder, inputs[0]!), axes], { attributes })
    const channels = kernel.outputShape.at(-1)!
    const mean = stored(builder, scaled(builder, sum, [kernel.result], []), [1, 1, channels], to, UNBOUNDED)
    return builder.reshaped(mean, kernel.outputShape)
  },
}

/** What an expert adds to the sum: its output, weighted by a whole number for each sample, in the sum's int8. */
export function weightedPart(
  builder: QdqBuilder,
  result: Edge,
  share: Value,
  { share: factor }: QuantisedExperts['experts'][number],
  to: Quantisation,
): Edge {
  const product = builder.emitter.node('Mul', [whole(builder, result), builder.cast(share, INT64)])
  return stored(builder, scaled(builder, product, [factor], []), result.shape, to, UNBOUNDED)
}

/** The sum of two edges of one scale, which int8 holds or cuts off. */
export function summed(builder: QdqBuilder, a: Edge, b: Edge): Edge {
  const sum = builder.emitter.node('Add', [whole(builder, a), whole(builder, b)])
  return stored(builder, sum, a.shape, a.quantisation, UNBOUNDED)
}
