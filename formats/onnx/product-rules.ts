import { UserError } from '../../lib/errors.ts'
import { sizeOf, windowExtent, windowOutput, windowPadding } from '../../network/shapes.ts'
import type { Pair } from '../../network/types.ts'
import type { NetworkImport, Tensor, Window } from '../import/network-import.ts'
import { channelsLastOrder, identityOrder, type LaidOut, onnxDims, toOrder, transposed } from './layout.ts'
import type { NodeInput, NodeRule } from './rules.ts'
import { convolutionOverVolume } from './wide-rules.ts'

/** A feature map with channels last and two spatial axes; a sequence gets a height of 1. */
export function asMap(network: NetworkImport, value: LaidOut): { readonly map: Tensor; readonly flat: boolean } {
  const rank = value.order.length
  if (rank !== 3 && rank !== 4) throw new UserError(`it works on ${rank} axes; maps with 3 or 4 can be priced`)
  const { tensor } = toOrder(network, value, channelsLastOrder(rank))
  if (rank === 4) return { map: tensor, flat: false }
  const [batch, length, channels] = tensor.dims as [number, number, number]
  return { map: network.reshape(tensor, [batch, 1, length, channels]), flat: true }
}

/** Back from `asMap`. */
export function fromMap(network: NetworkImport, map: Tensor, flat: boolean): LaidOut {
  if (!flat) return { tensor: map, order: channelsLastOrder(4) }
  const [batch, , length, channels] = map.dims as [number, number, number, number]
  return { tensor: network.reshape(map, [batch, length, channels]), order: channelsLastOrder(3) }
}

const two = (list: readonly number[] | undefined, flat: boolean, otherwise: number): Pair =>
  list === undefined ? [flat ? 1 : otherwise, otherwise] : flat ? [1, list[0]!] : [list[0]!, list[1]!]

/**
 * The window of a convolution or pool. Padding that gives as many outputs as TensorFlow's SAME counts as SAME: it is
 * priced alike, though the odd zero may lie on the other side. Other padding becomes a pad of its own.
 */
export function windowed(
  { network, node }: NodeInput,
  map: Tensor,
  flat: boolean,
  kernel: Pair,
): { readonly map: Tensor; readonly window: Window } {
  const stride = two(node.integers.get('strides'), flat, 1)
  const dilation = two(node.integers.get('dilations'), flat, 1)
  const autoPad = node.texts.get('auto_pad') ?? 'NOTSET'
  if (autoPad.startsWith('SAME')) return { map, window: { kernel, stride, dilation, padding: 'same' } }
  const given = node.integers.get('pads') ?? []
  const pads = flat ? [0, given[0] ?? 0, 0, given[1] ?? 0] : [0, 1, 2, 3].map((i) => given[i] ?? 0)
  const valid: Window = { kernel, stride, dilation, padding: 'valid' }
  if (autoPad === 'VALID' || pads.every((amount) => amount === 0)) return { map, window: valid }
  const lengths = [map.dims[1]!, map.dims[2]!]
  const isSame = lengths.every((length, axis) => {
    const extent = windowExtent(kernel[axis]!, dilation[axis]!)
    const total = pads[axis]! + pads[axis + 2]!
    const outputs = windowOutput(length + total, extent, stride[axis]!, 'valid')
    const [before, after] = windowPadding(length, extent, stride[axis]!, 'same')
    return outputs === windowOutput(length, extent, stride[axis]!, 'same') && total >= before + after
  })
  if (isSame) return { map, window: { ...valid, padding: 'same' } }
  const amounts = [[0, 0] as const, [pads[0]!, pads[2]!] as const, [pads[1]!, pads[3]!] as const, [0, 0] as const]
  return { map: network.pad(map, amounts), window: valid }
}

/** @param kernel position of the kernel among the operands, @param bias of the bias */
const conv =
  (kernel: number, bias: number): NodeRule =>
  (input) => {
    const { network } = input
    const dims = input.dims(kernel)
    if (input.dims(0).length > 4) return convolutionOverVolume(input, kernel)
    const { map, flat } = asMap(network, input.value(0))
    if (dims.length !== (flat ? 3 : 4)) throw new UserError(`its kernel has ${dims.length} axes and its input does not`)
    const size: Pair = flat ? [1, dims[2]!] : [dims[2]!, dims[3]!]
    const groups = input.integer('group', 1)
    const channels = map.dims[3]!
    if (dims[1]! * groups !== channels)
      throw new UserError(`its kernel is for ${dims[1]! * groups} channels, the input has ${channels}`)
    const { map: padded, window } = windowed(input, map, flat, size)
    return [fromMap(network, network.conv2d(padded, dims[0]!, window, input.has(bias), groups), flat)]
  }

const convTranspose: NodeRule = (input) => {
  const { network, node } = input
  const dims = input.dims(1)
  const { map, flat } = asMap(network, input.value(0))
  const groups = input.integer('group', 1)
  if (dims.length !== (flat ? 3 : 4) || dims[0] !== map.dims[3])
    throw new UserError(`its kernel is for ${dims[0]} channels, the input has ${map.dims[3]}`)
  const kernel: Pair = flat ? [1, dims[2]!] : [dims[2]!, dims[3]!]
  const stride = two(node.integers.get('strides'), flat, 1)
  const dilation = two(node.integers.get('dilations'), flat, 1)
  const extra = flat
    ? [0, ...(node.integers.get('output_padding') ?? [0])]
    : (node.integers.get('output_padding') ?? [0, 0])
  const pads = node.integers.get('pads') ?? []
  const total = flat
    ? [0, (pads[0] ?? 0) + (pads[1] ?? 0)]
    : [(pads[0] ?? 0) + (pads[2] ?? 0), (pads[1] ?? 0) + (pads[3] ?? 0)]
  const same = (node.texts.get('auto_pad') ?? '').startsWith('SAME')
  const length = (axis: 0 | 1): number =>
    same
      ? map.dims[axis + 1]! * stride[axis]
      : stride[axis] * (map.dims[axis + 1]! - 1) +
        windowExtent(kernel[axis], dilation[axis]) +
        extra[axis]! -
        total[axis]!
  const given = node.integers.get('output_shape')?.slice(flat ? -1 : -2)
  const outputSize: Pair = given ? [given.at(-2) ?? 1, given.at(-1)!] : [length(0), length(1)]
  const grouped = groups === 1 ? {} : { groups }
  const op = { filters: dims[1]! * groups, kernel, stride, outputSize, bias: input.has(2), ...grouped }
  return [fromMap(network, network.transposeConv2d(map, op), flat)]
}

