import { UserError } from '../../lib/errors.ts'
import { broadcastShape } from '../../network/imported-op-kinds.ts'
import type { OpOf, Pair } from '../../network/types.ts'
import {
  channelsLastOrder,
  identityOrder,
  type LaidOut,
  onnxDims,
  padRank,
  reshaped,
  toOrder,
  transposed,
} from './layout.ts'
import {
  axisOf,
  axisWithin,
  flattened,
  listOf,
  requiredList,
  reshapeTarget,
  sliceBounds,
  splitSizes,
  squeezed,
  unsqueezed,
} from './lists.ts'
import { asMap, fromMap, windowed } from './product-rules.ts'
import type { NodeInput, NodeRule } from './rules.ts'
import { poolOverVolume } from './wide-rules.ts'

/** The first operand in ONNX's own order. */
function inOnnxOrder(input: NodeInput): LaidOut {
  const value = input.value(0)
  return toOrder(input.network, value, identityOrder(value.order.length))
}

const reshape =
  (target: (input: NodeInput, dims: readonly number[]) => readonly number[]): NodeRule =>
  (input) => {
    const value = input.value(0)
    return [reshaped(input.network, value, target(input, onnxDims(value)))]
  }

const transpose: NodeRule = (input) => {
  const value = input.value(0)
  const rank = value.order.length
  const permutation = input.node.integers.get('perm') ?? [...identityOrder(rank)].reverse()
  if (permutation.length !== rank || new Set(permutation).size !== rank)
    throw new UserError(`its order has ${permutation.length} axes, its input ${rank}`)
  return [transposed(value, permutation)]
}

const concatOf =
  (places: (input: NodeInput) => readonly number[]): NodeRule =>
  (input) => {
    const { network } = input
    const operands = places(input)
    const lead = input.value(operands.find((i) => input.isComputed(i)) ?? operands[0]!)
    const axis = axisOf(input.node, lead.order.length, 0)
    const tensors = operands.map((i) => toOrder(network, input.value(i), lead.order).tensor)
    return [{ tensor: network.concat(tensors, lead.order.indexOf(axis)), order: lead.order }]
  }

const split: NodeRule = (input) => {
  const { network, node } = input
  const value = input.value(0)
  const dims = onnxDims(value)
  const axis = axisOf(input.node, dims.length, 0)
  const sizes = splitSizes(node, dims[axis]!, input.stored(1))
  return network.split(value.tensor, value.order.indexOf(axis), sizes).map((tensor) => ({ tensor, order: value.order }))
}

const slice: NodeRule = (input) => {
  const { network, node, stored } = input
  const value = input.value(0)
  const dims = onnxDims(value)
  const starts = requiredList(node, 'starts', stored(1))
  const ends = requiredList(node, 'ends', stored(2))
  const axes = (listOf(node, 'axes', stored(3)) ?? starts.map((_, i) => i)).map((axis) => axisWithin(axis, dims.length))
  const steps = listOf(node, 'steps', stored(4))
  const bounds = value.order.map((axis) => {
    const i = axes.indexOf(axis)
    const length = dims[axis]!
    return i === -1 ? { begin: 0, size: length, step: 1 } : sliceBounds(length, starts[i]!, ends[i]!, steps?.[i] ?? 1)
  })
  if (bounds.some(({ step }) => step < 0)) {
    const lying = bounds.map(({ size }) => size)
    return [{ tensor: network.rearrange('reverse', [value.tensor], lying), order: value.order }]
  }
  const tensor = network.slice(
    value.tensor,
    bounds.map(({ begin }) => begin),
    bounds.map(({ size }) => size),
    bounds.map(({ step }) => step),
  )
  return [{ tensor, order: value.order }]
}

const pad: NodeRule = (input) => {
  const value = input.value(0)
  const rank = value.order.length
  const amounts = requiredList(input.node, 'pads', input.stored(1))
  const axes = input.stored(3)?.values?.map((axis) => axisWithin(axis, rank)) ?? identityOrder(rank)
  const pairs = value.order.map((axis): Pair => {
    const i = axes.indexOf(axis)
    return i === -1 ? [0, 0] : [amounts[i] ?? 0, amounts[i + axes.length] ?? 0]
  })
  return [{ tensor: input.network.pad(value.tensor, pairs), order: value.order }]
}

/** A copy whose dimensions are given in ONNX's order. */
function rearranged(input: NodeInput, operation: OpOf<'rearrange'>['operation'], dims: readonly number[]): LaidOut {
  const value = input.value(0)
  const { tensor, order } =
    dims.length === value.order.length ? value : { ...inOnnxOrder(input), order: identityOrder(dims.length) }
  const lying = order.map((axis) => dims[axis]!)
  return { tensor: input.network.rearrange(operation, [tensor], lying), order }
}

