import type { OnnxFileNode } from '../../formats/onnx/read-onnx.ts'
import { elementTypeOf } from '../../formats/onnx/read-tensor.ts'
import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { ActivationKind, Pair } from '../../network/types.ts'
import { type Amounts, addConvolution } from './float-convolution.ts'
import { addPool } from './float-pools.ts'
import { add, divide, multiply, subtract, sum } from './onnx-arithmetic.ts'
import type { OnnxValue } from './onnx-float-import.ts'
import { commonLayout, inOurOrder, layoutOf, reshapedValue, transposedValue, vectorOf } from './onnx-layout.ts'
import { isMap, type OnnxInput, type OnnxReader } from './onnx-reader.ts'

/** Of height and width; a sequence is a map of one row. */
const pairOf = ({ integers }: OnnxFileNode, name: string): Pair => {
  const list = integers.get(name) ?? []
  return list.length === 1 ? [1, list[0]!] : [list[0] ?? 1, list[1] ?? 1]
}
const isSet = ({ integers }: OnnxFileNode, name: string): boolean => (integers.get(name)?.[0] ?? 0) !== 0

function mapOf({ network, node }: OnnxInput): OnnxValue {
  const x = network.value(node.inputs[0]!)
  if (!isMap(x)) throw new UserError('its input is no map of height, width and channels')
  if (x.last === true)
    throw new UserError('it reads maps with the channels first, and its input has them last, which is not converted')
  return x
}

/** Padding of a window: SAME_UPPER, VALID, or sizes. */
function paddingOf({ integers, texts }: OnnxFileNode): 'same' | Amounts {
  const auto = texts.get('auto_pad') ?? 'NOTSET'
  if (auto === 'SAME_UPPER') return 'same'
  if (auto !== 'NOTSET' && auto !== 'VALID') throw new UserError(`auto_pad is ${auto}, which is not converted`)
  const pads = auto === 'VALID' ? [] : (integers.get('pads') ?? [])
  const [top = 0, left = 0, bottom = 0, right = 0] = pads.length === 2 ? [0, pads[0]!, 0, pads[1]!] : pads
  return [
    [top, bottom],
    [left, right],
  ]
}

/** `[filters, channels, taps]` to `[filters, taps, channels]`. */
function tapsFirst(weights: Float32Array, channels: number, taps: number): Float32Array {
  const size = channels * taps
  return Float32Array.from({ length: weights.length }, (_, i) => {
    const filter = Math.floor(i / size)
    const [tap, channel] = [Math.floor((i % size) / channels), i % channels]
    return weights[filter * size + channel * taps + tap]!
  })
}

const conv: OnnxReader = (input) => {
  const { network, node } = input
  const x = mapOf(input)
  const dims = network.dimsOf(node.inputs[1]!)
  const [count = 0, own = 0, height = 0, width = 0] = dims.length === 3 ? dims.toSpliced(2, 0, 1) : dims
  const channels = x.shape[2]!
  const groups = node.integers.get('group')?.[0] ?? 1
  if (own * groups !== channels || count % groups !== 0 || height < 1 || width < 1)
    throw new UserError(`its ${count} filters of ${own} channels in ${groups} groups do not fit ${channels} channels`)
  const weights = network.stored(node.inputs[1]!)
  const bias = (node.inputs[2] ?? '') === '' ? new Float32Array(count) : network.stored(node.inputs[2]!)
  const depthwise = own === 1 && count === channels
  const filters = { count, kernel: [height, width], dilation: pairOf(node, 'dilations'), channels, own } as const
  return addConvolution(network, {
    x,
    filters: { ...filters, layout: depthwise ? 'taps' : 'filters' },
    // One filter a channel: [filters, taps] becomes [taps, filters].
    weights: depthwise ? tapsFirst(weights, count, height * width) : tapsFirst(weights, own, height * width),
    bias,
    stride: pairOf(node, 'strides'),
    padding: paddingOf(node),
    activation: 'none',
  })
}

const transposed = (weights: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: weights.length }, (_, i) => weights[(i % rows) * columns + Math.floor(i / rows)]!)

