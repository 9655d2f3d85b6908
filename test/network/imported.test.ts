import test from 'ava'
import { UserError } from '../../lib/errors.ts'
import { buildGraph, GraphBuilder } from '../../network/build.ts'
import { archId, countMacs, countParams } from '../../network/measure.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { trainableOp } from '../../network/trainable.ts'
import type { Op } from '../../network/types.ts'

const shapeOf = (op: Op, ...inputs: readonly (readonly number[])[]): readonly number[] => {
  const g = new GraphBuilder()
  return g.shape(g.node(op, ...inputs.map((shape) => g.input(shape))))
}

const shapes: readonly (readonly [Op, readonly (readonly number[])[], readonly number[]])[] = [
  [
    {
      kind: 'pad',
      amounts: [
        [1, 2],
        [0, 0],
        [0, 3],
      ],
    },
    [[4, 5, 6]],
    [7, 5, 9],
  ],
  [{ kind: 'transpose', order: [2, 0, 1] }, [[4, 5, 6]], [6, 4, 5]],
  [{ kind: 'slice', begin: [1, 0], size: [2, 3], stride: [2, 1] }, [[4, 3]], [2, 3]],
  [{ kind: 'split', axis: 1, sizes: [1, 3] }, [[2, 4]], [8]],
  [{ kind: 'view', offset: 2, shape: [2, 3] }, [[8]], [2, 3]],
  [{ kind: 'resize', height: 8, width: 9, mode: 'nearest' }, [[4, 5, 6]], [8, 9, 6]],
  [
    { kind: 'matmul', transposeB: true },
    [
      [2, 3, 4],
      [5, 4],
    ],
    [2, 3, 5],
  ],
  [
    { kind: 'elementwise', operation: 'add' },
    [
      [4, 1, 6],
      [5, 1],
    ],
    [4, 5, 6],
  ],
  [{ kind: 'reduce', operation: 'max', axes: [0, 2], keepDims: false }, [[4, 5, 6]], [5]],
  [{ kind: 'reduce', operation: 'max', axes: [0, 2], keepDims: true }, [[4, 5, 6]], [1, 5, 1]],
  [{ kind: 'rearrange', operation: 'tile', shape: [2, 9] }, [[9]], [2, 9]],
  [
    { kind: 'concat', axis: 0 },
    [
      [2, 3],
      [4, 3],
    ],
    [6, 3],
  ],
  [{ kind: 'tuple' }, [[2, 3], [4]], [10]],
]
for (const [op, inputs, expected] of shapes) {
  test(`${op.kind} of ${inputs.map((shape) => shape.join('×')).join(' and ')} gives ${expected.join('×')}`, (t) => {
    t.deepEqual(shapeOf(op, ...inputs), expected)
  })
}

const wrong: readonly (readonly [Op, readonly (readonly number[])[], RegExp])[] = [
  [{ kind: 'pad', amounts: [[1, 2]] }, [[4, 5]], /1 pairs of amounts for 4×5/],
  [{ kind: 'pad', amounts: [[-1, 0]] }, [[4]], /pads by -1/],
  [{ kind: 'transpose', order: [0, 0] }, [[4, 5]], /each axis comes once/],
  [{ kind: 'slice', begin: [3], size: [2], stride: [1] }, [[4]], /takes 2 elements from 3 of an axis of 4/],
  [{ kind: 'split', axis: 0, sizes: [1, 2] }, [[4]], /cuts 1 \+ 2 from an axis of 4/],
  [{ kind: 'view', offset: 3, shape: [2] }, [[4]], /reads 2 elements from 3 of 4/],
  [
    { kind: 'matmul' },
    [
      [2, 3],
      [4, 5],
    ],
    /multiplies 2×3 by 4×5/,
  ],
  [{ kind: 'elementwise', operation: 'add' }, [[2, 3], [2]], /combines 2×3 and 2/],
  [{ kind: 'reduce', operation: 'sum', axes: [5], keepDims: true }, [[2]], /axis 5, which 2 does not have/],
  [{ kind: 'rearrange', operation: 'copy', shape: [2 ** 20, 2 ** 20] }, [[2]], /at most/],
  [
    { kind: 'conv2d', filters: 4, kernel: [1, 1], stride: [1, 1], padding: 'same', bias: false, groups: 3 },
    [[2, 2, 4]],
    /3 groups for 4 channels/,
  ],
]
for (const [op, inputs, message] of wrong) {
  test(`${op.kind}: refused where it says ${message.source}`, (t) => {
    const error = t.throws(() => shapeOf(op, ...inputs), { instanceOf: UserError, message })
    t.regex(error!.message, new RegExp(`^node '.*' \\(${op.kind}\\)`))
  })
}

