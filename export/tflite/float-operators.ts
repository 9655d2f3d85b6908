import { OPTIONS } from '../../formats/tflite/options.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { OpOf, TrainableKind } from '../../network/types.ts'
import type { FoldedWeights } from '../quantise/fold.ts'
import type { LevelKernel } from '../quantise/lowering.ts'
import type { FusedActivation } from '../quantise/types.ts'
import type { Operand, TfliteBuilder } from './builder.ts'

type Stored = (name: string, dims: readonly number[], values: Float32Array) => Operand

/** A kernel that is not a mixture, about to become operators in float. */
export interface FloatInput {
  readonly builder: TfliteBuilder
  readonly kernel: LevelKernel
  /** In the shapes that the kernel reads. */
  readonly inputs: readonly Operand[]
  readonly output: Operand
  /** Of the tensors it needs beside its output. */
  readonly name: string
  readonly folded: () => FoldedWeights
  /** A kernel's weights, in the precision of the file. */
  readonly storedKernel: Stored
  readonly stored: Stored
}

type Rule = (input: FloatInput) => void
type PlainKind = Exclude<TrainableKind, 'input' | 'reshape' | 'routedExperts'>

const activationOf = ({ activation }: LevelKernel): FusedActivation => activation as FusedActivation

/** `[channels, elements]` to `[elements, channels]`. */
function turned(weights: Float64Array, channels: number): Float32Array {
  const elements = weights.length / channels
  return Float32Array.from(weights, (_, i) => weights[(i % channels) * elements + Math.floor(i / channels)]!)
}

/** Each filter `[input channels, area]` to `[area, input channels]`. */
function channelsLast(weights: Float64Array, filters: number, area: number): Float32Array {
  const channels = weights.length / filters / area
  const perFilter = area * channels
  return Float32Array.from(weights, (_, i) => {
    const within = i % perFilter
    return weights[i - within + (within % channels) * area + Math.floor(within / channels)]!
  })
}

function weighted(
  { storedKernel, stored, inputs, name }: FloatInput,
  dims: readonly number[],
  weights: Float32Array,
  bias: Float64Array,
) {
  return [
    inputs[0]!,
    storedKernel(`${name}/weights`, dims, weights),
    stored(`${name}/bias`, [bias.length], Float32Array.from(bias)),
  ]
}

function depthwise(input: FloatInput, window: Omit<OpOf<'depthwiseConv2d'>, 'kind' | 'bias'>): void {
  const { builder, kernel, output, folded } = input
  const channels = kernel.node.shape.at(-1)!
  const { weights, bias } = folded()
  const operands = weighted(input, [1, ...window.kernel, channels], turned(weights, channels), bias)
  const options = OPTIONS.depthwiseConv2d({ ...window, activation: activationOf(kernel) })
  builder.operator('DEPTHWISE_CONV_2D', 1, operands, [output], options)
}

const pool =
  (name: string): Rule =>
  ({ builder, kernel, inputs, output }) => {
    const op = kernel.node.op as OpOf<'averagePool' | 'maxPool'>
    builder.operator(name, 1, inputs, [output], OPTIONS.pool2d({ ...op, activation: activationOf(kernel) }))
  }

const single =
  (name: string): Rule =>
  ({ builder, inputs, output }) =>
    builder.operator(name, 1, inputs, [output])

/** How each kind becomes operators on float tensors; routed experts are in `float-model.ts`. */
export const FLOAT_RULES: { readonly [K in PlainKind]: Rule } = {
  conv2d: (input) => {
    const { builder, kernel, output, folded } = input
    const op = kernel.node.op as OpOf<'conv2d'>
    const { weights, bias } = folded()
    const dims = [op.filters, ...op.kernel, kernel.inputShapes[0]!.at(-1)!]
    const operands = weighted(input, dims, channelsLast(weights, op.filters, op.kernel[0] * op.kernel[1]), bias)
    const options = OPTIONS.conv2d({ ...op, activation: activationOf(kernel) })
    builder.operator('CONV_2D', 1, operands, [output], options)
  },
  depthwiseConv2d: (input) => depthwise(input, input.kernel.node.op as OpOf<'depthwiseConv2d'>),
  batchNorm: (input) => depthwise(input, { kernel: [1, 1], stride: [1, 1], padding: 'valid' }),
  dense: (input) => {
    const { builder, kernel, output, folded } = input
    const { weights, bias } = folded()
    const dims = [bias.length, sizeOf(kernel.inputShapes[0]!)]
    const operands = weighted(input, dims, Float32Array.from(weights), bias)
    builder.operator('FULLY_CONNECTED', 1, operands, [output], OPTIONS.fullyConnected(activationOf(kernel)))
  },
  add: ({ builder, kernel, inputs, output }) =>
    builder.operator('ADD', 1, inputs, [output], OPTIONS.add(activationOf(kernel))),
  multiply: ({ builder, inputs, output }) => builder.operator('MUL', 1, inputs, [output], OPTIONS.mul('none')),
  concat: ({ builder, inputs, output }) =>
    builder.operator('CONCATENATION', 1, inputs, [output], OPTIONS.concatenation(output.dims.length - 1)),
  averagePool: pool('AVERAGE_POOL_2D'),
  maxPool: pool('MAX_POOL_2D'),
  globalAveragePool: ({ builder, inputs, output }) => {
    const axes = builder.integers([1, 2])
    builder.operator('MEAN', 1, [inputs[0]!, axes], [output], OPTIONS.reducer(output.dims.length === 4))
  },
  relu: single('RELU'),
  relu6: single('RELU6'),
  hardSwish: single('HARD_SWISH'),
  sigmoid: single('LOGISTIC'),
  softmax: ({ builder, inputs, output }) => builder.operator('SOFTMAX', 1, inputs, [output], OPTIONS.softmax()),
  // TFLite has no kernel for it: relu6(x + 3) · 1/6.
  hardSigmoid: ({ builder, inputs, output, name, stored }) => {
    const one = output.dims.map(() => 1)
    const shifted = builder.computed(`${name}/shifted`, output.dims)
    const three = stored(`${name}/three`, one, Float32Array.of(3))
    builder.operator('ADD', 1, [inputs[0]!, three], [shifted], OPTIONS.add('relu6'))
    builder.operator(
      'MUL',
      1,
      [shifted, stored(`${name}/sixth`, one, Float32Array.of(1 / 6))],
      [output],
      OPTIONS.mul('none'),
    )
  },
}
