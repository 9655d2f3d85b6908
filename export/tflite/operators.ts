import { OPTIONS } from '../../formats/tflite/options.ts'
import { sizeOf } from '../../network/shapes.ts'
import { HARD_SIGMOID } from '../quantise/lookup-tables.ts'
import type { FusedActivation, Quantisation, QuantisedKind, QuantisedLookup, QuantisedOf } from '../quantise/types.ts'
import { packNibbles, type WeightedKernel } from '../quantise/weight-bits.ts'
import { paddingOf } from '../quantise/window.ts'
import type { Operand, TfliteBuilder } from './builder.ts'

export interface OperatorInput<K extends QuantisedKind> {
  readonly builder: TfliteBuilder
  readonly kernel: QuantisedOf<K>
  /** In the shapes that the kernel reads. */
  readonly inputs: readonly Operand[]
  readonly output: Operand
  /** Of the tensors it needs beside its output. */
  readonly name: string
}

type Rule<K extends QuantisedKind> = (input: OperatorInput<K>) => void

/** Weights and bias as operands. Scales belong to filters, which lie along `axis` of the weights. */
function weighted<K extends 'conv2d' | 'depthwiseConv2d' | 'dense'>(
  { builder, kernel, inputs, name }: OperatorInput<K>,
  dims: readonly number[],
  axis: number,
): readonly Operand[] {
  const { weights, weightBits, weightScales, bias } = kernel as QuantisedOf<'conv2d'>
  const { scale } = inputs[0]!.quantisation!
  const zeroPoints = new Uint8Array(weightScales.length)
  const scaled = (scales: ArrayLike<number>, at: number) => ({ scales, zeroPoints, axis: at })
  const biasScales = Float32Array.from(weightScales, (weightScale) => scale * weightScale)
  const perChannel = weightScales.length > 1
  return [
    inputs[0]!,
    builder.stored({
      name: `${name}/weights`,
      dims,
      ...(weightBits === 4
        ? { type: 'int4' as const, data: packNibbles(weights) }
        : { type: 'int8' as const, data: weights }),
      quantisation: scaled(weightScales, perChannel ? axis : 0),
    }),
    builder.stored({
      name: `${name}/bias`,
      dims: [bias.length],
      type: 'int32',
      data: bias,
      quantisation: scaled(biasScales, 0),
    }),
  ]
}

/** Runtimes count kernels for weights of 4 bits as versions of their own. */
const versionOf = ({ weightBits }: WeightedKernel, int8: number, int4: number): number =>
  weightBits === 4 ? int4 : int8

/** ADD of two operands. */
function add(builder: TfliteBuilder, operands: readonly Operand[], output: Operand, activation: FusedActivation): void {
  builder.operator('ADD', 2, operands, [output], OPTIONS.add(activation))
}

const pool =
  <K extends 'averagePool' | 'maxPool'>(name: string): Rule<K> =>
  ({ builder, kernel, inputs, output }) =>
    builder.operator(name, 2, inputs, [output], OPTIONS.pool2d(kernel as QuantisedOf<'averagePool' | 'maxPool'>))

/** relu6(x + 3) · 1/6, in the quantisations of `HARD_SIGMOID`. */
function hardSigmoid({ builder, inputs, output, name }: OperatorInput<'lookup'>): void {
  const { three, shifted, sixth, constant } = HARD_SIGMOID
  const one = (label: string, { scale, zeroPoint }: Quantisation): Operand =>
    builder.stored({
      name: `${name}/${label}`,
      dims: output.dims.map(() => 1),
      type: 'int8',
      data: Int8Array.of(constant),
      quantisation: { scales: [scale], zeroPoints: [zeroPoint] },
    })
  const sum = builder.computed(`${name}/shifted`, output.dims, shifted)
  add(builder, [inputs[0]!, one('three', three)], sum, 'relu6')
  builder.operator('MUL', 2, [sum, one('sixth', sixth)], [output], OPTIONS.mul('none'))
}

const single =
  (name: string, version: number): Rule<'lookup'> =>
  ({ builder, inputs, output }) =>
    builder.operator(name, version, inputs, [output])

