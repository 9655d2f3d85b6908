import test from 'ava'
import { fold } from '../../formats/onnx/folding.ts'
import type { OnnxFileNode } from '../../formats/onnx/read-onnx.ts'
import { MAX_VALUES, type StoredTensor } from '../../formats/onnx/read-tensor.ts'

interface Details {
  readonly integers?: Readonly<Record<string, readonly number[]>>
  readonly value?: StoredTensor
  readonly outputs?: number
  readonly domain?: string
}

/** What becomes of stored operands; an undefined one is left out. */
function folded(opType: string, operands: readonly (StoredTensor | undefined)[], details: Details = {}) {
  const { integers = {}, value, outputs = 1, domain = '' } = details
  const node: OnnxFileNode = {
    ...{ name: '', opType, domain, inputs: operands.map((_, i) => `i${i}`) },
    outputs: Array.from({ length: outputs }, (_, i) => `o${i}`),
    integers: new Map(Object.entries(integers)),
    tensors: new Map(value === undefined ? [] : [['value', value]]),
    ...{ floats: new Map(), texts: new Map(), graphs: new Map(), references: new Map() },
  }
  return fold(node, operands as readonly StoredTensor[])
}

const tensor = (
  dims: readonly number[],
  values: readonly number[] | undefined,
  type: StoredTensor['type'] = 'int64',
): StoredTensor => ({ type, dims, values })
const list = (...values: readonly number[]) => tensor([values.length], values)
const floats = (...values: readonly number[]) => tensor([values.length], values, 'float32')
const scalar = (value: number) => tensor([], [value])
/** 0 1 2 / 3 4 5 */
const GRID = tensor([2, 3], [0, 1, 2, 3, 4, 5])

type Case = readonly [
  opType: string,
  operands: readonly (StoredTensor | undefined)[],
  dims: readonly number[],
  values: readonly number[] | undefined,
  details?: Details,
]

const checkAll = (t: { deepEqual(a: unknown, b: unknown, message: string): unknown }, cases: readonly Case[]) => {
  for (const [opType, operands, dims, values, details] of cases) {
    const made = folded(opType, operands, details)!.map((result) => [
      result.dims,
      result.values?.map((value) => value + 0),
    ])
    t.deepEqual(made, [[dims, values]], `${opType} ${JSON.stringify([operands, details])}`)
  }
}

test('operators of one operand', (t) => {
  checkAll(t, [
    ['Identity', [GRID], [2, 3], [0, 1, 2, 3, 4, 5]],
    ['Abs', [list(-2, 3)], [2], [2, 3]],
    ['Neg', [list(-2, 3)], [2], [2, -3]],
    ['Floor', [floats(-1.5, 1.5)], [2], [-2, 1]],
    ['Ceil', [floats(-1.5, 1.5)], [2], [-1, 2]],
    ['Round', [floats(0.5, 1.5, 2.5, -1.5, 2.6)], [5], [0, 2, 2, -2, 3]],
    ['Sqrt', [floats(9)], [1], [3]],
    ['Exp', [floats(0)], [1], [1]],
    ['Log', [floats(1)], [1], [0]],
    ['Sin', [floats(0)], [1], [0]],
    ['Cos', [floats(0)], [1], [1]],
    ['Tanh', [floats(0)], [1], [0]],
    ['Reciprocal', [floats(4)], [1], [0.25]],
    ['Not', [list(0, 1, 7)], [3], [1, 0, 0]],
    ['Clip', [list(-5, 0, 5), scalar(-1), scalar(2)], [3], [-1, 0, 2]],
    ['Clip', [list(-5, 0, 5), undefined, scalar(2)], [3], [-5, 0, 2]],
    ['Clip', [list(-5, 0, 5), scalar(-1)], [3], [-1, 0, 5]],
    ['Neg', [tensor([2], undefined)], [2], undefined],
    ['Relu', [GRID], [2, 3], undefined],
  ])
})

