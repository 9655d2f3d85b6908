import type { Value } from '../../evaluators/training/onnx/emitter.ts'
import { sameShape } from '../../network/shapes.ts'
import type { Clamp, FusedActivation, QuantisedKind, QuantisedOf, QuantisedPool } from '../quantise/types.ts'
import { paddingOf } from '../quantise/window.ts'
import { channelsFirst } from '../weight-layout.ts'
import { type Edge, OFFSET, type QdqBuilder, type QdqInput } from './builder.ts'
import { productTable, sumTable } from './runtime-rounding.ts'
import { integerSoftmax } from './softmax.ts'

/** Element types of ONNX. */
const [FLOAT, UINT8] = [1n, 2n]

type PoolInput = Omit<QdqInput<'add'>, 'kernel'> & { readonly kernel: QuantisedPool }

interface Activated extends Pick<QdqInput<'add'>, 'builder' | 'to'> {
  readonly kernel: Pick<QuantisedOf<'add'>, 'outputShape' | 'clamp' | 'activation'>
}

type Rule<K extends QuantisedKind> = (input: QdqInput<K>) => Edge

export function windowAttributes(kernel: Parameters<typeof paddingOf>[0]) {
  const { top, bottom, left, right } = paddingOf(kernel)
  return {
    kernel_shape: kernel.kernel.map(BigInt),
    strides: kernel.stride.map(BigInt),
    pads: [top, left, bottom, right].map(BigInt),
  }
}

/**
 * A kernel's real result as int8, behind its fused activation: as an operator, which runtimes take into their integer kernels,
 * and as bounds of the int8 values where these say more.
 */
function stored({ builder, kernel, to }: Activated, real: Value): Edge {
  const { emitter } = builder
  const active: Readonly<Record<FusedActivation, () => Value>> = {
    none: () => real,
    relu: () => emitter.node('Relu', [real]),
    relu6: () => emitter.node('Clip', [real, emitter.scalar(0), emitter.scalar(6)]),
  }
  return clamped(builder, builder.quantised(active[kernel.activation](), kernel.outputShape, to), kernel.clamp)
}

/** Bounds of a fused activation, on the int8 values: nothing where they are those of int8. */
function clamped({ emitter, level }: QdqBuilder, edge: Edge, [low, high]: Clamp): Edge {
  if (low === -128 && high === 127) return edge
  return { ...edge, value: emitter.node('Clip', [edge.value, level(low), level(high)]) }
}

/** Real weights and biases: 8 and 32 bits, with a scale for each filter. */
function weighted<K extends 'conv2d' | 'depthwiseConv2d' | 'dense'>(
  { builder, kernel, inputs }: QdqInput<K>,
  weights: Int8Array,
  dims: readonly number[],
  apart = false,
): readonly Value[] {
  const { weightScales, weightBits, bias } = kernel as QuantisedOf<'conv2d'>
  const { emitter } = builder
  const { quantisation } = inputs[0]!
  const perChannel = weightScales.length > 1
  const scales = (values: Float32Array): Value => (perChannel ? emitter.floats(values) : emitter.scalar(values[0]!))
  const attributes = perChannel ? { axis: 0n } : {}
  const { value, type } = builder.weights(weights, dims, { bits: weightBits, apart })
  const zeros = builder.zeroPoints(type, perChannel ? weightScales.length : undefined)
  const biases = builder.int32(bias, [bias.length], 'bias')
  return [
    emitter.node('DequantizeLinear', [value, scales(weightScales), zeros], { attributes }),
    emitter.node('DequantizeLinear', [biases, scales(weightScales.map((scale) => quantisation.scale * scale))], {
      attributes,
    }),
  ]
}

/**
 * The mean of int8 values rounded half away from zero, as TFLite does: QuantizeLinear would round halves to even, and of
 * means of few values many are halves. The margin outweighs the error of the division.
 */
function averagePool({ builder, kernel, inputs, to }: PoolInput): Edge {
  const { emitter } = builder
  const [height, width] = kernel.kernel
  const attributes = windowAttributes(kernel)
  const offset = emitter.scalar(OFFSET)
  const whole = emitter.node('Sub', [emitter.node('Cast', [inputs[0]!.value], { attributes: { to: FLOAT } }), offset])
  const mean = emitter.node('AveragePool', [whole], { attributes })
  const half = emitter.scalar(0.5 + 1 / (4 * height * width))
  const size = emitter.node('Floor', [emitter.node('Add', [emitter.node('Abs', [mean]), half])])
  const rounded = emitter.node('Mul', [size, emitter.node('Sign', [mean])])
  const value = emitter.node('Cast', [emitter.node('Add', [rounded, offset])], { attributes: { to: UINT8 } })
  return clamped(builder, { value, shape: kernel.outputShape, quantisation: to }, kernel.clamp)
}

