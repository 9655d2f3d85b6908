import { UserError } from '../../lib/errors.ts'
import { checkAxis } from '../../network/op-definition.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { ActivationKind, OpOf, Padding, Pair } from '../../network/types.ts'
import type { NetworkImport, Tensor, Window } from '../import/network-import.ts'
import type { FlatTable } from './flatbuffer.ts'

/** What a rule knows of its operator. Operands are numbered as in the file. */
export interface RuleInput {
  readonly network: NetworkImport
  /** Whether an operand is there and is computed, not stored. */
  readonly isComputed: (operand: number) => boolean
  /** @throws UserError when it is left out. A stored operand becomes a constant. */
  readonly tensor: (operand: number) => Tensor
  /** All operands that are not left out. */
  readonly tensors: () => readonly Tensor[]
  /** Dimensions of an operand, stored or computed. */
  readonly dims: (operand: number) => readonly number[]
  readonly has: (operand: number) => boolean
  readonly operands: number
  /** Values of a small stored operand, or undefined when they are computed while the network runs. */
  readonly integers: (operand: number) => readonly number[] | undefined
  /** Dimensions that the file states for the results. */
  readonly outputs: readonly (readonly number[])[]
  readonly options: FlatTable | undefined
}

/** Returns the results, or undefined where the operator cannot be told apart from a custom one. */
export type Rule = (input: RuleInput) => readonly Tensor[] | undefined

const PADDINGS: readonly Padding[] = ['same', 'valid']

const pairOf = (options: FlatTable | undefined, height: number, width: number, otherwise = 1): Pair => [
  options?.int32(height, otherwise) ?? otherwise,
  options?.int32(width, otherwise) ?? otherwise,
]

function windowOf(options: FlatTable | undefined, kernel: Pair, dilation: readonly [number, number]): Window {
  const padding = PADDINGS[options?.int8(0, 0) ?? 0]
  if (padding === undefined) throw new UserError('its padding is neither SAME nor VALID')
  return { kernel, stride: pairOf(options, 2, 1), padding, dilation: pairOf(options, dilation[0], dilation[1]) }
}

/** ActivationFunctionType of the schema, by number. */
const FUSED: readonly (ActivationKind | 'clip' | 'tanh' | undefined)[] = [undefined, 'relu', 'clip', 'relu6', 'tanh']

function activated({ network, options }: RuleInput, field: number, x: Tensor): readonly Tensor[] {
  const kind = FUSED[options?.int8(field, 0) ?? 0]
  if (kind === undefined) return [x]
  if (kind === 'clip' || kind === 'tanh') return [network.pointwise(x, { kind: 'unary', function: kind })]
  return [network.activation(x, kind)]
}

/** Height and width of a kernel `[_, height, width, _]`. */
function kernelOf(dims: readonly number[]): Pair {
  if (dims.length !== 4) throw new UserError(`its kernel has ${dims.length} axes; it needs 4`)
  return [dims[1]!, dims[2]!]
}

const conv2d: Rule = (input) => {
  const kernel = input.dims(1)
  const x = input.tensor(0)
  const channels = x.dims.at(-1) ?? 1
  const inKernel = kernel[3]!
  if (kernel.length === 4 && channels % inKernel !== 0)
    throw new UserError(`its kernel is for ${inKernel} channels, the input has ${channels}`)
  const window = windowOf(input.options, kernelOf(kernel), [5, 4])
  return activated(input, 3, input.network.conv2d(x, kernel[0]!, window, input.has(2), channels / inKernel))
}

const depthwiseConv2d: Rule = (input) => {
  const kernel = input.dims(1)
  const x = input.tensor(0)
  const multiplier = kernel[3]! / (x.dims.at(-1) ?? 1)
  const window = windowOf(input.options, kernelOf(kernel), [6, 5])
  return activated(input, 4, input.network.depthwiseConv2d(x, multiplier, window, input.has(2)))
}

const transposeConv2d: Rule = ({ network, tensor, dims, has, outputs, options }) => {
  const kernel = dims(1)
  const [, height = 0, width = 0] = outputs[0]!
  const op = { filters: kernel[0]!, kernel: kernelOf(kernel), stride: pairOf(options, 2, 1), bias: has(3) }
  return [network.transposeConv2d(tensor(2), { ...op, outputSize: [height, width] })]
}

