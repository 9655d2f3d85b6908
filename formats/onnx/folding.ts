import { UserError } from '../../lib/errors.ts'
import { roundEven } from '../../lib/round-even.ts'
import { broadcastShape } from '../../network/imported-op-kinds.ts'
import { sizeOf } from '../../network/shapes.ts'
import {
  broadcastValues,
  concatValues,
  gatherValues,
  reduceValues,
  sliceValues,
  transposeValues,
} from './fold-values.ts'
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
import type { OnnxFileNode } from './read-onnx.ts'
import { elementTypeOf, MAX_VALUES, type StoredTensor } from './read-tensor.ts'

type Fold = (node: OnnxFileNode, inputs: readonly StoredTensor[]) => StoredTensor | readonly StoredTensor[]

const renewed = (like: StoredTensor, dims: readonly number[], values: readonly number[] | undefined): StoredTensor => ({
  type: like.type,
  dims,
  values: values !== undefined && values.length === sizeOf(dims) ? values : undefined,
})

const isShort = (dims: readonly number[]): boolean => sizeOf(dims) <= MAX_VALUES

const same: Fold = (_node, [x]) => x!
const typed =
  (type: StoredTensor['type']): Fold =>
  (_node, [x]) =>
    renewed({ ...x!, type }, x!.dims, x!.values)

const INTEGERS: ReadonlySet<string> = new Set(['int64', 'int32', 'int16', 'int8', 'uint8', 'bool'])

const cast: Fold = (node, [x]) => {
  const type = elementTypeOf(node.integers.get('to')?.[0] ?? 1)
  const whole = INTEGERS.has(type) && type !== 'bool'
  const convert = (value: number): number => (type === 'bool' ? Number(value !== 0) : whole ? Math.trunc(value) : value)
  return renewed({ ...x!, type }, x!.dims, x!.values?.map(convert))
}

const unary =
  (f: (value: number) => number): Fold =>
  (_node, [x]) =>
    renewed(x!, x!.dims, x!.values?.map(f))

/** The values of operands repeated to one shape; undefined where one is long or not known. */
function aligned(operands: readonly StoredTensor[], dims: readonly number[]): readonly number[][] | undefined {
  if (!isShort(dims) || operands.some(({ values }) => values === undefined)) return undefined
  return operands.map((operand) => broadcastValues(operand.values!, operand.dims, dims))
}

const combined =
  (f: (...values: readonly number[]) => number, like = 0): Fold =>
  (node, operands) => {
    const dims = broadcastShape(
      operands.map((operand) => operand.dims),
      node.opType,
    )
    const lists = aligned(operands, dims)
    return renewed(
      operands[like]!,
      dims,
      lists && Array.from({ length: sizeOf(dims) }, (_, i) => f(...lists.map((list) => list[i]!))),
    )
  }

const flag = (test: (a: number, b: number) => boolean): Fold => combined((a, b) => Number(test(a!, b!)))

const gather: Fold = (node, [data, indices]) => {
  const axis = axisOf(node, data!.dims.length, 0)
  const length = data!.dims[axis]!
  const dims = [...data!.dims.slice(0, axis), ...indices!.dims, ...data!.dims.slice(axis + 1)]
  const places = indices!.values?.map((index) => axisWithin(index, length))
  if (places?.some((place) => place < 0 || place >= length)) {
    throw new UserError(`it takes element ${Math.max(...places)} of an axis of ${length}`)
  }
  if (data!.values === undefined || places === undefined || !isShort(dims)) return renewed(data!, dims, undefined)
  return renewed(data!, dims, gatherValues(data!.values, data!.dims, axis, places, indices!.dims))
}

const slice: Fold = (node, [data, starts, ends, axes, steps]) => {
  const { dims, values } = data!
  const begins = requiredList(node, 'starts', starts)
  const stops = requiredList(node, 'ends', ends)
  const along = (listOf(node, 'axes', axes) ?? begins.map((_, i) => i)).map((axis) => axisWithin(axis, dims.length))
  const bounds = dims.map((length, axis) => {
    const i = along.indexOf(axis)
    if (i === -1) return { begin: 0, size: length, step: 1 }
    return sliceBounds(length, begins[i]!, stops[i]!, listOf(node, 'steps', steps)?.[i] ?? 1)
  })
  const [begin, size, step] = (['begin', 'size', 'step'] as const).map((key) => bounds.map((bound) => bound[key]))
  return renewed(data!, size!, values && sliceValues(values, dims, begin!, size!, step!))
}

const concat: Fold = (node, inputs) => {
  const [first] = inputs as readonly [StoredTensor]
  const axis = axisOf(node, first.dims.length, 0)
  const dims = first.dims.with(
    axis,
    inputs.reduce((sum, input) => sum + (input.dims[axis] ?? 0), 0),
  )
  const parts = inputs.flatMap(({ values, dims }) => (values === undefined ? [] : [{ values, dims }]))
  const known = parts.length === inputs.length && isShort(dims)
  return renewed(first, dims, known ? concatValues(parts, axis) : undefined)
}

