import { UserError } from '../../lib/errors.ts'
import { broadcastShape } from '../../network/imported-op-kinds.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { OnnxFileNode, StoredTensor } from './read-onnx.ts'

type Fold = (node: OnnxFileNode, inputs: readonly StoredTensor[]) => StoredTensor

const MAX_VALUES = 1024

export const axisWithin = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** A list that newer operator sets give as an operand and older ones as an attribute. */
export const listOf = (node: OnnxFileNode, name: string, operand: StoredTensor | undefined) =>
  operand?.values ?? node.integers.get(name)

/** @throws UserError when the values are only known while the network runs. */
export function requiredList(node: OnnxFileNode, name: string, operand: StoredTensor | undefined): readonly number[] {
  const list = listOf(node, name, operand)
  if (list === undefined) throw new UserError(`its ${name} are not fixed in the file; simplify the model first`)
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

const renewed = (like: StoredTensor, dims: readonly number[], values: readonly number[] | undefined): StoredTensor => ({
  type: like.type,
  dims,
  values: values !== undefined && values.length === sizeOf(dims) ? values : undefined,
})

const same: Fold = (_node, [x]) => x!
const typed =
  (type: StoredTensor['type']): Fold =>
  (_node, [x]) =>
    renewed({ ...x!, type }, x!.dims, x!.values)

const unary =
  (f: (value: number) => number): Fold =>
  (_node, [x]) =>
    renewed(x!, x!.dims, x!.values?.map(f))

const binary =
  (f: (a: number, b: number) => number): Fold =>
  (node, [a, b]) => {
    const dims = broadcastShape([a!.dims, b!.dims], node.opType)
    const [left, right] = [a!.values, b!.values]
    const fits = (values: readonly number[] | undefined): boolean =>
      values !== undefined && (values.length === 1 || values.length === sizeOf(dims))
    if (!fits(left) || !fits(right)) return renewed(a!, dims, undefined)
    const at = (values: readonly number[], i: number): number => values[values.length === 1 ? 0 : i]!
    return renewed(
      a!,
      dims,
      Array.from({ length: sizeOf(dims) }, (_, i) => f(at(left!, i), at(right!, i))),
    )
  }

const gather: Fold = (node, [data, indices]) => {
  const axis = axisWithin(node.integers.get('axis')?.[0] ?? 0, data!.dims.length)
  const dims = [...data!.dims.slice(0, axis), ...indices!.dims, ...data!.dims.slice(axis + 1)]
  const { values } = data!
  if (data!.dims.length !== 1 || values === undefined) return renewed(data!, dims, undefined)
  const picked = indices!.values?.map((index) => values[axisWithin(index, values.length)] ?? 0)
  return renewed(data!, dims, picked)
}

const slice: Fold = (node, [data, starts, ends, axes, steps]) => {
  const begins = requiredList(node, 'starts', starts)
  const stops = requiredList(node, 'ends', ends)
  const along = listOf(node, 'axes', axes) ?? begins.map((_, i) => i)
  const { values } = data!
  const step = steps?.values?.[0] ?? 1
  if (data!.dims.length === 1 && values !== undefined && step === 1) {
    const part = values.slice(begins[0], stops[0])
    return renewed(data!, [part.length], part)
  }
  const dims = data!.dims.map((length, axis) => {
    const i = along.findIndex((candidate) => axisWithin(candidate, data!.dims.length) === axis)
    return i === -1 ? length : sliceBounds(length, begins[i]!, stops[i]!, steps?.values?.[i] ?? 1).size
  })
  return renewed(data!, dims, undefined)
}

/** What a slice takes of an axis. A negative step is told by its size alone. */
export function sliceBounds(length: number, start: number, end: number, step: number) {
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + length : at, 0), length)
  if (step < 0)
    return { begin: 0, size: Math.max(Math.ceil((clamp(start) + 1 - Math.max(end, 0)) / -step), 0), step: 1 }
  const begin = clamp(start)
  return { begin, size: Math.max(Math.ceil((clamp(end) - begin) / step), 0), step }
}

const concat: Fold = (node, inputs) => {
  const [first] = inputs as readonly [StoredTensor]
  const axis = axisWithin(node.integers.get('axis')?.[0] ?? 0, first.dims.length)
  const dims = first.dims.with(
    axis,
    inputs.reduce((sum, input) => sum + (input.dims[axis] ?? 0), 0),
  )
  const known = first.dims.length === 1 && inputs.every(({ values }) => values !== undefined)
  return renewed(first, dims, known ? inputs.flatMap(({ values }) => values!) : undefined)
}

