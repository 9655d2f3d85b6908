import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import { identityOrder, type LaidOut, onnxDims, toOrder } from './layout.ts'
import type { NodeInput, NodeRule } from './rules.ts'

/**
 * Operators that no kind of the network stands for, but whose shape and products follow from their operands: custom kernels
 * under their names.
 */

/** Every operand in ONNX's own order. */
const operandsOf = (input: NodeInput) =>
  input.node.inputs.flatMap((_, i) => {
    if (!input.has(i)) return []
    const value = input.value(i)
    return [toOrder(input.network, value, identityOrder(value.order.length)).tensor]
  })

function custom(input: NodeInput, dims: readonly (readonly number[])[], macs?: number): readonly LaidOut[] {
  if (dims.some((one) => one.some((length) => !Number.isInteger(length) || length < 1)))
    throw new UserError('its operands give a result without whole lengths')
  const tensors = input.network.custom(input.node.opType, operandsOf(input), dims, macs)
  return tensors.map((tensor) => ({ tensor, order: identityOrder(tensor.dims.length) }))
}

/** Lengths of the axes behind the channels that a window gives. */
function slid({ node }: NodeInput, lengths: readonly number[], kernel: readonly number[]): readonly number[] {
  const list = (name: string, otherwise: number): readonly number[] =>
    node.integers.get(name) ?? kernel.map(() => otherwise)
  const [strides, dilations, pads] = [list('strides', 1), list('dilations', 1), node.integers.get('pads') ?? []]
  const round = node.integers.get('ceil_mode')?.[0] === 1 ? Math.ceil : Math.floor
  const same = (node.texts.get('auto_pad') ?? '').startsWith('SAME')
  return lengths.map((length, axis) => {
    if (same) return Math.ceil(length / strides[axis]!)
    const total = (pads[axis] ?? 0) + (pads[axis + kernel.length] ?? 0)
    return round((length + total - (kernel[axis]! - 1) * dilations[axis]! - 1) / strides[axis]!) + 1
  })
}

/** A convolution over any number of axes. @param kernel position of the kernel among the operands */
export function convolutionOverVolume(input: NodeInput, kernel: number): readonly LaidOut[] {
  const [batch = 1, , ...lengths] = input.dims(0)
  const [filters = 1, own = 1, ...taps] = input.dims(kernel)
  const dims = [batch, filters, ...slid(input, lengths, taps)]
  return custom(input, [dims], sizeOf(dims) * own * sizeOf(taps))
}

export function poolOverVolume(input: NodeInput): readonly LaidOut[] {
  const [batch = 1, channels = 1, ...lengths] = input.dims(0)
  const kernel = input.node.integers.get('kernel_shape') ?? []
  if (kernel.length !== lengths.length) throw new UserError(`its window has ${kernel.length} axes`)
  return custom(input, [[batch, channels, ...slid(input, lengths, kernel)]])
}

/** Sums of products over the letters that the result does not have. */
const einsum: NodeRule = (input) => {
  const equation = (input.node.texts.get('equation') ?? '').replaceAll(' ', '')
  const [left = '', right] = equation.split('->')
  const terms = left.split(',')
  if (right === undefined || !/^[a-zA-Z,]*$/.test(left) || !/^[a-zA-Z]*$/.test(right))
    throw new UserError(`its equation '${equation}' cannot be priced; write it with one letter for each axis`)
  const lengths = new Map<string, number>()
  terms.forEach((term, i) => {
    const dims = input.dims(i)
    if (term.length !== dims.length) throw new UserError(`its equation has ${term.length} axes for ${dims.length}`)
    ;[...term].forEach((letter, axis) => {
      lengths.set(letter, Math.max(lengths.get(letter) ?? 1, dims[axis]!))
    })
  })
  const dims = [...right].map((letter) => lengths.get(letter) ?? 1)
  return custom(input, [dims], terms.length > 1 ? sizeOf([...lengths.values()]) : undefined)
}

/** Attention of operator set 23, and of ONNX Runtime: scores of queries and keys, and values weighted with them. */
const attention: NodeRule = (input) => {
  const query = input.dims(0)
  if (input.node.domain !== '' && input.node.opType === 'Attention') return packedAttention(input)
  if (!input.has(1) || !input.has(2)) throw new UserError('its keys or values are missing, which cannot be priced')
  const [key, value] = [input.dims(1), input.dims(2)]
  const isSplit = query.length === 4
  const [rows, columns] = [query.at(-2)!, key.at(-2)!]
  const outer = isSplit ? query[0]! * query[1]! : query[0]!
  const macs = outer * rows * columns * (query.at(-1)! + value.at(-1)!)
  const dims = query.with(-1, isSplit ? value.at(-1)! : query.at(-1)!)
  return custom(input, [dims, ...input.node.outputs.slice(1).map(() => dims)], macs)
}

/** One matrix gives queries, keys and values, as many of each. */
function packedAttention(input: NodeInput): readonly LaidOut[] {
  const [batch = 1, rows = 1, features = 1] = input.dims(0)
  const size = (input.dims(1).at(-1) ?? 3) / 3
  const macs = batch * rows * (3 * features * size + 2 * rows * size)
  return custom(input, [[batch, rows, size]], macs)
}

/** Samples of a map at computed places. */
const gridSample: NodeRule = (input) => {
  const [batch = 1, channels = 1] = input.dims(0)
  return custom(input, [[batch, channels, ...input.dims(1).slice(1, -1)]])
}

const roiAlign: NodeRule = (input) => {
  const [height, width] = [input.integer('output_height', 1), input.integer('output_width', 1)]
  return custom(input, [[input.dims(1)[0] ?? 1, input.dims(0)[1] ?? 1, height, width]])
}

const deformConv: NodeRule = (input) => convolutionOverVolume(input, 1)

const gatherNd: NodeRule = (input) => {
  const [data, indices] = [input.dims(0), input.dims(1)]
  const batch = input.integer('batch_dims', 0)
  const result = [...indices.slice(0, -1), ...data.slice(batch + (indices.at(-1) ?? 0))]
  return custom(input, [result.length === 0 ? [1] : result])
}

/** A result of the shape of the first operand. */
const alike: NodeRule = (input) => custom(input, [input.dims(0)])

/** Products of each row with a rotation: `[batch, heads, length, size]` or `[batch, length, heads · size]`. */
const rotary: NodeRule = (input) => {
  const value = input.value(0)
  return custom(input, [onnxDims(value)], 2 * sizeOf(value.tensor.dims))
}

export const WIDE_RULES: Readonly<Record<string, NodeRule>> = {
  Einsum: einsum,
  Attention: attention,
  MultiHeadAttention: attention,
  RotaryEmbedding: rotary,
  GridSample: gridSample,
  RoiAlign: roiAlign,
  DeformConv: deformConv,
  GatherND: gatherNd,
  LpPool: poolOverVolume,
  Trilu: alike,
  Hardmax: alike,
  ReverseSequence: alike,
  Shrink: alike,
  ThresholdedRelu: alike,
  IsNaN: alike,
  IsInf: alike,
  Bernoulli: alike,
  RandomNormalLike: alike,
  RandomUniformLike: alike,
}