const split: Fold = (node, [x, sizes]) => {
  const axis = axisOf(node, x!.dims.length, 0)
  let begin = 0
  return splitSizes(node, x!.dims[axis]!, sizes).map((size) => {
    const dims = x!.dims.with(axis, size)
    const starts = x!.dims.map((_, i) => (i === axis ? begin : 0))
    begin += size
    return renewed(x!, dims, x!.values && sliceValues(x!.values, x!.dims, starts, dims, Array(dims.length).fill(1)))
  })
}

const transpose: Fold = (node, [x]) => {
  const order = node.integers.get('perm') ?? x!.dims.map((_, axis) => x!.dims.length - 1 - axis)
  const dims = order.map((axis) => x!.dims[axis] ?? 0)
  return renewed(x!, dims, x!.values && transposeValues(x!.values, x!.dims, order))
}

const filled: Fold = (node, [shape]) => {
  const dims = requiredList(node, 'lengths', shape)
  const value = node.tensors.get('value')
  const count = sizeOf(dims)
  if (dims.some((length) => !Number.isInteger(length) || length < 0)) throw new UserError('it has no whole lengths')
  const values = count <= MAX_VALUES ? Array<number>(count).fill(value?.values?.[0] ?? 0) : undefined
  return { type: value?.type ?? 'float32', dims, values }
}

const range: Fold = (_node, [start, limit, delta]) => {
  const [from, to, step] = [start, limit, delta].map((tensor) => tensor?.values?.[0])
  const count = Math.ceil(((to ?? Number.NaN) - (from ?? 0)) / (step ?? 1))
  if (Number.isNaN(count)) {
    throw new UserError('its bounds are not fixed in the file; export the network with fixed lengths')
  }
  const length = Math.max(count, 0)
  const values = length <= MAX_VALUES ? Array.from({ length }, (_, i) => from! + i * step!) : undefined
  return { type: start!.type, dims: [length], values }
}

const expand: Fold = (node, [x, shape]) => {
  const dims = broadcastShape([x!.dims, requiredList(node, 'lengths', shape)], 'Expand')
  return renewed(x!, dims, aligned([x!], dims)?.[0])
}

const tile: Fold = (node, [x, repeats]) => {
  const times = requiredList(node, 'repeats', repeats)
  if (times.length !== x!.dims.length || times.some((count) => !(count >= 0)))
    throw new UserError(`it repeats ${x!.dims.length} axes ${times.join(', ')} times`)
  const dims = x!.dims.map((length, axis) => length * (times[axis] ?? 1))
  if (x!.values === undefined || !isShort(dims)) return renewed(x!, dims, undefined)
  let part = x!
  for (const [axis, count] of times.entries()) {
    const copies = Array.from({ length: count }, () => ({ values: part.values!, dims: part.dims }))
    const grown = part.dims.with(axis, part.dims[axis]! * count)
    part = renewed(part, grown, count === 0 ? [] : concatValues(copies, axis))
  }
  return part
}

/** @param empty what no elements at all become */
const reduce =
  (f: (a: number, b: number) => number, empty: number): Fold =>
  (node, [x, axes]) => {
    const given = listOf(node, 'axes', axes) ?? []
    const isAll = given.length === 0 && node.integers.get('noop_with_empty_axes')?.[0] !== 1
    const along = isAll ? x!.dims.map((_, axis) => axis) : given.map((axis) => axisWithin(axis, x!.dims.length))
    const keep = (node.integers.get('keepdims')?.[0] ?? 1) === 1
    const reduced = x!.dims.map((length, axis) => (along.includes(axis) ? 1 : length))
    const dims = keep ? reduced : reduced.filter((_, axis) => !along.includes(axis))
    return renewed(x!, dims, x!.values && reduceValues(x!.values, x!.dims, along, f, empty))
  }

/** Indices of what is not 0, an axis each row. */
const nonZero: Fold = (_node, [x]) => {
  if (x!.values === undefined) throw new UserError('the length of its result depends on values')
  const places = x!.values.flatMap((value, i) => (value === 0 ? [] : [i]))
  const inner = (axis: number): number => sizeOf(x!.dims.slice(axis + 1))
  const rows = x!.dims.flatMap((length, axis) => places.map((place) => Math.floor(place / inner(axis)) % length))
  return { type: 'int64', dims: [x!.dims.length, places.length], values: rows }
}

/** Of the shape of the first operand; what it holds is not followed. */
const alike: Fold = (_node, [x]) => renewed(x!, x!.dims, undefined)
const ALIKE =
  'ScatterND ScatterElements CumSum Trilu Sigmoid Relu Softmax Erf BatchNormalization LayerNormalization'.split(' ')

const isWhole = ({ type }: StoredTensor): boolean => INTEGERS.has(type)