function maxPool(input: PoolInput): Edge {
  const { builder, kernel, inputs } = input
  const attributes = windowAttributes(kernel)
  const real = builder.emitter.node('MaxPool', [builder.real(inputs[0]!)], { attributes })
  return stored(input, real)
}

/** How each kernel is written; mixtures are in `experts.ts`. */
export const QDQ_RULES: { readonly [K in Exclude<QuantisedKind, 'routedExperts'>]: Rule<K> } = {
  conv2d: (input) => {
    const { builder, kernel, inputs } = input
    const [height, width] = kernel.kernel
    const [filters, channels] = [kernel.outputShape.at(-1)!, kernel.inputShapes[0]!.at(-1)!]
    const weights = channelsFirst(kernel.weights, filters, height * width, channels)
    const operands = weighted(input, weights, [filters, channels, height, width])
    const attributes = windowAttributes(kernel)
    const real = builder.emitter.node('Conv', [builder.real(inputs[0]!), ...operands], { attributes })
    return stored(input, real)
  },
  depthwiseConv2d: (input) => {
    const { builder, kernel, inputs } = input
    const [height, width] = kernel.kernel
    const channels = kernel.outputShape.at(-1)!
    const weights = channelsFirst(kernel.weights, 1, height * width, channels)
    const operands = weighted(input, weights, [channels, 1, height, width], true)
    const attributes = { ...windowAttributes(kernel), group: BigInt(channels) }
    const real = builder.emitter.node('Conv', [builder.real(inputs[0]!), ...operands], { attributes })
    return stored(input, real)
  },
  dense: (input) => {
    const { builder, kernel, inputs } = input
    const units = kernel.outputShape[0]!
    const operands = weighted(input, kernel.weights, [units, kernel.weights.length / units])
    const attributes = { transB: 1n }
    const real = builder.emitter.node('Gemm', [builder.real(inputs[0]!), ...operands], { attributes })
    return stored(input, real)
  },
  add: (input) => {
    const { builder, kernel, inputs, to } = input
    const [a, b] = inputs as readonly [Edge, Edge]
    const table = sumTable(kernel, [a.quantisation, b.quantisation], to)
    if (table !== undefined) return builder.ofPairs([a, b], 'add', table, to)
    const real = builder.emitter.node('Add', [builder.real(a), builder.real(b)])
    return stored(input, real)
  },
  multiply: ({ builder, kernel, inputs, to }) => {
    const [a, b] = inputs as readonly [Edge, Edge]
    const gate = sameShape(a.shape, b.shape) || a.shape.length < 3 ? b : builder.reshaped(b, [1, 1, b.shape.at(-1)!])
    const table = productTable(kernel, [a.quantisation, b.quantisation], to)
    if (table !== undefined) return builder.ofPairs([a, gate], 'multiply', table, to)
    const real = builder.emitter.node('Mul', [builder.real(a), builder.real(gate)])
    return builder.quantised(real, kernel.outputShape, to)
  },
  averagePool,
  maxPool,
  globalAveragePool: ({ builder, kernel, inputs, to }) => {
    const real = builder.emitter.node('GlobalAveragePool', [builder.real(inputs[0]!)])
    const channels = kernel.outputShape.at(-1)!
    return builder.reshaped(builder.quantised(real, [1, 1, channels], to), kernel.outputShape)
  },
  lookup: ({ builder, kernel, inputs, to }) => builder.lookedUp(inputs[0]!, kernel.activation, kernel.table, to),
  softmax: integerSoftmax,
  concat: ({ builder, kernel, inputs, to }) => {
    const parts = inputs.map((input, i) => {
      const table = kernel.tables[i]
      return table === undefined ? input : builder.lookedUp(input, 'requantise', table, to)
    })
    const axis = kernel.outputShape.length === 3 ? 1n : BigInt(kernel.outputShape.length)
    const values = parts.map(({ value }) => value)
    return {
      value: builder.emitter.node('Concat', values, { attributes: { axis } }),
      shape: kernel.outputShape,
      quantisation: to,
    }
  },
}
