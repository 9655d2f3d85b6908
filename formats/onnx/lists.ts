import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { OnnxFileNode } from './read-onnx.ts'
import type { StoredTensor } from './read-tensor.ts'

export const axisWithin = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** The same. @throws UserError for an axis that is not there. */
export function axisOf(node: OnnxFileNode, rank: number, otherwise: number): number {
  const axis = node.integers.get('axis')?.[0] ?? otherwise
  const place = axisWithin(axis, rank)
  if (place < 0 || place >= rank) throw new UserError(`its axis is ${axis}, and there are ${rank}`)
  return place
}

/** Lengths that Flatten gives: of the axes before one, and of the others. */
export function flattened(node: OnnxFileNode, dims: readonly number[]): readonly number[] {
  const axis = axisWithin(node.integers.get('axis')?.[0] ?? 1, dims.length)
  return [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))]
}

/** A list that newer operator sets give as an operand and older ones as an attribute. */
export const listOf = (node: OnnxFileNode, name: string, operand: StoredTensor | undefined) =>
  operand?.values ?? node.integers.get(name)

/** @throws UserError when the values are only known while the network runs. */
export function requiredList(node: OnnxFileNode, name: string, operand: StoredTensor | undefined): readonly number[] {
  const list = listOf(node, name, operand)
  if (list === undefined) {
    throw new UserError(`its ${name} are not fixed in the file; export the network with fixed lengths`)
  }
  return list
}

/** Target of Reshape: 0 keeps a length, −1 takes what is left. */
export function reshapeTarget(
  from: readonly number[],
  target: readonly number[],
  allowZero: boolean,
): readonly number[] {
  const kept = target.map((length, axis) => (length === 0 && !allowZero ? (from[axis] ?? 1) : length))
  const rest = sizeOf(kept.filter((length) => length !== -1))
  return kept.map((length) => (length === -1 ? sizeOf(from) / rest : length))
}

/** Dimensions without the axes (all of length 1 when none are named). */
export function squeezed(dims: readonly number[], axes: readonly number[] | undefined): readonly number[] {
  const gone = axes?.map((axis) => axisWithin(axis, dims.length))
  return dims.filter((length, axis) => (gone === undefined ? length !== 1 : !gone.includes(axis)))
}

export function unsqueezed(dims: readonly number[], axes: readonly number[]): readonly number[] {
  const rank = dims.length + axes.length
  const added = new Set(axes.map((axis) => axisWithin(axis, rank)))
  const rest = [...dims]
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!))
}

/** What a slice takes of an axis; with a negative step `begin` is the last element. */
export function sliceBounds(length: number, start: number, end: number, step: number) {
  const from = start < 0 ? start + length : start
  const to = end < 0 ? end + length : end
  if (step < 0) {
    const begin = Math.min(Math.max(from, -1), length - 1)
    const stop = Math.min(Math.max(to, -1), length - 1)
    return { begin, size: Math.max(Math.ceil((begin - stop) / -step), 0), step }
  }
  const clamp = (at: number): number => Math.min(Math.max(at, 0), length)
  const begin = clamp(from)
  return { begin, size: Math.max(Math.ceil((clamp(to) - begin) / step), 0), step }
}

/** Lengths and parts of a Split. */
export function splitSizes(node: OnnxFileNode, length: number, stored: StoredTensor | undefined): readonly number[] {
  const given = listOf(node, 'split', stored)
  if (given !== undefined) return given
  const count = node.outputs.length
  const part = Math.ceil(length / count)
  return Array.from({ length: count }, (_, i) => Math.min(part, length - i * part))
}