test('a transposed convolution multiplies each input element with every tap of every filter', (t) => {
  const g = new GraphBuilder()
  const op: Op = { kind: 'transposeConv2d', filters: 5, kernel: [3, 3], stride: [2, 2], outputSize: [8, 8], bias: true }
  const graph = g.build(g.node(op, g.input([4, 4, 2])))
  t.deepEqual(graph.nodes.at(-1)!.shape, [8, 8, 5])
  t.is(countMacs(graph), 4 * 4 * 2 * 9 * 5)
  t.is(countParams(graph), 2 * 9 * 5 + 5)
})

test('a tuple can only close a network', (t) => {
  const input = { id: 'a', op: { kind: 'input' as const, shape: [4] }, inputs: [] }
  const tuple = { id: 'b', op: { kind: 'tuple' as const }, inputs: ['a'] }
  const relu = { id: 'c', op: { kind: 'relu' as const }, inputs: ['b'] }
  t.throws(() => buildGraph([input, tuple, relu], 'c'), {
    instanceOf: UserError,
    message: /'b' \(tuple\) is not the output/,
  })
})

test('views and reshapes of one vector are one tensor; the results of a network are those of its tuple', (t) => {
  const g = new GraphBuilder()
  const parts = g.node({ kind: 'split', axis: 0, sizes: [2, 2] }, g.input([4, 3]))
  const [a, b] = [0, 6].map((offset) => g.node({ kind: 'view', offset, shape: [2, 3] }, parts)) as [string, string]
  const schedule = scheduleOf(g.build(g.node({ kind: 'tuple' }, g.activation(a, 'relu'), b)))
  t.deepEqual(
    schedule.kernels.map(({ kind }) => kind),
    ['split', 'relu'],
  )
  t.deepEqual(schedule.kernels[1]!.inputs, [schedule.kernels[0]!.output])
  t.deepEqual(schedule.outputs, [schedule.kernels[1]!.output, schedule.kernels[0]!.output])
})

test('what only model files hold is not trained, and the sentence names it', (t) => {
  const g = new GraphBuilder()
  const x = g.input([4, 4, 2])
  const plain = g.conv2d(x, 4, { kernel: 3 })
  const turned = g.node({ kind: 'transpose', order: [1, 0, 2] }, plain)
  const conv = { kind: 'conv2d', filters: 4, kernel: [3, 3], stride: [1, 1], padding: 'same', bias: false } as const
  const graph = g.build(g.node({ ...conv, groups: 2 }, turned))
  const node = (at: number) => graph.nodes[at]!
  t.deepEqual(trainableOp(node(1)) as Op, node(1).op)
  t.throws(() => trainableOp(node(2)), { instanceOf: UserError, message: /'transpose' can be priced but not trained/ })
  t.throws(() => trainableOp(node(3)), { instanceOf: UserError, message: /'conv2d' with groups can be priced/ })
})

test('archId of networks made by search spaces did not change with the kinds of model files', (t) => {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([8, 8, 3]), 4, { kernel: 3, stride: 2 })), 'relu')
  t.is(archId(g.build(g.dense(g.globalAveragePool(g.depthwiseConv2d(x, { kernel: 3 })), 5))), 'f1cdd38da4048288')
})