const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: same,
  Dropout: same,
  Cast: cast,
  CastLike: (_node, [x, like]) => renewed(like!, x!.dims, x!.values),
  DequantizeLinear: same,
  QuantizeLinear: typed('int8'),
  Abs: unary(Math.abs),
  Neg: unary((value) => -value),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundEven),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tanh: unary(Math.tanh),
  Reciprocal: unary((value) => 1 / value),
  Not: unary((value) => (value === 0 ? 1 : 0)),
  Add: combined((a, b) => a! + b!),
  Sub: combined((a, b) => a! - b!),
  Mul: combined((a, b) => a! * b!),
  Div: (node, inputs) => combined((a, b) => (isWhole(inputs[0]!) ? Math.trunc(a! / b!) : a! / b!))(node, inputs),
  // The sign is that of the divisor, or with `fmod` that of the dividend.
  Mod: (node, inputs) =>
    combined(node.integers.get('fmod')?.[0] === 1 ? (a, b) => a! % b! : (a, b) => ((a! % b!) + b!) % b!)(node, inputs),
  Pow: combined((a, b) => a! ** b!),
  Max: combined(Math.max),
  Min: combined(Math.min),
  Sum: combined((...values) => values.reduce((sum, value) => sum + value, 0)),
  Clip: (_node, [x, low, high]) => {
    const [least, most] = [low?.values?.[0] ?? Number.NEGATIVE_INFINITY, high?.values?.[0] ?? Number.POSITIVE_INFINITY]
    return renewed(
      x!,
      x!.dims,
      x!.values?.map((value) => Math.min(Math.max(value, least), most)),
    )
  },
  Equal: flag((a, b) => a === b),
  Less: flag((a, b) => a < b),
  LessOrEqual: flag((a, b) => a <= b),
  Greater: flag((a, b) => a > b),
  GreaterOrEqual: flag((a, b) => a >= b),
  And: flag((a, b) => a !== 0 && b !== 0),
  Or: flag((a, b) => a !== 0 || b !== 0),
  Where: combined((test, a, b) => (test === 0 ? b! : a!), 1),
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Split: split,
  Transpose: transpose,
  ConstantOfShape: filled,
  Range: range,
  Expand: expand,
  Tile: tile,
  NonZero: nonZero,
  Reshape: (node, [x, shape]) => {
    const target = requiredList(node, 'lengths', shape)
    return renewed(x!, reshapeTarget(x!.dims, target, node.integers.get('allowzero')?.[0] === 1), x!.values)
  },
  Flatten: (node, [x]) => renewed(x!, flattened(node, x!.dims), x!.values),
  Squeeze: (node, [x, axes]) => renewed(x!, squeezed(x!.dims, listOf(node, 'axes', axes)), x!.values),
  Unsqueeze: (node, [x, axes]) => renewed(x!, unsqueezed(x!.dims, requiredList(node, 'axes', axes)), x!.values),
  ReduceProd: reduce((a, b) => a * b, 1),
  ReduceSum: reduce((a, b) => a + b, 0),
  ReduceMax: reduce(Math.max, Number.NEGATIVE_INFINITY),
  ReduceMin: reduce(Math.min, Number.POSITIVE_INFINITY),
  ...Object.fromEntries(ALIKE.map((opType) => [opType, alike])),
}

/** Operators all of whose operands count alike: none may be left out. */
const TOGETHER: ReadonlySet<string> = new Set(
  'Add Sub Mul Div Mod Pow Max Min Sum Equal Less LessOrEqual Greater GreaterOrEqual And Or Where Concat'.split(' '),
)
const LEAST_OPERANDS: ReadonlyMap<string, number> = new Map([
  ['Where', 3],
  ['Gather', 2],
  ['CastLike', 2],
])

/** How many of the first operands must be there; lists that are left out may be attributes. */
const leastOperands = ({ opType, inputs }: OnnxFileNode): number =>
  Math.max(LEAST_OPERANDS.get(opType) ?? 1, TOGETHER.has(opType) ? inputs.length : 0)

/**
 * The results of a node whose operands all lie in the file: their dimensions, and their values where they are few; undefined
 * for an operator that is not computed here.
 * @throws UserError when the operands do not fit.
 */
export function fold(node: OnnxFileNode, inputs: readonly StoredTensor[]): readonly StoredTensor[] | undefined {
  const rule = node.domain === '' && Object.hasOwn(FOLDS, node.opType) ? FOLDS[node.opType] : undefined
  if (rule === undefined) return undefined
  for (let i = 0; i < leastOperands(node); i++) {
    if (inputs[i] === undefined) throw new UserError(`operand ${i} is missing`)
  }
  const made = rule(node, inputs)
  const results = 'dims' in made ? [made] : made
  if (results.some(({ dims }) => dims.some((length) => !Number.isInteger(length) || length < 0))) {
    throw new UserError('its result has no whole lengths')
  }
  return results
}