const LOOKUPS: { readonly [A in QuantisedLookup['activation']]: Rule<'lookup'> } = {
  relu: single('RELU', 2),
  relu6: single('RELU6', 2),
  hardSwish: single('HARD_SWISH', 1),
  sigmoid: single('LOGISTIC', 2),
  hardSigmoid,
}

/** Padding that neither SAME nor VALID says is a PAD of its own. */
function padded<K extends 'conv2d' | 'depthwiseConv2d'>(input: OperatorInput<K>): OperatorInput<K> {
  const { builder, name } = input
  const kernel: QuantisedOf<'conv2d' | 'depthwiseConv2d'> = input.kernel
  const { top, bottom, left, right } = paddingOf(kernel)
  if (kernel.padding === 'same' || top + bottom + left + right === 0) return input
  const [x] = input.inputs as readonly [Operand]
  const [batch, height, width, channels] = x.dims as readonly [number, number, number, number]
  const dims = [batch, height + top + bottom, width + left + right, channels]
  const result = builder.computed(`${name}/padded`, dims, x.quantisation)
  const amounts = Int32Array.of(0, 0, top, bottom, left, right, 0, 0)
  const stored = builder.stored({ name: `${name}/padding`, dims: [4, 2], type: 'int32', data: amounts })
  builder.operator('PAD', 2, [x, stored], [result])
  return { ...input, inputs: [result] }
}

/** How each kernel becomes operators; routed experts are in `experts.ts`. */
const OPERATOR_RULES: { readonly [K in Exclude<QuantisedKind, 'routedExperts'>]: Rule<K> } = {
  conv2d: (input) => {
    const { builder, kernel, output } = input
    const dims = [kernel.outputShape.at(-1)!, ...kernel.kernel, kernel.inputShapes[0]!.at(-1)!]
    builder.operator(
      'CONV_2D',
      versionOf(kernel, 3, 7),
      weighted(padded(input), dims, 0),
      [output],
      OPTIONS.conv2d(kernel),
    )
  },
  depthwiseConv2d: (input) => {
    const { builder, kernel, output } = input
    const dims = [1, ...kernel.kernel, kernel.outputShape.at(-1)!]
    builder.operator(
      'DEPTHWISE_CONV_2D',
      versionOf(kernel, 3, 7),
      weighted(padded(input), dims, 3),
      [output],
      OPTIONS.depthwiseConv2d(kernel),
    )
  },
  dense: (input) => {
    const { builder, kernel, output } = input
    const dims = [sizeOf(kernel.outputShape), sizeOf(kernel.inputShapes[0]!)]
    const operands = weighted(input, dims, 0)
    builder.operator(
      'FULLY_CONNECTED',
      versionOf(kernel, 4, 10),
      operands,
      [output],
      OPTIONS.fullyConnected(kernel.activation),
    )
  },
  add: ({ builder, kernel, inputs, output }) => add(builder, inputs, output, kernel.activation),
  multiply: ({ builder, inputs, output }) => builder.operator('MUL', 2, inputs, [output], OPTIONS.mul('none')),
  averagePool: pool('AVERAGE_POOL_2D'),
  maxPool: pool('MAX_POOL_2D'),
  globalAveragePool: ({ builder, inputs, output }) => {
    const axes = builder.integers([1, 2])
    builder.operator('MEAN', 2, [inputs[0]!, axes], [output], OPTIONS.reducer(output.dims.length === 4))
  },
  lookup: (input) => LOOKUPS[input.kernel.activation](input),
  softmax: ({ builder, inputs, output }) => builder.operator('SOFTMAX', 2, inputs, [output], OPTIONS.softmax()),
  concat: ({ builder, kernel, inputs, output, name }) => {
    const operands = inputs.map((operand, i) => {
      if (kernel.tables[i] === undefined) return operand
      const scaled = builder.computed(`${name}/operand${i}`, operand.dims, output.quantisation)
      builder.operator('QUANTIZE', 2, [operand], [scaled])
      return scaled
    })
    builder.operator('CONCATENATION', 2, operands, [output], OPTIONS.concatenation(output.dims.length - 1))
  },
}

/** Writes one kernel that is not a mixture. */
export function writeOperator(input: OperatorInput<QuantisedKind>, kind: keyof typeof OPERATOR_RULES): void {
  const rule = OPERATOR_RULES[kind] as Rule<QuantisedKind>
  rule(input)
}