test('a cast to whole numbers cuts off what is behind the point, one to truth values asks for 0', (t) => {
  const cast = (to: number) => folded('Cast', [floats(-1.7, 0, 0.5, 2.9)], { integers: { to: [to] } })
  t.deepEqual(cast(7), [tensor([4], [-1, 0, 0, 2])])
  t.deepEqual(cast(6)![0]!.type, 'int32')
  t.deepEqual(cast(9), [tensor([4], [1, 0, 1, 1], 'bool')])
  t.deepEqual(cast(1), [floats(-1.7, 0, 0.5, 2.9)])
  t.is(folded('CastLike', [floats(1), list(1)])![0]!.type, 'int64')
  t.is(folded('QuantizeLinear', [floats(1), floats(1)])![0]!.type, 'int8')
})

test('operators of two operands and more, whose shapes are repeated to a common one', (t) => {
  const column = tensor([2, 1], [10, 20])
  checkAll(t, [
    ['Add', [GRID, column], [2, 3], [10, 11, 12, 23, 24, 25]],
    ['Add', [list(1, 2, 3), column], [2, 3], [11, 12, 13, 21, 22, 23]],
    ['Sub', [list(5, 1), scalar(3)], [2], [2, -2]],
    ['Mul', [list(5, -1), scalar(3)], [2], [15, -3]],
    ['Div', [list(7, -7), scalar(2)], [2], [3, -3]],
    ['Div', [floats(7, -7), scalar(2)], [2], [3.5, -3.5]],
    ['Pow', [list(2, 3), list(3, 2)], [2], [8, 9]],
    ['Max', [list(1, 5), list(4, 2), scalar(3)], [2], [4, 5]],
    ['Min', [list(1, 5), list(4, 2), scalar(3)], [2], [1, 2]],
    ['Sum', [list(1, 5), list(4, 2), scalar(3)], [2], [8, 10]],
    ['Equal', [list(1, 2, 3), scalar(2)], [3], [0, 1, 0]],
    ['Less', [list(1, 2, 3), scalar(2)], [3], [1, 0, 0]],
    ['LessOrEqual', [list(1, 2, 3), scalar(2)], [3], [1, 1, 0]],
    ['Greater', [list(1, 2, 3), scalar(2)], [3], [0, 0, 1]],
    ['GreaterOrEqual', [list(1, 2, 3), scalar(2)], [3], [0, 1, 1]],
    ['And', [list(0, 0, 1, 2), list(0, 1, 0, 2)], [4], [0, 0, 0, 1]],
    ['Or', [list(0, 0, 1, 2), list(0, 1, 0, 2)], [4], [0, 1, 1, 1]],
    ['Where', [list(1, 0, 2), list(1, 2, 3), scalar(9)], [3], [1, 9, 3]],
    ['Add', [tensor([2], undefined), scalar(1)], [2], undefined],
    ['Add', [tensor([MAX_VALUES], Array(MAX_VALUES).fill(1)), scalar(1)], [MAX_VALUES], Array(MAX_VALUES).fill(2)],
    ['Add', [tensor([MAX_VALUES, 1], Array(MAX_VALUES).fill(0)), list(1, 2)], [MAX_VALUES, 2], undefined],
  ])
  t.is(folded('Pow', [floats(1), list(2)])![0]!.type, 'float32')
  t.is(folded('Where', [tensor([1], [1], 'bool'), floats(1), floats(2)])![0]!.type, 'float32')
})

test('a remainder has the sign of the divisor, or where that is asked for, of the dividend', (t) => {
  const operands = [list(7, -7, 7, -7, 6), list(3, 3, -3, -3, 3)]
  checkAll(t, [
    ['Mod', operands, [5], [1, 2, -2, -1, 0]],
    ['Mod', operands, [5], [1, -1, 1, -1, 0], { integers: { fmod: [1] } }],
  ])
})