/** Product with a stored matrix `[features, units]`, or of two computed ones. */
function product(input: NodeInput, b: number, transposeB: boolean, bias: boolean, transposeA = false): LaidOut {
  const { network } = input
  const left = input.value(0)
  const a = toOrder(network, left, identityOrder(left.order.length))
  const kernel = input.isComputed(b) ? undefined : input.dims(b)
  if (kernel === undefined || kernel.length !== 2 || transposeA) {
    const right = input.value(b)
    const { tensor } = toOrder(network, right, identityOrder(right.order.length))
    const result = network.matmul(a.tensor, tensor, transposeA, transposeB)
    return { tensor: result, order: identityOrder(result.dims.length) }
  }
  const [features, units] = transposeB ? [kernel[1]!, kernel[0]!] : [kernel[0]!, kernel[1]!]
  if (features !== a.tensor.dims.at(-1))
    throw new UserError(`its weights are for ${features} features, the input has ${a.tensor.dims.at(-1)}`)
  return { tensor: network.dense(a.tensor, units, bias), order: a.order }
}

const gemm =
  (b: number, c: number): NodeRule =>
  (input) => {
    const { network } = input
    const [transposeA, transposeB] = ['transA', 'transB'].map((name) => input.integer(name, 0) === 1)
    const result = product(input, b, transposeB!, input.has(c), transposeA!)
    if (!input.has(c) || !input.isComputed(c)) return [result]
    const sum = network.elementwise('add', [result.tensor, input.value(c).tensor], false)
    return [{ tensor: sum, order: identityOrder(sum.dims.length) }]
  }

/** Where an operand's rows come before its batches, they change places first. */
const fusedMatMul: NodeRule = (input) => {
  const turned = (operand: number): boolean => input.integer(operand === 0 ? 'transBatchA' : 'transBatchB', 0) === 1
  const value = (operand: number): LaidOut => {
    const given = input.value(operand)
    const rank = given.order.length
    return turned(operand) ? transposed(given, [...identityOrder(rank).slice(1, -1), 0, rank - 1]) : given
  }
  return gemm(1, 99)({ ...input, value, dims: (operand) => onnxDims(value(operand)) })
}

const batchNorm: NodeRule = (input) => {
  const value = input.value(0)
  const epsilon = input.node.floats.get('epsilon')?.[0] ?? 1e-5
  const rank = value.order.length
  const { tensor, order } = toOrder(input.network, value, channelsLastOrder(rank))
  return [{ tensor: input.network.batchNorm(tensor, epsilon), order }]
}

/** Recurrent layers: the input matrix once for each step, and the recurrent one. */
const recurrent: NodeRule = (input) => {
  const { network, node } = input
  const value = input.value(0)
  const x = toOrder(network, value, identityOrder(3))
  const [steps = 1, batch = 1] = onnxDims(x)
  // Either matrix may be turned.
  const [[directions = 1, ...matrix], [, ...again]] = [input.dims(1), input.dims(2)]
  const hidden = input.integer('hidden_size', Math.min(...again))
  const macs = steps * batch * directions * (sizeOf(matrix) + sizeOf(again))
  const results = [
    [steps, directions, batch, hidden],
    [directions, batch, hidden],
    [directions, batch, hidden],
  ]
  const operands = [x.tensor, ...[1, 2, 3].filter((i) => input.has(i)).map((i) => input.value(i).tensor)]
  // The gates of a step are found together, and pass through their activations together.
  const width = Math.max(Math.round((batch * sizeOf(again)) / hidden), 1) || 1
  const each = { count: steps * directions, products: 1, width, passes: 1, elements: width }
  const tensors = network.custom(node.opType, operands, results.slice(0, node.outputs.length), macs, each)
  return tensors.map((tensor) => ({ tensor, order: identityOrder(tensor.dims.length) }))
}

export const PRODUCT_RULES: Readonly<Record<string, NodeRule>> = {
  Conv: conv(1, 2),
  FusedConv: conv(1, 2),
  ConvInteger: conv(1, 99),
  QLinearConv: conv(3, 8),
  ConvTranspose: convTranspose,
  Gemm: gemm(1, 2),
  QGemm: gemm(3, 6),
  FusedGemm: gemm(1, 2),
  FusedMatMul: fusedMatMul,
  MatMul: (input) => [product(input, 1, false, input.biasFollows)],
  MatMulInteger: (input) => [product(input, 1, false, false)],
  // Operands, their weights' scale and zero point, and a bias.
  DynamicQuantizeMatMul: (input) => [product(input, 1, false, input.has(4))],
  QLinearMatMul: (input) => [product(input, 3, false, false)],
  BatchNormalization: batchNorm,
  LSTM: recurrent,
  DynamicQuantizeLSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
}