function dense({ network, node }: OnnxInput, turned: boolean, bias: (units: number) => Float32Array): OnnxValue {
  const x = network.value(node.inputs[0]!)
  const [rows = 0, columns = 0] = network.dimsOf(node.inputs[1]!)
  const [units, features] = turned ? [rows, columns] : [columns, rows]
  if (x.shape.length !== 1 || x.shape[0] !== features)
    throw new UserError(`its weights are for ${features} features, its input is ${x.shape.join('×')}`)
  const stored = network.stored(node.inputs[1]!)
  const kernel = inOurOrder(turned ? stored : transposed(stored, rows, columns), features, x.flattened)
  const added = bias(units)
  return { ...network.add({ kind: 'dense', units, bias: true }, [x], { kernel, bias: added }), bias: added }
}

const gemm: OnnxReader = (input) => {
  const { network, node } = input
  if (['alpha', 'beta'].some((name) => (node.floats.get(name)?.[0] ?? 1) !== 1) || node.integers.get('transA')?.[0])
    throw new UserError('it has factors or a transposed input, which is not converted')
  const bias = (units: number): Float32Array => {
    const values = (node.inputs[2] ?? '') === '' ? new Float32Array(units) : network.stored(node.inputs[2]!)
    if (values.length !== units) throw new UserError(`its bias has ${values.length} values for ${units} units`)
    return values
  }
  return dense(input, (node.integers.get('transB')?.[0] ?? 0) === 1, bias)
}

const product: OnnxReader = (input) => {
  const { network, node } = input
  const [first = '', second = ''] = node.inputs
  const map = network.isStored(first) ? second : first
  if (network.isStored(first) !== network.isStored(second) && isMap(network.value(map)))
    throw new UserError(
      'it resizes maps by a stored matrix, as a file of frugal export does whose network is smaller than the samples of its data; give what frugal export --format tflite or tflite-float32 writes, which reads resized samples',
    )
  return dense(input, false, (units) => new Float32Array(units))
}

const batchNorm: OnnxReader = (input) => {
  const { network, node } = input
  const [gamma, beta, movingMean, movingVariance] = node.inputs.slice(1).map((name) => network.stored(name))
  const epsilon = node.floats.get('epsilon')?.[0] ?? 1e-5
  const weights = { gamma: gamma!, beta: beta!, movingMean: movingMean!, movingVariance: movingVariance! }
  const x = network.value(node.inputs[0]!)
  if (isMap(x) || x.flattened !== undefined) return network.add({ kind: 'batchNorm', epsilon }, [mapOf(input)], weights)
  const map = network.shaped(x, [1, 1, sizeOf(x.shape)])
  return network.shaped(network.add({ kind: 'batchNorm', epsilon }, [map], weights), x.shape)
}

const activation =
  (kind: ActivationKind): OnnxReader =>
  ({ network, node }) => {
    const x = network.value(node.inputs[0]!)
    return { ...network.add({ kind }, [x]), ...layoutOf(x) }
  }

const clip: OnnxReader = (input) => {
  const { network, node } = input
  const bound = (at: number, name: string): number | undefined =>
    (node.inputs[at] ?? '') === '' ? node.floats.get(name)?.[0] : network.integers(node.inputs[at]!)?.[0]
  const [low, high] = [bound(1, 'min'), bound(2, 'max')]
  if (low === 0 && high === 6) return activation('relu6')(input)
  if (low === 0 && high === undefined) return activation('relu')(input)
  throw new UserError(`it clips to ${low} and ${high}; 0 and 6 are converted`)
}

const hardSigmoid: OnnxReader = (input) => {
  const { floats } = input.node
  const [alpha, beta] = [floats.get('alpha')?.[0] ?? 0.2, floats.get('beta')?.[0] ?? 0.5]
  if (Math.abs(alpha - 1 / 6) > 1e-6 || beta !== 0.5)
    throw new UserError(`its slope is ${alpha} and its middle ${beta}; 1/6 and 0.5 are converted`)
  return activation('hardSigmoid')(input)
}

const softmax: OnnxReader = (input) => {
  const { network, node } = input
  const x = network.value(node.inputs[0]!)
  const axis = node.integers.get('axis')?.[0] ?? -1
  if (x.shape.length !== 1 || (axis !== -1 && axis !== 1) || x.flattened !== undefined)
    throw new UserError('it is not over the features of a vector, which alone is converted')
  return { ...network.add({ kind: 'softmax' }, [x]), isSoftmax: true }
}