const expand: NodeRule = (input) => {
  const target = requiredList(input.node, 'lengths', input.stored(1))
  const value = padRank(input.network, input.value(0), target.length)
  const dims = broadcastShape([onnxDims(value), target], 'it')
  const lying = value.order.map((axis) => dims[axis]!)
  return [{ tensor: input.network.rearrange('tile', [value.tensor], lying), order: value.order }]
}

const tile: NodeRule = (input) => {
  const repeats = requiredList(input.node, 'repeats', input.stored(1))
  return [
    rearranged(
      input,
      'tile',
      input.dims(0).map((length, axis) => length * (repeats[axis] ?? 1)),
    ),
  ]
}

/** One stored index: a slice, whose axis then goes. */
function elementAt(input: NodeInput, index: number): LaidOut {
  const { tensor, order } = input.value(0)
  const axis = axisOf(input.node, order.length, 0)
  const place = order.indexOf(axis)
  const at = index < 0 ? index + tensor.dims[place]! : index
  const [begin, size] = [tensor.dims.map((_, i) => (i === place ? at : 0)), tensor.dims.with(place, 1)]
  const part = input.network.slice(
    tensor,
    begin,
    size,
    size.map(() => 1),
  )
  const left = order.filter((one) => one !== axis).map((one) => (one > axis ? one - 1 : one))
  return { tensor: input.network.reshape(part, size.toSpliced(place, 1)), order: left }
}

const gather: NodeRule = (input) => {
  const { network } = input
  const one = input.stored(1)
  if (one !== undefined && one.dims.length === 0 && one.values !== undefined) return [elementAt(input, one.values[0]!)]
  const data = inOnnxOrder(input)
  const [dims, indices] = [onnxDims(data), input.dims(1)]
  const axis = axisOf(input.node, dims.length, 0)
  const result = [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)]
  const operands = [data.tensor, ...(input.isComputed(1) ? [input.value(1).tensor] : [])]
  return [{ tensor: network.rearrange('gather', operands, result), order: identityOrder(result.length) }]
}

const blocks =
  (grow: boolean): NodeRule =>
  (input) => {
    const [batch = 1, channels = 1, height = 1, width = 1] = input.dims(0)
    const size = input.integer('blocksize', 1)
    const area = size * size
    const dims = grow
      ? [batch, channels / area, height * size, width * size]
      : [batch, channels * area, height / size, width / size]
    return [rearranged(input, 'blocks', dims)]
  }

const resize =
  (scales: number, sizes: number): NodeRule =>
  (input) => {
    const { map, flat } = asMap(input.network, input.value(0))
    const dims = input.dims(0)
    const factors = input.stored(scales)?.values ?? input.node.floats.get('scales')
    const target = input.stored(sizes)?.values
    const lengths =
      target?.length === dims.length
        ? target
        : factors?.length === dims.length
          ? dims.map((length, axis) => Math.floor(length * factors[axis]!))
          : undefined
    if (lengths === undefined) throw new UserError('its target size is not fixed in the file; simplify the model first')
    const mode = (input.node.texts.get('mode') ?? 'nearest') === 'nearest' ? 'nearest' : 'bilinear'
    const [height, width] = flat ? [1, lengths[2]!] : [lengths[2]!, lengths[3]!]
    return [fromMap(input.network, input.network.resize(map, height!, width!, mode), flat)]
  }

const pool =
  (kind: 'averagePool' | 'maxPool'): NodeRule =>
  (input) => {
    const size = input.node.integers.get('kernel_shape')
    if (input.dims(0).length > 4) return poolOverVolume(input)
    const { map, flat } = asMap(input.network, input.value(0))
    if (size === undefined || size.length !== (flat ? 1 : 2))
      throw new UserError(`its window has ${size?.length ?? 0} axes`)
    const kernel: Pair = flat ? [1, size[0]!] : [size[0]!, size[1]!]
    const { map: padded, window } = windowed(input, map, flat, kernel)
    const ceiling = input.integer('ceil_mode', 0) === 1
    const { dilation: _, ...plain } = window
    const whole = [0, 1].every((axis) => (padded.dims[axis + 1]! - kernel[axis]!) % window.stride[axis]! === 0)
    // Rounding up reads beyond the edge once more, as SAME does where it gives as many results.
    const padding = ceiling && !whole && plain.padding === 'valid' ? 'same' : plain.padding
    return [fromMap(input.network, input.network.pool(padded, kind, { ...plain, padding }), flat)]
  }

function reduced(
  input: NodeInput,
  operation: OpOf<'reduce'>['operation'],
  axes: readonly number[],
  keepDims: boolean,
  value: LaidOut,
): LaidOut {
  const places = axes.map((axis) => value.order.indexOf(axis)).sort((a, b) => a - b)
  const tensor = input.network.reduce(value.tensor, operation, places, keepDims)
  if (keepDims) return { tensor, order: value.order }
  const left = value.order.filter((axis) => !axes.includes(axis))
  const sorted = [...left].sort((a, b) => a - b)
  return { tensor, order: left.map((axis) => sorted.indexOf(axis)) }
}

