import test from 'ava'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import type { OnnxAttribute, OnnxTensor } from '../../formats/onnx/model.ts'
import type { Op, OpOf } from '../../network/types.ts'
import { ints, list, node, onnxFile } from './onnx-file.ts'

/** Four channels of 6 × 8; behind a pooling layer they lie as height, width, channels. */
const MAP = [1, 4, 6, 8]

const index = (value: number): OnnxTensor => ({ type: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) })

/** The nodes of one operator, behind a pooling layer that changes nothing where there is a map; `operands` are stored. */
function nodesOf(
  opType: string,
  attributes: Readonly<Record<string, OnnxAttribute>>,
  operands: readonly OnnxTensor[] = [],
  { dims = MAP, inputs = undefined as readonly string[] | undefined, outputs = ['y'] as readonly string[] } = {},
) {
  const names = operands.map((_, i) => `c${i}`)
  const stored = Object.fromEntries(names.map((name, i) => [name, operands[i]!]))
  const one = node(opType, inputs ?? ['m', ...names], outputs, attributes)
  const first = dims.length === 4 ? node('MaxPool', ['x'], 'm', { kernel_shape: ints(1, 1) }) : node('Relu', ['x'], 'm')
  return importOnnx(onnxFile(dims, [first, one], stored)).graph.nodes.slice(2)
}
const lastOf = (...args: Parameters<typeof nodesOf>) => nodesOf(...args).at(-1)!
const opOf = <K extends Op['kind']>(kind: K, ...args: Parameters<typeof nodesOf>) =>
  nodesOf(...args).find(({ op }) => op.kind === kind)!.op as OpOf<K>

test('copies: tiles and blocks', (t) => {
  const tiled = lastOf('Tile', {}, [list(1, 2, 1, 3)])
  t.like(tiled.op, { kind: 'rearrange', operation: 'tile' })
  t.deepEqual(tiled.shape, [6, 24, 8])
  t.deepEqual(lastOf('DepthToSpace', { blocksize: 2n }).shape, [12, 16, 1])
  t.deepEqual(lastOf('SpaceToDepth', { blocksize: 2n }).shape, [3, 4, 16])
  t.deepEqual(lastOf('Expand', {}, [list(1, 4, 6, 8)], { dims: [1, 1, 6, 1] }).shape, [6, 8, 4])
})

test('one stored index is a slice, whose axis then goes; several are gathered', (t) => {
  // Channel 2, and the last one, of the map as it lies.
  t.like(opOf('slice', 'Gather', { axis: 1n }, [index(2)]), { begin: [0, 0, 2], size: [6, 8, 1], stride: [1, 1, 1] })
  t.like(opOf('slice', 'Gather', { axis: 1n }, [index(-1)]), { begin: [0, 0, 3], size: [6, 8, 1] })
  t.like(opOf('slice', 'Gather', { axis: 2n }, [index(5)]), { begin: [5, 0, 0], size: [1, 8, 4] })
  const some = lastOf('Gather', { axis: 2n }, [list(0, 3)])
  t.like(some.op, { kind: 'rearrange', operation: 'gather' })
  t.deepEqual(some.shape, [4, 2, 8])
})

test('slices along named axes, from either end, and backwards', (t) => {
  const sliced = opOf('slice', 'Slice', {}, [list(1, -6), list(99, -1), list(2, -1), list(2, 3)])
  // Rows 1, 3, 5 of six and columns 2 and 5 of eight.
  t.like(sliced, { begin: [1, 2, 0], size: [3, 2, 4], stride: [2, 3, 1] })
  t.like(opOf('slice', 'Slice', { starts: ints(0, 1), ends: ints(1, 3) }), { begin: [0, 0, 1], size: [6, 8, 2] })
  const turned = lastOf('Slice', {}, [list(-1), list(-99), list(3), list(-1)])
  t.like(turned.op, { kind: 'rearrange', operation: 'reverse' })
  t.deepEqual(turned.shape, [6, 8, 4])
})

test('padding and splitting are along the axes of the file', (t) => {
  // All begins, then all ends: one row above, two below, three columns to the right.
  t.deepEqual(opOf('pad', 'Pad', {}, [list(0, 0, 1, 0, 0, 0, 2, 3)]).amounts.slice(-3), [
    [1, 2],
    [0, 3],
    [0, 0],
  ])
  t.deepEqual(lastOf('Pad', {}, [list(0, 0, 1, 0, 0, 0, 2, 3)]).shape, [9, 11, 4])
  t.like(opOf('split', 'Split', { axis: 1n }, [list(1, 3)], { outputs: ['y', 'z'] }), { axis: 2, sizes: [1, 3] })
})

