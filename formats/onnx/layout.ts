import { UserError } from '../../lib/errors.ts'
import { shapeText, sizeOf } from '../../network/shapes.ts'
import type { NetworkImport, Tensor } from '../import/network-import.ts'

/**
 * A computed value of an ONNX file. ONNX has channels first and runtimes for small devices have them last, so the tensor
 * may lie in memory in another order of axes: `order[i]` is the ONNX axis that is axis i of the tensor.
 */
export interface LaidOut {
  readonly tensor: Tensor
  readonly order: readonly number[]
}

export const identityOrder = (rank: number): readonly number[] => Array.from({ length: rank }, (_, axis) => axis)

/** `[batch, spatial axes…, channels]` */
export const channelsLastOrder = (rank: number): readonly number[] =>
  rank < 3 ? identityOrder(rank) : [0, ...identityOrder(rank).slice(2), 1]

/** Dimensions as ONNX counts them. */
export function onnxDims({ tensor, order }: LaidOut): readonly number[] {
  const dims: number[] = []
  order.forEach((axis, i) => {
    dims[axis] = tensor.dims[i]!
  })
  return dims
}

/** The value in another order; a kernel moves the elements unless only axes of length 1 change places. */
export function toOrder(network: NetworkImport, value: LaidOut, order: readonly number[]): LaidOut {
  const places = order.map((axis) => value.order.indexOf(axis))
  return { tensor: network.transpose(value.tensor, places), order }
}

/** Transposing changes the meaning of the axes and moves nothing, until something needs the elements in their order. */
export function transposed({ tensor, order }: LaidOut, permutation: readonly number[]): LaidOut {
  return { tensor, order: order.map((axis) => permutation.indexOf(axis)) }
}

/** Axes that a reshape keeps apart: runs of old axes that become runs of new ones. Lengths of 1 belong to none. */
function groupsOf(from: readonly number[], to: readonly number[]): readonly { old: number[]; new: number[] }[] {
  const oldAxes = from.flatMap((length, axis) => (length === 1 ? [] : [axis]))
  const newAxes = to.flatMap((length, axis) => (length === 1 ? [] : [axis]))
  const groups: { old: number[]; new: number[] }[] = []
  while (oldAxes.length > 0 && newAxes.length > 0) {
    const group = { old: [oldAxes.shift()!], new: [newAxes.shift()!] }
    let [a, b] = [from[group.old[0]!]!, to[group.new[0]!]!]
    while (a !== b) {
      const axis = a < b ? oldAxes.shift() : newAxes.shift()
      if (axis === undefined) break
      if (a < b) {
        group.old.push(axis)
        a *= from[axis]!
      } else {
        group.new.push(axis)
        b *= to[axis]!
      }
    }
    groups.push(group)
  }
  return groups
}

/**
 * Other dimensions for the same elements. Where the elements do not lie in ONNX's order, a kernel moves them only if axes
 * are merged that do not follow each other. Flattening everything moves nothing: the weights behind it are stored in the
 * order that fits.
 */
export function reshaped(network: NetworkImport, value: LaidOut, dims: readonly number[]): LaidOut {
  const from = onnxDims(value)
  if (sizeOf(from) !== sizeOf(dims)) {
    throw new UserError(`${shapeText(from)} cannot become ${shapeText(dims)}: the number of elements is not the same`)
  }
  if (dims.filter((length) => length !== 1).length <= 1) {
    return { tensor: network.reshape(value.tensor, dims), order: identityOrder(dims.length) }
  }
  const groups = groupsOf(from, dims)
  const lying = value.order.filter((axis) => from[axis] !== 1)
  const together = groups.every(({ old }) => {
    const start = lying.indexOf(old[0]!)
    return old.every((axis, i) => lying[start + i] === axis)
  })
  const inOrder = [...groups].sort((a, b) => lying.indexOf(a.old[0]!) - lying.indexOf(b.old[0]!))
  const ones = (lengths: readonly number[]): readonly number[] =>
    lengths.flatMap((length, axis) => (length === 1 ? [axis] : []))
  const wanted = [...ones(from), ...inOrder.flatMap(({ old }) => old)]
  const { tensor } = together ? value : toOrder(network, value, wanted)
  const order = [...ones(dims), ...inOrder.flatMap((group) => group.new)]
  return {
    tensor: network.reshape(
      tensor,
      order.map((axis) => dims[axis]!),
    ),
    order,
  }
}

/** The same value with axes of length 1 in front, up to a number of axes. */
export function padRank(network: NetworkImport, { tensor, order }: LaidOut, rank: number): LaidOut {
  const more = rank - order.length
  if (more <= 0) return { tensor, order }
  const ones = Array<number>(more).fill(1)
  return {
    tensor: network.reshape(tensor, [...ones, ...tensor.dims]),
    order: [...identityOrder(more), ...order.map((axis) => axis + more)],
  }
}
