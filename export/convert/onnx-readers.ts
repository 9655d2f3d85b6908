import type { OnnxFileNode } from '../../formats/onnx/read-onnx.ts'
import { elementTypeOf } from '../../formats/onnx/read-tensor.ts'
import { UserError } from '../../lib/errors.ts'
import { sameShape, sizeOf } from '../../network/shapes.ts'
import type { ActivationKind, Pair, Shape } from '../../network/types.ts'
import { type Amounts, addConvolution } from './float-convolution.ts'
import { addPool } from './float-pools.ts'
import type { OnnxFloatImport, OnnxValue } from './onnx-float-import.ts'

interface Input {
  readonly network: OnnxFloatImport
  readonly node: OnnxFileNode
}
type Reader = (input: Input) => OnnxValue

/** Of height and width; a sequence is a map of one row. */
const pairOf = ({ integers }: OnnxFileNode, name: string): Pair => {
  const list = integers.get(name) ?? []
  return list.length === 1 ? [1, list[0]!] : [list[0] ?? 1, list[1] ?? 1]
}
const isSet = ({ integers }: OnnxFileNode, name: string): boolean => (integers.get(name)?.[0] ?? 0) !== 0

const isMap = ({ shape }: OnnxValue): boolean => shape.length === 3
function mapOf({ network, node }: Input): OnnxValue {
  const x = network.value(node.inputs[0]!)
  if (!isMap(x)) throw new UserError('its input is no map of height, width and channels')
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

const conv: Reader = (input) => {
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

/** Columns of weights `[units, features]` in our order of a flattened map's elements. */
function inOurOrder(weights: Float32Array, features: number, flattened: Shape | undefined): Float32Array {
  if (flattened === undefined) return weights
  const [height, width, channels] = flattened as readonly [number, number, number]
  return Float32Array.from({ length: weights.length }, (_, i) => {
    const [unit, feature] = [Math.floor(i / features), i % features]
    const [pixel, channel] = [Math.floor(feature / channels), feature % channels]
    return weights[unit * features + channel * height * width + pixel]!
  })
}

const transposed = (weights: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: weights.length }, (_, i) => weights[(i % rows) * columns + Math.floor(i / rows)]!)

function dense({ network, node }: Input, turned: boolean, bias: (units: number) => Float32Array): OnnxValue {
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

const gemm: Reader = (input) => {
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

const batchNorm: Reader = (input) => {
  const { network, node } = input
  const [gamma, beta, movingMean, movingVariance] = node.inputs.slice(1).map((name) => network.stored(name))
  const epsilon = node.floats.get('epsilon')?.[0] ?? 1e-5
  const weights = { gamma: gamma!, beta: beta!, movingMean: movingMean!, movingVariance: movingVariance! }
  return network.add({ kind: 'batchNorm', epsilon }, [mapOf(input)], weights)
}

const activation =
  (kind: ActivationKind): Reader =>
  ({ network, node }) => {
    const x = network.value(node.inputs[0]!)
    const result = network.add({ kind }, [x])
    return x.flattened === undefined ? result : { ...result, flattened: x.flattened }
  }

const clip: Reader = (input) => {
  const { network, node } = input
  const bound = (at: number, name: string): number | undefined =>
    (node.inputs[at] ?? '') === '' ? node.floats.get(name)?.[0] : network.integers(node.inputs[at]!)?.[0]
  const [low, high] = [bound(1, 'min'), bound(2, 'max')]
  if (low === 0 && high === 6) return activation('relu6')(input)
  if (low === 0 && high === undefined) return activation('relu')(input)
  throw new UserError(`it clips to ${low} and ${high}; 0 and 6 are converted`)
}

const hardSigmoid: Reader = (input) => {
  const { floats } = input.node
  const [alpha, beta] = [floats.get('alpha')?.[0] ?? 0.2, floats.get('beta')?.[0] ?? 0.5]
  if (Math.abs(alpha - 1 / 6) > 1e-6 || beta !== 0.5)
    throw new UserError(`its slope is ${alpha} and its middle ${beta}; 1/6 and 0.5 are converted`)
  return activation('hardSigmoid')(input)
}

const softmax: Reader = (input) => {
  const { network, node } = input
  const x = network.value(node.inputs[0]!)
  const axis = node.integers.get('axis')?.[0] ?? -1
  if (x.shape.length !== 1 || (axis !== -1 && axis !== 1) || x.flattened !== undefined)
    throw new UserError('it is not over the features of a vector, which alone is converted')
  return network.add({ kind: 'softmax' }, [x])
}

/** A constant of one value, or of one a channel, as `[channels, 1, 1]` or with a batch axis. */
function withConstant({ network, node }: Input, scales: boolean): OnnxValue {
  const [first, second] = node.inputs as readonly [string, string]
  const stored = network.isStored(first) ? first : second
  const x = network.value(stored === first ? second : first)
  const dims = network.dimsOf(stored)
  if (x.shape.length === 3 && sizeOf(dims) > 1 && dims.at(1 - network.rank) !== sizeOf(dims))
    throw new UserError('its stored operand is neither one value nor one a channel')
  const values = network.stored(stored)
  if (!scales && x.bias !== undefined && network.readers(stored === first ? second : first) === 1) {
    for (let i = 0; i < x.bias.length; i++) x.bias[i]! += values[values.length === 1 ? 0 : i]!
    return { node: x.node, shape: x.shape }
  }
  return scales ? network.perChannel(x, values, [0]) : network.perChannel(x, [1], values)
}

const add: Reader = (input) => {
  const { network, node } = input
  if (node.inputs.some(network.isStored)) return withConstant(input, false)
  const [a, b] = node.inputs.map((name) => network.value(name)) as [OnnxValue, OnnxValue]
  if (!sameShape(a.shape, b.shape)) throw new UserError('its operands have different shapes, which is not converted')
  return network.add({ kind: 'add' }, [a, b])
}

/** Sums of several are sums of two, one behind the other: their int8 kernels have one arithmetic everywhere. */
const sum: Reader = ({ network, node }) => {
  const [first, ...others] = node.inputs.map((name) => network.value(name))
  if (first === undefined || others.some(({ shape }) => !sameShape(shape, first.shape)))
    throw new UserError('its operands have different shapes, which is not converted')
  return others.reduce<OnnxValue>((total, other) => network.add({ kind: 'add' }, [total, other]), first)
}

const multiply: Reader = (input) => {
  const { network, node } = input
  if (node.inputs.some(network.isStored)) return withConstant(input, true)
  const operands = node.inputs.map((name) => network.value(name))
  return network.add(
    { kind: 'multiply' },
    operands.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape)),
  )
}

const pool =
  (kind: 'averagePool' | 'maxPool'): Reader =>
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

const globalPool: Reader = (input) => input.network.add({ kind: 'globalAveragePool', keepDims: true }, [mapOf(input)])

const reduceMean: Reader = (input) => {
  const { network, node } = input
  const x = mapOf(input)
  const given = node.integers.get('axes') ?? network.integers(node.inputs[1] ?? '')
  const axes = given?.map((axis) => (axis < 0 ? axis + network.rank : axis))
  if (axes?.toSorted((a, b) => a - b).join() !== (network.rank === 3 ? '2' : '2,3'))
    throw new UserError('it is not over height and width, which alone is converted')
  return network.add({ kind: 'globalAveragePool', keepDims: node.integers.get('keepdims')?.[0] !== 0 }, [x])
}

/** Flatten, Reshape and Squeeze to a vector. */
const vector: Reader = ({ network, node }) => {
  const x = network.value(node.inputs[0]!)
  const target = node.opType === 'Reshape' ? network.integers(node.inputs[1]!) : undefined
  const features = sizeOf(x.shape)
  const fits = target === undefined || (target.length === 2 && (target[1] === -1 || target[1] === features))
  if (
    !fits ||
    (node.opType === 'Squeeze' && features !== x.shape.at(-1)) ||
    (node.integers.get('axis')?.[0] ?? 1) !== 1
  )
    throw new UserError('it does not make a vector of each sample, which alone is converted')
  const flat = network.shaped(x, [features])
  return isMap(x) && x.shape[0]! * x.shape[1]! > 1 ? { ...flat, flattened: x.shape } : flat
}

const concat: Reader = ({ network, node }) => {
  const operands = node.inputs.map((name) => network.value(name))
  const axis = node.integers.get('axis')?.[0] ?? 1
  if (!operands.every(isMap) || (axis !== 1 && axis !== -3))
    throw new UserError('it joins other things than the channels of maps, which is not converted')
  return operands.length === 1 ? operands[0]! : network.add({ kind: 'concat' }, operands)
}

/** Between kinds of floats only: the network computes in one of them. */
const cast: Reader = (input) => {
  const to = elementTypeOf(input.node.integers.get('to')?.[0] ?? 0)
  if (!FLOATS.has(to)) throw new UserError(`it casts to ${to}, which is not converted`)
  return same(input)
}
const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16', 'float64'])

const same: Reader = ({ network, node }) => network.value(node.inputs[0]!)

/** Operators that a float ONNX file can hold. */
export const ONNX_READERS: Readonly<Record<string, Reader>> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: (input) => dense(input, false, (units) => new Float32Array(units)),
  BatchNormalization: batchNorm,
  Relu: activation('relu'),
  Clip: clip,
  Sigmoid: activation('sigmoid'),
  HardSigmoid: hardSigmoid,
  HardSwish: activation('hardSwish'),
  Softmax: softmax,
  Add: add,
  Sum: sum,
  Mul: multiply,
  MaxPool: pool('maxPool'),
  AveragePool: pool('averagePool'),
  GlobalAveragePool: globalPool,
  ReduceMean: reduceMean,
  Flatten: vector,
  Reshape: vector,
  Squeeze: vector,
  Concat: concat,
  Identity: same,
  Dropout: same,
  Cast: cast,
}