const dense: Rule = (input) => {
  const { network, tensor, dims, has, options } = input
  const x = tensor(0)
  if (input.isComputed(1)) return activated(input, 0, network.matmul(x, tensor(1), false, true))
  const [units = 0, features = 0] = dims(1)
  const count = sizeOf(x.dims)
  if (features === 0 || count % features !== 0)
    throw new UserError(`its weights are for ${features} features, the input has ${count} values`)
  const keep = options?.bool(2) === true
  const rows = keep ? x : network.reshape(x, [count / features, features])
  return activated(input, 0, network.dense(rows, units, has(2)))
}

const pool =
  (kind: 'averagePool' | 'maxPool'): Rule =>
  (input) => {
    const kernel = pairOf(input.options, 4, 3)
    const { dilation: _, ...window } = windowOf(input.options, kernel, [99, 99])
    return activated(input, 5, input.network.pool(input.tensor(0), kind, window))
  }

const elementwise =
  (operation: OpOf<'elementwise'>['operation'], field?: number): Rule =>
  (input) => {
    const operands = Array.from({ length: input.operands }, (_, i) => i)
    const constants = operands.some((i) => !input.isComputed(i))
    const result = input.network.elementwise(operation, input.tensors(), constants)
    return field === undefined ? [result] : activated(input, field, result)
  }

const unary =
  (name: OpOf<'unary'>['function']): Rule =>
  ({ network, tensor }) => [network.pointwise(tensor(0), { kind: 'unary', function: name })]

const activation =
  (kind: ActivationKind): Rule =>
  ({ network, tensor }) => [network.activation(tensor(0), kind)]

const reshape: Rule = ({ network, tensor, outputs }) => [network.reshape(tensor(0), outputs[0]!)]

const rearrange =
  (operation: OpOf<'rearrange'>['operation']): Rule =>
  ({ network, tensor, outputs }) => [network.rearrange(operation, [tensor(0)], outputs[0]!)]

const reduce =
  (operation: OpOf<'reduce'>['operation']): Rule =>
  ({ network, tensor, integers, options }) => {
    const x = tensor(0)
    const axes = integers(1)?.map((axis) => (axis < 0 ? axis + x.dims.length : axis))
    if (axes === undefined) return undefined
    const keepDims = operation === 'argMax' ? false : (options?.bool(0) ?? false)
    return [network.reduce(x, operation, [...new Set(axes)].sort(), keepDims)]
  }

const pad: Rule = ({ network, tensor, integers }) => {
  const x = tensor(0)
  const amounts = integers(1)
  if (amounts?.length !== 2 * x.dims.length) return undefined
  return [
    network.pad(
      x,
      x.dims.map((_, axis) => [amounts[2 * axis]!, amounts[2 * axis + 1]!] as const),
    ),
  ]
}

const transpose: Rule = ({ network, tensor, integers }) => {
  const x = tensor(0)
  const order = integers(1)
  return order?.length === x.dims.length ? [network.transpose(x, order)] : undefined
}

const slice: Rule = ({ network, tensor, integers, outputs }) => {
  const x = tensor(0)
  const begin = integers(1)
  const [size] = outputs as [readonly number[]]
  if (begin?.length !== x.dims.length || size.length !== x.dims.length) return undefined
  return [
    network.slice(
      x,
      begin,
      size,
      size.map(() => 1),
    ),
  ]
}

/** Bit masks: the begin (or end) of an axis is left open; an axis of the operand is given by one index and goes. */
const stridedSlice: Rule = ({ network, tensor, integers, outputs, options }) => {
  const x = tensor(0)
  const [begins, ends, strides] = [integers(1), integers(2), integers(3)]
  const special = [2, 3].some((field) => (options?.int32(field, 0) ?? 0) !== 0)
  if (begins === undefined || ends === undefined || strides === undefined || special) return undefined
  const open = (field: number, axis: number): boolean => (((options?.int32(field, 0) ?? 0) >> axis) & 1) === 1
  const bounds = x.dims.map((length, axis) => {
    const stride = strides[axis] ?? 1
    if (axis >= begins.length) return { begin: 0, size: length, stride: 1 }
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + length : at, 0), length)
    const begin = open(0, axis) ? 0 : clamp(begins[axis]!)
    if (open(4, axis)) return { begin, size: 1, stride: 1 }
    const end = open(1, axis) ? length : clamp(ends[axis] ?? length)
    return { begin, size: Math.ceil((end - begin) / stride), stride }
  })
  if (bounds.some(({ stride }) => stride < 1)) {
    return [network.rearrange('reverse', [x], outputs[0]!)]
  }
  const sliced = network.slice(
    x,
    bounds.map(({ begin }) => begin),
    bounds.map(({ size }) => size),
    bounds.map(({ stride }) => stride),
  )
  return [
    network.reshape(
      sliced,
      bounds.flatMap(({ size }, axis) => (axis < begins.length && open(4, axis) ? [] : [size])),
    ),
  ]
}