const reduce =
  (operation: OpOf<'reduce'>['operation']): NodeRule =>
  (input) => {
    const value = input.value(0)
    const rank = value.order.length
    const given = listOf(input.node, 'axes', input.has(1) ? input.stored(1) : undefined)
    if (given === undefined && input.has(1) && input.isComputed(1)) throw new UserError('its axes are not fixed')
    const axes = [...new Set((given ?? identityOrder(rank)).map((axis) => axisWithin(axis, rank)))]
    if (axes.some((axis) => axis < 0 || axis >= rank)) throw new UserError(`its axes go beyond ${rank}`)
    return [reduced(input, operation, axes, input.integer('keepdims', 1) === 1, value)]
  }

const argMax: NodeRule = (input) => {
  const value = input.value(0)
  const axis = axisOf(input.node, value.order.length, 0)
  return [reduced(input, 'argMax', [axis], input.integer('keepdims', 1) === 1, value)]
}

/** Over all spatial axes. */
const globalPool =
  (operation: 'mean' | 'max'): NodeRule =>
  (input) => {
    const value = input.value(0)
    const laid = toOrder(input.network, value, channelsLastOrder(value.order.length))
    return [reduced(input, operation, identityOrder(value.order.length).slice(2), true, laid)]
  }

/** The largest values of an axis and their places. */
const topK: NodeRule = (input) => {
  const x = inOnnxOrder(input)
  const dims = onnxDims(x)
  const [count = 1] = requiredList(input.node, 'k', input.stored(1))
  const picked = dims.with(axisOf(input.node, dims.length, -1), count)
  const results = input.node.outputs.map(() => picked)
  return input.network
    .custom('TopK', [x.tensor], results)
    .map((tensor) => ({ tensor, order: identityOrder(picked.length) }))
}

/** One axis more, with a one at each index. */
const oneHot: NodeRule = (input) => {
  const [depth = 1] = requiredList(input.node, 'depth', input.stored(1))
  const indices = input.dims(0)
  const axis = axisOf(input.node, indices.length + 1, -1)
  const dims = indices.toSpliced(axis, 0, depth)
  const { tensor } = inOnnxOrder(input)
  return [{ tensor: input.network.rearrange('scatter', [tensor], dims), order: identityOrder(dims.length) }]
}

const gatherElements: NodeRule = (input) => {
  const operands = [0, 1].map((i) => input.value(i).tensor)
  const dims = input.dims(1)
  return [{ tensor: input.network.rearrange('gather', operands, dims), order: identityOrder(dims.length) }]
}

const scatter: NodeRule = (input) => {
  const operands = [0, 1, 2].filter((i) => input.has(i)).map((i) => input.value(i).tensor)
  const dims = input.dims(0)
  return [{ tensor: input.network.rearrange('scatter', operands, dims), order: identityOrder(dims.length) }]
}

export const SHAPE_RULES: Readonly<Record<string, NodeRule>> = {
  Reshape: reshape((input, dims) =>
    reshapeTarget(dims, requiredList(input.node, 'lengths', input.stored(1)), input.integer('allowzero', 0) === 1),
  ),
  Flatten: reshape(({ node }, dims) => flattened(node, dims)),
  Squeeze: reshape((input, dims) => squeezed(dims, listOf(input.node, 'axes', input.stored(1)))),
  Unsqueeze: reshape((input, dims) => unsqueezed(dims, requiredList(input.node, 'axes', input.stored(1)))),
  Transpose: transpose,
  Concat: concatOf((input) => input.node.inputs.map((_, i) => i)),
  // Scale and zero point of the result, then value, scale and zero point of each operand.
  QLinearConcat: concatOf((input) => input.node.inputs.map((_, i) => i).filter((i) => i >= 2 && i % 3 === 2)),
  Split: split,
  Slice: slice,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  Gather: gather,
  GatherElements: gatherElements,
  OneHot: oneHot,
  TopK: topK,
  ScatterElements: scatter,
  ScatterND: scatter,
  DepthToSpace: blocks(true),
  SpaceToDepth: blocks(false),
  Resize: resize(2, 3),
  Upsample: resize(1, 99),
  AveragePool: pool('averagePool'),
  QLinearAveragePool: pool('averagePool'),
  MaxPool: pool('maxPool'),
  NhwcMaxPool: pool('maxPool'),
  GlobalAveragePool: globalPool('mean'),
  QLinearGlobalAveragePool: globalPool('mean'),
  GlobalMaxPool: globalPool('max'),
  ReduceMean: reduce('mean'),
  ReduceSum: reduce('sum'),
  ReduceMax: reduce('max'),
  ReduceMin: reduce('min'),
  ReduceProd: reduce('product'),
  ReduceL1: reduce('norm'),
  ReduceL2: reduce('norm'),
  ReduceSumSquare: reduce('norm'),
  ArgMax: argMax,
  ArgMin: argMax,
}