const transpose: Fold = (node, [x]) => {
  const order = node.integers.get('perm') ?? x!.dims.map((_, axis) => x!.dims.length - 1 - axis)
  const dims = order.map((axis) => x!.dims[axis] ?? 0)
  return renewed(x!, dims, x!.dims.length < 2 ? x!.values : undefined)
}

const filled: Fold = (node, [shape]) => {
  const dims = requiredList(node, 'lengths', shape)
  const value = node.tensors.get('value')?.values?.[0] ?? 0
  const count = sizeOf(dims)
  if (dims.some((length) => !Number.isInteger(length) || length < 0)) throw new UserError('it has no whole lengths')
  return { type: 'float32', dims, values: count <= MAX_VALUES ? Array<number>(count).fill(value) : undefined }
}

const range: Fold = (_node, [start, limit, delta]) => {
  const [from, to, step] = [start, limit, delta].map((tensor) => tensor?.values?.[0])
  const count = Math.ceil(((to ?? Number.NaN) - (from ?? 0)) / (step ?? 1))
  if (!(count >= 0)) throw new UserError('its bounds are not fixed in the file; simplify the model first')
  const values = count <= MAX_VALUES ? Array.from({ length: count }, (_, i) => from! + i * step!) : undefined
  return { type: start!.type, dims: [count], values }
}

const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: same,
  Dropout: same,
  Cast: same,
  DequantizeLinear: same,
  QuantizeLinear: typed('int8'),
  Abs: unary(Math.abs),
  Neg: unary((value) => -value),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((value) => 1 / value),
  Not: unary((value) => (value === 0 ? 1 : 0)),
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: (node, inputs) => binary((a, b) => (inputs[0]!.type === 'int64' ? Math.trunc(a / b) : a / b))(node, inputs),
  Mod: binary((a, b) => ((a % b) + b) % b),
  Pow: binary((a, b) => a ** b),
  Max: binary(Math.max),
  Min: binary(Math.min),
  Equal: binary((a, b) => (a === b ? 1 : 0)),
  Less: binary((a, b) => (a < b ? 1 : 0)),
  Greater: binary((a, b) => (a > b ? 1 : 0)),
  Where: (node, [test, a, b]) => {
    const dims = broadcastShape([test!.dims, a!.dims, b!.dims], node.opType)
    const [tests, left, right] = [test!.values, a!.values, b!.values]
    if ([tests, left, right].some((values) => values?.length !== sizeOf(dims))) return renewed(a!, dims, undefined)
    return renewed(
      a!,
      dims,
      tests!.map((value, i) => (value === 0 ? right![i]! : left![i]!)),
    )
  },
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Transpose: transpose,
  ConstantOfShape: filled,
  Range: range,
  Reshape: (node, [x, shape]) => {
    const target = requiredList(node, 'lengths', shape)
    return renewed(x!, reshapeTarget(x!.dims, target, node.integers.get('allowzero')?.[0] === 1), x!.values)
  },
  Flatten: (_node, [x]) => renewed(x!, [1, sizeOf(x!.dims)], x!.values),
  Squeeze: (node, [x, axes]) => renewed(x!, squeezed(x!.dims, listOf(node, 'axes', axes)), x!.values),
  Unsqueeze: (node, [x, axes]) => renewed(x!, unsqueezed(x!.dims, requiredList(node, 'axes', axes)), x!.values),
  Expand: (node, [x, shape]) =>
    renewed(x!, broadcastShape([x!.dims, requiredList(node, 'lengths', shape)], 'Expand'), undefined),
  ReduceProd: (_node, [x]) => renewed(x!, [], x!.values && [x!.values.reduce((product, value) => product * value, 1)]),
}

/**
 * The result of a node whose operands all lie in the file: its dimensions, and its values where they are few.
 * @throws UserError for an operator that is not computed here.
 */
export function fold(node: OnnxFileNode, inputs: readonly StoredTensor[]): StoredTensor {
  const rule = Object.hasOwn(FOLDS, node.opType) ? FOLDS[node.opType] : undefined
  if (rule === undefined) throw new UserError('its operands are all fixed; simplify the model first')
  const result = rule(node, inputs)
  if (result.dims.some((length) => !Number.isInteger(length) || length < 0)) {
    throw new UserError('its result has no whole lengths')
  }
  return result
}