test('reductions: axes of the file, in any order, kept or not', (t) => {
  const shapeOf = (axes: readonly number[], keepdims: bigint) =>
    lastOf('ReduceMax', { keepdims, axes: ints(...axes) }).shape
  t.deepEqual(shapeOf([1], 1n), [6, 8, 1])
  t.deepEqual(shapeOf([1], 0n), [6, 8])
  t.deepEqual(shapeOf([-2], 1n), [1, 8, 4])
  t.deepEqual(shapeOf([3], 0n), [6, 4])
  t.deepEqual(shapeOf([3, 1, 2], 1n), [1, 1, 1])
  t.like(lastOf('ReduceSum', { keepdims: 0n }, [list(2, 2, 3)]).op, { kind: 'reduce', operation: 'sum', axes: [0, 1] })
  t.deepEqual(lastOf('ArgMax', { axis: 1n, keepdims: 1n }).shape, [6, 8, 1])
  t.throws(() => shapeOf([4], 1n), { message: /axis 4|axes go beyond/ })
})

test('the axes that are left of a map keep their order in the file', (t) => {
  const shapeAfter = (
    opType: string,
    attributes: Readonly<Record<string, OnnxAttribute>>,
    stored: OnnxTensor | undefined,
  ) => {
    const nodes = [
      node('MaxPool', ['x'], 'm', { kernel_shape: ints(1, 1) }),
      node(opType, stored === undefined ? ['m'] : ['m', 'i'], 'a', attributes),
      node('ReduceMax', ['a'], 'y', { axes: ints(1), keepdims: 0n }),
    ]
    return importOnnx(onnxFile(MAP, nodes, stored === undefined ? {} : { i: stored })).graph.nodes.at(-1)!.shape
  }
  // Without rows, columns or channels the second axis is channels, channels or rows, and it goes.
  for (const [axis, left] of [
    [2n, 8],
    [3n, 6],
    [1n, 8],
  ] as const) {
    t.deepEqual(shapeAfter('Gather', { axis }, index(3)), [left])
    t.deepEqual(shapeAfter('ReduceMean', { axes: [axis], keepdims: 0n }, undefined), [left])
  }
})

test('concatenation of quantised tensors: every third operand is a value', (t) => {
  const scale = { type: 'float32' as const, dims: [], data: Float32Array.of(1) }
  const zero = { type: 'uint8' as const, dims: [], data: Uint8Array.of(0) }
  const joined = lastOf('QLinearConcat', { axis: 1n }, [scale, zero], {
    inputs: ['c0', 'c1', 'm', 'c0', 'c1', 'm', 'c0', 'c1'],
  })
  t.deepEqual(joined.shape, [6, 8, 8])
})

test('windows, sizes and picks', (t) => {
  const pool = (attributes: Readonly<Record<string, OnnxAttribute>>) =>
    lastOf('MaxPool', { kernel_shape: ints(3, 2), strides: ints(2, 2), ...attributes }).shape
  t.deepEqual(pool({}), [2, 4, 4])
  t.deepEqual(pool({ ceil_mode: 1n }), [3, 4, 4])
  t.throws(() => lastOf('MaxPool', { kernel_shape: ints(2) }), { message: /its window has 1 axes/ })
  const scales = (...values: readonly number[]): OnnxTensor => ({
    type: 'float32',
    dims: [values.length],
    data: Float32Array.from(values),
  })
  const nothing: OnnxTensor = { type: 'float32', dims: [0], data: new Float32Array() }
  t.like(opOf('resize', 'Resize', { mode: 'linear' }, [nothing, scales(1, 1, 1.5, 2)]), {
    height: 9,
    width: 16,
    mode: 'bilinear',
  })
  t.like(opOf('resize', 'Resize', {}, [nothing, nothing, list(1, 4, 7, 9)]), { height: 7, width: 9, mode: 'nearest' })
  t.like(opOf('resize', 'Upsample', {}, [scales(1, 1, 2, 3)]), { height: 12, width: 24 })
  t.deepEqual(lastOf('TopK', { axis: 1n }, [list(3)], { dims: [1, 10], outputs: ['y', 'z'] }).shape, [3])
})

test('orders that are none of the axes are refused', (t) => {
  t.throws(() => lastOf('Transpose', { perm: ints(0, 2, 1) }), { message: /its order has 3 axes, its input 4/ })
  t.throws(() => lastOf('Transpose', { perm: ints(0, 2, 2, 1) }), { message: /its order has 4 axes, its input 4/ })
})