test('elements are taken by their places, from either end, with steps', (t) => {
  const [rows, last] = [{ integers: { axis: [0] } }, { integers: { axis: [-1] } }]
  checkAll(t, [
    ['Gather', [GRID, scalar(1)], [3], [3, 4, 5]],
    ['Gather', [GRID, list(-1, 0)], [2, 3], [3, 4, 5, 0, 1, 2], rows],
    ['Gather', [GRID, tensor([2, 2], [0, 2, -1, -2])], [2, 2, 2], [0, 2, 2, 1, 3, 5, 5, 4], last],
    ['Slice', [GRID, list(1), list(2)], [1, 3], [3, 4, 5]],
    ['Slice', [GRID, list(-2), list(1000), list(-1)], [2, 2], [1, 2, 4, 5]],
    ['Slice', [GRID, list(0, 0), list(2, 3), list(0, 1), list(1, 2)], [2, 2], [0, 2, 3, 5]],
    ['Slice', [GRID, list(-1), list(-1000), list(1), list(-1)], [2, 3], [2, 1, 0, 5, 4, 3]],
    ['Slice', [GRID, list(2), list(0), list(1), list(-1)], [2, 2], [2, 1, 5, 4]],
    ['Slice', [list(1, 2, 3), list(2), list(1)], [0], []],
    ['Slice', [list(1, 2, 3), list(0), list(2), list(0), list(-1)], [0], []],
    ['Slice', [list(1, 2, 3), list(1000), list(-1000), list(0), list(-1)], [3], [3, 2, 1]],
    ['Slice', [list(1, 2, 3)], [2], [2, 3], { integers: { starts: [1], ends: [3] } }],
    ['NonZero', [tensor([2, 3], [0, 1, 0, 1, 0, 1])], [2, 3], [0, 1, 1, 1, 0, 2]],
  ])
  t.throws(() => folded('Gather', [list(1, 2), scalar(2)]), { message: /takes element 2 of an axis of 2/ })
  t.throws(() => folded('Gather', [list(1, 2), scalar(-3)]), { message: /of an axis of 2/ })
  t.throws(() => folded('NonZero', [tensor([2], undefined)]), { message: /depends on values/ })
})

test('tensors are joined, parted and turned', (t) => {
  const swapped = { integers: { perm: [1, 0, 2] } }
  const axis = (value: number) => ({ integers: { axis: [value] } })
  checkAll(t, [
    ['Transpose', [tensor([2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7])], [2, 2, 2], [0, 1, 4, 5, 2, 3, 6, 7], swapped],
    ['Concat', [list(1, 2), list(3)], [3], [1, 2, 3]],
    ['Concat', [GRID, tensor([2, 1], [8, 9])], [2, 4], [0, 1, 2, 8, 3, 4, 5, 9], axis(-1)],
    ['Concat', [GRID, tensor([2, 1], undefined)], [2, 4], undefined, axis(1)],
    ['Transpose', [GRID], [3, 2], [0, 3, 1, 4, 2, 5]],
    ['Transpose', [tensor([1, 2, 3], GRID.values)], [2, 3, 1], GRID.values, { integers: { perm: [1, 2, 0] } }],
    ['Tile', [GRID, list(2, 1)], [4, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]],
    ['Tile', [list(1, 2), list(3)], [6], [1, 2, 1, 2, 1, 2]],
    ['Tile', [list(1, 2), list(0)], [0], []],
    ['Expand', [tensor([2, 1], [1, 2]), list(2)], [2, 2], [1, 1, 2, 2]],
  ])
  const parts = (sizes: StoredTensor | undefined, outputs: number) =>
    folded('Split', [GRID, sizes], { ...axis(1), outputs })!.map(({ dims, values }) => [dims, values])
  t.deepEqual(parts(list(1, 2), 2), [
    [
      [2, 1],
      [0, 3],
    ],
    [
      [2, 2],
      [1, 2, 4, 5],
    ],
  ])
  t.deepEqual(parts(undefined, 2), [
    [
      [2, 2],
      [0, 1, 3, 4],
    ],
    [
      [2, 1],
      [2, 5],
    ],
  ])
  t.throws(() => folded('Tile', [GRID, list(2)]), { message: /repeats 2 axes 2 times/ })
  t.throws(() => folded('Tile', [list(1), list(-1)]), { message: /repeats 1 axes -1 times/ })
})