/** @throws UserError for an axis that is not there. */
function axisOf(axis: number, dims: readonly number[]): number {
  const place = axis < 0 ? axis + dims.length : axis
  checkAxis(place, dims, 'it')
  return place
}

const splitAlong =
  (data: number, axisOperand: number): Rule =>
  ({ network, tensor, integers, outputs }) => {
    const x = tensor(data)
    const [axis] = integers(axisOperand) ?? []
    if (axis === undefined) return undefined
    const place = axisOf(axis, x.dims)
    return network.split(
      x,
      place,
      outputs.map((dims) => dims[place] ?? 0),
    )
  }

const concat: Rule = (input) => {
  const parts = input.tensors()
  const axis = axisOf(input.options?.int32(0, 0) ?? 0, parts[0]?.dims ?? [])
  return activated(input, 1, input.network.concat(parts, axis))
}

const pack: Rule = ({ network, tensors, outputs, options }) => {
  const parts = tensors()
  const [dims] = outputs as [readonly number[]]
  const axis = axisOf(options?.int32(1, 0) ?? 0, dims)
  const one = dims.with(axis, 1)
  return [
    network.concat(
      parts.map((part) => network.reshape(part, one)),
      axis,
    ),
  ]
}

const unpack: Rule = ({ network, tensor, outputs, options }) => {
  const x = tensor(0)
  const axis = axisOf(options?.int32(1, 0) ?? 0, x.dims)
  const parts = network.split(
    x,
    axis,
    outputs.map(() => 1),
  )
  return parts.map((part, i) => network.reshape(part, outputs[i]!))
}

const resize =
  (mode: 'nearest' | 'bilinear'): Rule =>
  ({ network, tensor, outputs }) => {
    const [, height = 0, width = 0] = outputs[0]!
    return [network.resize(tensor(0), height, width, mode)]
  }

/** Recurrent layers: each step multiplies with every stored matrix once. */
const recurrent =
  (name: string): Rule =>
  (input) => {
    const x = input.tensor(0)
    // Time and batch, in either order.
    const count = x.dims.length === 3 ? x.dims[0]! * x.dims[1]! : 1
    let [perStep, rows] = [0, 0]
    for (let i = 1; i < input.operands; i++) {
      if (!input.has(i) || input.isComputed(i)) continue
      const dims = input.dims(i)
      if (dims.length !== 2) continue
      perStep += dims[0]! * dims[1]!
      rows += dims[0]!
    }
    // Each gate adds the products of two matrices; the gates of a direction are found together.
    const products = name.startsWith('BIDIRECTIONAL') ? 2 : 1
    const width = Math.max(Math.round(rows / 2 / products), 1)
    const steps = x.dims.length === 3 ? { count, products, width, passes: products, elements: width } : undefined
    return input.network.custom(name, input.tensors(), input.outputs, count * perStep, steps)
  }

/** Kernel `[depth, height, width, channels, filters]`. */
const conv3d: Rule = (input) => {
  const { network, tensors, outputs, dims } = input
  return network.custom('CONV_3D', tensors(), outputs, sizeOf(outputs[0]!) * sizeOf(dims(1).slice(0, 4)))
}

const batchMatmul: Rule = ({ network, tensor, options }) => [
  network.matmul(tensor(0), tensor(1), options?.bool(0) === true, options?.bool(1) === true),
]