const pool =
  (kind: 'averagePool' | 'maxPool'): OnnxReader =>
  (input) => {
    const { network, node } = input
    const x = mapOf(input)
    const [kernel, stride] = [pairOf(node, 'kernel_shape'), pairOf(node, 'strides')]
    if (pairOf(node, 'dilations').some((n) => n !== 1))
      throw new UserError('its windows are dilated, which is not converted')
    const [roundsUp, countsPadding] = ['ceil_mode', 'count_include_pad'].map((name) => isSet(node, name))
    const padding = paddingOf(node)
    if (padding === 'same' && countsPadding)
      throw new UserError('it counts padding and has SAME, which is not converted')
    return addPool(network, { x, kind, kernel, stride, padding, roundsUp: roundsUp!, countsPadding: countsPadding! })
  }

const globalPool: OnnxReader = (input) =>
  input.network.add({ kind: 'globalAveragePool', keepDims: true }, [mapOf(input)])

const reduceMean: OnnxReader = (input) => {
  const { network, node } = input
  const x = network.value(node.inputs[0]!)
  const given = node.integers.get('axes') ?? network.integers(node.inputs[1] ?? '')
  const axes = given?.map((axis) => (axis < 0 ? axis + network.rank : axis)).toSorted((a, b) => a - b)
  const first = x.last === true ? 1 : 2
  if (!isMap(x) || axes?.join() !== (network.rank === 3 ? `${first}` : `${first},${first + 1}`))
    throw new UserError('it is not over height and width of a map, which alone is converted')
  const keepDims = node.integers.get('keepdims')?.[0] !== 0
  const mean = network.add({ kind: 'globalAveragePool', keepDims }, [x])
  return keepDims ? { ...mean, ...layoutOf(x) } : mean
}

const flatten: OnnxReader = ({ network, node }) => {
  const x = network.value(node.inputs[0]!)
  if ((node.integers.get('axis')?.[0] ?? 1) !== 1)
    throw new UserError('it does not make a vector of each sample, which alone is converted')
  return vectorOf(network, x)
}

const squeeze: OnnxReader = ({ network, node }) => {
  const x = network.value(node.inputs[0]!)
  if (sizeOf(x.shape) !== x.shape.at(-1))
    throw new UserError('it does not make a vector of each sample, which alone is converted')
  return vectorOf(network, x)
}

const reshape: OnnxReader = ({ network, node }) => {
  const target = network.integers(node.inputs[1] ?? '') ?? node.integers.get('shape')
  if (target === undefined) throw new UserError('its shape is not stored in the file')
  return reshapedValue(network, network.value(node.inputs[0]!), target)
}

const transpose: OnnxReader = ({ network, node }) =>
  transposedValue(network, network.value(node.inputs[0]!), node.integers.get('perm'))

const concat: OnnxReader = ({ network, node }) => {
  const operands = node.inputs.map((name) => network.value(name))
  const layout = commonLayout(operands)
  const areVectors = operands.every(({ shape, flattened }) => shape.length === 1 && flattened === undefined)
  const rank = areVectors ? 2 : network.rank
  const axis = node.integers.get('axis')?.[0] ?? 1
  if (
    (!areVectors && !operands.every(isMap)) ||
    (axis < 0 ? axis + rank : axis) !== (layout.last === true ? rank - 1 : 1)
  )
    throw new UserError('it joins other things than the channels of maps or vectors, which is not converted')
  return operands.length === 1 ? operands[0]! : { ...network.add({ kind: 'concat' }, operands), ...layout }
}

/** Between kinds of floats only: the network computes in one of them. */
const cast: OnnxReader = (input) => {
  const to = elementTypeOf(input.node.integers.get('to')?.[0] ?? 0)
  if (!FLOATS.has(to)) throw new UserError(`it casts to ${to}, which is not converted`)
  return same(input)
}
const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16', 'float64'])

const same: OnnxReader = ({ network, node }) => network.value(node.inputs[0]!)

/** Operators that a float ONNX file can hold. */
export const ONNX_READERS: Readonly<Record<string, OnnxReader>> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: product,
  BatchNormalization: batchNorm,
  Relu: activation('relu'),
  Clip: clip,
  Sigmoid: activation('sigmoid'),
  HardSigmoid: hardSigmoid,
  HardSwish: activation('hardSwish'),
  Softmax: softmax,
  Add: add,
  Sub: subtract,
  Div: divide,
  Sum: sum,
  Mul: multiply,
  MaxPool: pool('maxPool'),
  AveragePool: pool('averagePool'),
  GlobalAveragePool: globalPool,
  ReduceMean: reduceMean,
  Flatten: flatten,
  Reshape: reshape,
  Squeeze: squeeze,
  Transpose: transpose,
  Concat: concat,
  Identity: same,
  Dropout: same,
  Cast: cast,
}