test('shapes change and values stay', (t) => {
  const values = GRID.values
  const integers = (name: string, value: number) => ({ integers: { [name]: [value] } })
  checkAll(t, [
    ['Reshape', [GRID, list(-1, 2)], [3, 2], values],
    ['Reshape', [GRID, list(0, -1, 1)], [2, 3, 1], values],
    ['Reshape', [tensor([0, 3], []), list(3, 0)], [3, 0], [], integers('allowzero', 1)],
    ['Reshape', [GRID, list(4)], [4], undefined],
    ['Flatten', [tensor([1, 2, 3], values)], [1, 6], values],
    ['Flatten', [tensor([1, 2, 3], values)], [2, 3], values, integers('axis', -1)],
    ['Squeeze', [tensor([1, 2, 1, 3], values)], [2, 3], values],
    ['Squeeze', [tensor([1, 2, 1, 3], values), list(-2)], [1, 2, 3], values],
    ['Unsqueeze', [GRID, list(0, -1)], [1, 2, 3, 1], values],
  ])
  t.throws(() => folded('Reshape', [GRID, list(4, -1)]), { message: /no whole lengths/ })
  t.throws(() => folded('Reshape', [GRID, tensor([2], undefined)]), { message: /lengths are not fixed/ })
})

test('tensors are made from lengths and bounds', (t) => {
  const full = (count: number) => folded('ConstantOfShape', [list(count)])![0]!.values?.length
  checkAll(t, [
    ['ConstantOfShape', [list(2, 2)], [2, 2], [0, 0, 0, 0]],
    ['ConstantOfShape', [list(2)], [2], [7, 7], { value: list(7) }],
    ['Range', [scalar(1), scalar(10), scalar(3)], [3], [1, 4, 7]],
    ['Range', [scalar(1), scalar(11), scalar(3)], [4], [1, 4, 7, 10]],
    ['Range', [scalar(5), scalar(0), scalar(-2)], [3], [5, 3, 1]],
    ['Range', [scalar(5), scalar(0), scalar(2)], [0], []],
  ])
  t.is(folded('ConstantOfShape', [list(2)])![0]!.type, 'float32')
  t.is(folded('ConstantOfShape', [list(2)], { value: list(7) })![0]!.type, 'int64')
  t.is(full(MAX_VALUES), MAX_VALUES)
  t.is(full(MAX_VALUES + 1), undefined)
  t.throws(() => folded('ConstantOfShape', [list(-1)]), { message: /no whole lengths/ })
  t.throws(() => folded('Range', [scalar(0), tensor([], undefined), scalar(1)]), { message: /bounds are not fixed/ })
})

test('elements are reduced along some axes, or all; none at all become what changes nothing', (t) => {
  const [drop, noop] = [{ integers: { keepdims: [0] } }, { integers: { noop_with_empty_axes: [1] } }]
  checkAll(t, [
    ['ReduceSum', [GRID, list(0)], [1, 3], [3, 5, 7]],
    ['ReduceSum', [GRID, list(-1)], [2], [3, 12], drop],
    ['ReduceSum', [GRID], [1, 1], [15]],
    ['ReduceSum', [GRID, list()], [1, 1], [15]],
    ['ReduceSum', [GRID, list()], [2, 3], GRID.values, noop],
    ['ReduceSum', [GRID], [2, 3], GRID.values, noop],
    ['ReduceProd', [list(2, 3, 4)], [], [24], drop],
    ['ReduceMax', [GRID], [2, 1], [2, 5], { integers: { axes: [1] } }],
    ['ReduceMin', [GRID, list(1)], [2, 1], [0, 3]],
    // The number of elements of a tensor without axes is the product of no lengths.
    ['ReduceProd', [list()], [], [1], drop],
    ['ReduceSum', [list()], [], [0], drop],
    ['ReduceMax', [list()], [], [Number.NEGATIVE_INFINITY], drop],
    ['ReduceMin', [list()], [], [Number.POSITIVE_INFINITY], drop],
  ])
})

test('operands that are missing are named, and operators of others are not computed', (t) => {
  t.throws(() => folded('Add', [GRID, undefined]), { message: 'operand 1 is missing' })
  t.throws(() => folded('Where', [GRID, GRID]), { message: 'operand 2 is missing' })
  t.throws(() => folded('Gather', [GRID]), { message: 'operand 1 is missing' })
  t.throws(() => folded('CastLike', [GRID]), { message: 'operand 1 is missing' })
  t.throws(() => folded('Neg', [undefined]), { message: 'operand 0 is missing' })
  t.is(folded('Add', [GRID, GRID], { domain: 'com.example' }), undefined)
  t.is(folded('toString', [GRID]), undefined)
})