/** How each built-in operator becomes part of a network. Those without a rule are custom operators under their name. */
export const RULES: Readonly<Record<string, Rule>> = {
  CONV_2D: conv2d,
  DEPTHWISE_CONV_2D: depthwiseConv2d,
  TRANSPOSE_CONV: transposeConv2d,
  FULLY_CONNECTED: dense,
  CONV_3D: conv3d,
  BATCH_MATMUL: batchMatmul,
  AVERAGE_POOL_2D: pool('averagePool'),
  MAX_POOL_2D: pool('maxPool'),
  ADD: elementwise('add', 0),
  ADD_N: elementwise('add'),
  SUB: elementwise('subtract', 0),
  MUL: elementwise('multiply', 0),
  DIV: elementwise('divide', 0),
  MAXIMUM: elementwise('maximum'),
  MINIMUM: elementwise('minimum'),
  POW: elementwise('power'),
  SQUARED_DIFFERENCE: elementwise('squaredDifference'),
  LESS: elementwise('compare'),
  LESS_EQUAL: elementwise('compare'),
  GREATER: elementwise('compare'),
  GREATER_EQUAL: elementwise('compare'),
  EQUAL: elementwise('compare'),
  NOT_EQUAL: elementwise('compare'),
  LOGICAL_AND: elementwise('other'),
  LOGICAL_OR: elementwise('other'),
  FLOOR_DIV: elementwise('other'),
  FLOOR_MOD: elementwise('other'),
  ATAN2: elementwise('other'),
  SELECT: elementwise('select'),
  SELECT_V2: elementwise('select'),
  RELU: activation('relu'),
  RELU6: activation('relu6'),
  RELU_N1_TO_1: unary('clip'),
  RELU_0_TO_1: unary('clip'),
  LOGISTIC: activation('sigmoid'),
  HARD_SWISH: activation('hardSwish'),
  SOFTMAX: activation('softmax'),
  LOG_SOFTMAX: activation('softmax'),
  TANH: unary('tanh'),
  EXP: unary('exp'),
  LOG: unary('log'),
  SQRT: unary('sqrt'),
  RSQRT: unary('rsqrt'),
  SQUARE: unary('square'),
  ABS: unary('abs'),
  NEG: unary('negate'),
  GELU: unary('gelu'),
  ELU: unary('elu'),
  ROUND: unary('round'),
  FLOOR: unary('round'),
  CEIL: unary('round'),
  SIN: unary('other'),
  COS: unary('other'),
  SIGN: unary('other'),
  LOGICAL_NOT: unary('other'),
  LEAKY_RELU: ({ network, tensor, options }) => [
    network.pointwise(tensor(0), { kind: 'leakyRelu', alpha: options?.float32(0, 0) ?? 0 }),
  ],
  PRELU: ({ network, tensor }) => [network.prelu(tensor(0), tensor(1))],
  QUANTIZE: ({ network, tensor }) => [network.pointwise(tensor(0), { kind: 'quantize' })],
  DEQUANTIZE: ({ network, tensor }) => [network.pointwise(tensor(0), { kind: 'dequantize' })],
  L2_NORMALIZATION: ({ network, tensor }) => [network.pointwise(tensor(0), { kind: 'unary', function: 'other' })],
  RESHAPE: reshape,
  SQUEEZE: reshape,
  EXPAND_DIMS: reshape,
  PAD: pad,
  PADV2: pad,
  MIRROR_PAD: pad,
  TRANSPOSE: transpose,
  SLICE: slice,
  STRIDED_SLICE: stridedSlice,
  SPLIT: splitAlong(1, 0),
  SPLIT_V: splitAlong(0, 2),
  CONCATENATION: concat,
  PACK: pack,
  UNPACK: unpack,
  RESIZE_BILINEAR: resize('bilinear'),
  RESIZE_NEAREST_NEIGHBOR: resize('nearest'),
  MEAN: reduce('mean'),
  SUM: reduce('sum'),
  REDUCE_PROD: reduce('product'),
  REDUCE_MAX: reduce('max'),
  REDUCE_MIN: reduce('min'),
  REDUCE_ANY: reduce('max'),
  REDUCE_ALL: reduce('min'),
  ARG_MAX: reduce('argMax'),
  ARG_MIN: reduce('argMax'),
  TILE: rearrange('tile'),
  BROADCAST_TO: rearrange('tile'),
  GATHER: rearrange('gather'),
  GATHER_ND: rearrange('gather'),
  EMBEDDING_LOOKUP: ({ network, tensors, outputs }) => [network.rearrange('gather', tensors(), outputs[0]!)],
  DEPTH_TO_SPACE: rearrange('blocks'),
  SPACE_TO_DEPTH: rearrange('blocks'),
  BATCH_TO_SPACE_ND: rearrange('blocks'),
  SPACE_TO_BATCH_ND: rearrange('blocks'),
  REVERSE_V2: rearrange('reverse'),
  CAST: rearrange('cast'),
  SVDF: recurrent('SVDF'),
  RNN: recurrent('RNN'),
  LSTM: recurrent('LSTM'),
  UNIDIRECTIONAL_SEQUENCE_RNN: recurrent('UNIDIRECTIONAL_SEQUENCE_RNN'),
  UNIDIRECTIONAL_SEQUENCE_LSTM: recurrent('UNIDIRECTIONAL_SEQUENCE_LSTM'),
  BIDIRECTIONAL_SEQUENCE_RNN: recurrent('BIDIRECTIONAL_SEQUENCE_RNN'),
  BIDIRECTIONAL_SEQUENCE_LSTM: recurrent('BIDIRECTIONAL_SEQUENCE_LSTM'),
}
