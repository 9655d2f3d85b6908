import test from 'ava'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { operatorCode } from '../../formats/tflite/operator-names.ts'
import type { Op } from '../../network/types.ts'
import { type FlatFields, INT32, type TestTensor, tfliteFile } from './tflite-file.ts'

type Dims = readonly number[]
const weights = (...dims: Dims): TestTensor => ({ dims, data: 'weights' })
const integers = (...data: Dims): TestTensor => ({ dims: [data.length], type: INT32, data })

/**
 * The nodes after the input of a network of one operator, without what only gives the result its shape back. That the
 * shapes agree with those of the file is checked while reading.
 */
function nodesOf(
  name: string,
  given: Dims,
  operands: readonly TestTensor[],
  results: readonly Dims[],
  options: FlatFields = {},
) {
  const tensors = [{ dims: given }, ...operands, ...results.map((dims) => ({ dims }))]
  const inputs = [0, ...operands.map((_, i) => i + 1)]
  const outputs = results.map((_, i) => inputs.length + i)
  const operator = { code: operatorCode(name), inputs, outputs, options }
  return importTflite(tfliteFile(tensors, [operator], [0], outputs)).graph.nodes.slice(1)
}
const opsOf = (...args: Parameters<typeof nodesOf>): readonly Op[] => nodesOf(...args).map(({ op }) => op)

const SAME = { 0: { int8: 0 } }
const VALID = { 0: { int8: 1 } }
/** Fused activations by their number in the schema. */
const FUSED: readonly (readonly [number, Partial<Op> | undefined])[] = [
  [0, undefined],
  [1, { kind: 'relu' }],
  [2, { kind: 'unary', function: 'clip' }],
  [3, { kind: 'relu6' }],
  [4, { kind: 'unary', function: 'tanh' }],
]

test('fused activations follow their operator, each in the field that its options have', (t) => {
  const map = [1, 4, 4, 2]
  const ones = { 1: { int32: 1 }, 2: { int32: 1 } }
  const cases: readonly (readonly [string, number, readonly TestTensor[], Dims, FlatFields])[] = [
    ['CONV_2D', 3, [weights(2, 1, 1, 2)], map, { ...SAME, ...ones }],
    ['DEPTHWISE_CONV_2D', 4, [weights(1, 3, 3, 2)], map, { ...SAME, ...ones }],
    ['FULLY_CONNECTED', 0, [weights(5, 32)], [1, 5], {}],
    ['MAX_POOL_2D', 5, [], map, { ...SAME, ...ones, 3: { int32: 2 }, 4: { int32: 2 } }],
    ['AVERAGE_POOL_2D', 5, [], map, { ...SAME, ...ones, 3: { int32: 2 }, 4: { int32: 2 } }],
    ...['ADD', 'SUB', 'MUL', 'DIV'].map((name) => [name, 0, [weights(2)], map, {}] as const),
  ]
  for (const [name, field, operands, result, options] of cases) {
    for (const [number, expected] of FUSED) {
      const last = opsOf(name, map, operands, [result], { ...options, [field]: { int8: number } }).at(-1)!
      if (expected === undefined) t.false(['relu', 'relu6', 'unary'].includes(last.kind), name)
      else t.like(last, expected, `${name}, ${number}`)
    }
  }
  // One that has no such field.
  t.is(opsOf('MAXIMUM', map, [weights(2)], [map], { 0: { int8: 1 } }).at(-1)!.kind, 'elementwise')
})

test('windows: height before width in kernels, width before height in options', (t) => {
  const options = { ...VALID, 1: { int32: 1 }, 2: { int32: 2 } }
  const [depthwise] = opsOf('DEPTHWISE_CONV_2D', [1, 9, 11, 2], [weights(1, 3, 5, 4)], [[1, 4, 3, 4]], {
    ...options,
    ...{ 3: { int32: 2 }, 5: { int32: 2 }, 6: { int32: 1 } },
  })
  t.like(depthwise, { multiplier: 2, kernel: [3, 5], stride: [2, 1], dilation: [1, 2], padding: 'valid', bias: false })
  const [conv] = opsOf('CONV_2D', [1, 9, 11, 2], [weights(6, 3, 5, 2), weights(6)], [[1, 3, 7, 6]], {
    ...options,
    ...{ 4: { int32: 1 }, 5: { int32: 2 } },
  })
  t.like(conv, { filters: 6, kernel: [3, 5], stride: [2, 1], dilation: [2, 1], bias: true })
  const [biased] = opsOf('DEPTHWISE_CONV_2D', [1, 4, 4, 2], [weights(1, 1, 1, 2), weights(2)], [[1, 4, 4, 2]], {
    ...SAME,
    ...{ 1: { int32: 1 }, 2: { int32: 1 } },
  })
  t.like(biased, { kind: 'depthwiseConv2d', bias: true })
  const [pool] = opsOf('MAX_POOL_2D', [1, 8, 6, 3], [], [[1, 2, 3, 3]], {
    ...VALID,
    ...{ 1: { int32: 2 }, 2: { int32: 4 }, 3: { int32: 2 }, 4: { int32: 4 } },
  })
  t.deepEqual(pool, { kind: 'maxPool', kernel: [4, 2], stride: [4, 2], padding: 'valid' })
})

test('a dense layer works on rows, which keep their axes where the options say so', (t) => {
  const kinds = (given: Dims, result: Dims, options: FlatFields) =>
    opsOf('FULLY_CONNECTED', given, [weights(5, 4)], [result], options).map(({ kind }) => kind)
  t.deepEqual(kinds([1, 2, 3, 4], [1, 2, 3, 5], { 2: { int8: 1 } }), ['reshape', 'conv2d'], 'rows are pixels')
  t.deepEqual(kinds([1, 2, 3, 4], [6, 5], {}), ['reshape', 'conv2d'])
  t.deepEqual(kinds([1, 4], [1, 5], {}), ['dense'])
  t.throws(() => kinds([1, 2, 3, 3], [6, 5], {}), {
    message: /its weights are for 4 features, the input has 18 values/,
  })
})

test('reductions: axes from either end, in any order and twice, kept or not', (t) => {
  const given = [1, 4, 6, 8]
  const [kept] = nodesOf('SUM', given, [integers(3, -3, 1)], [[1, 1, 6, 1]], { 0: { int8: 1 } })
  t.like(kept!.op, { kind: 'reduce', operation: 'sum', keepDims: true })
  t.deepEqual(kept!.shape, [1, 6, 1])
  const [twice] = opsOf('SUM', given, [integers(3, -3, 1)], [[1, 6]])
  t.deepEqual(twice, { kind: 'reduce', operation: 'sum', axes: [0, 2], keepDims: false })
  const [dropped] = nodesOf('REDUCE_MAX', given, [integers(-1, 2)], [[1, 4]])
  t.like(dropped!.op, { kind: 'reduce', operation: 'max', keepDims: false })
  t.deepEqual(dropped!.shape, [4])
  const [best] = nodesOf('ARG_MAX', [1, 10], [integers(1)], [[1]], { 0: { int8: 1 } })
  t.like(best!.op, { operation: 'argMax', keepDims: false })
})

test('strided slices: masks of open ends and dropped axes, ends counted from behind', (t) => {
  const given = [1, 6, 8, 3]
  const sliced = (begin: Dims, end: Dims, stride: Dims, result: Dims, masks: FlatFields = {}) => {
    const found = opsOf(
      'STRIDED_SLICE',
      given,
      [integers(...begin), integers(...end), integers(...stride)],
      [result],
      masks,
    )
    const { begin: from, size, stride: by } = found[0] as Extract<Op, { kind: 'slice' }>
    return [from, size, by]
  }
  // Without the axis of the batch.
  t.deepEqual(sliced([0, 1, 2, 0], [1, 5, 8, 3], [1, 1, 1, 1], [1, 4, 6, 3]), [
    [1, 2, 0],
    [4, 6, 3],
    [1, 1, 1],
  ])
  t.deepEqual(sliced([0, -3, 1, 0], [1, -1, 8, 3], [1, 1, 3, 1], [1, 2, 3, 3]), [
    [3, 1, 0],
    [2, 3, 3],
    [1, 3, 1],
  ])
  // The begin of axis 1 and the end of axis 2 are open: what is written there does not count.
  const open = { 0: { int32: 0b0010 }, 1: { int32: 0b0100 } }
  t.deepEqual(sliced([0, 5, 2, 0], [1, 5, 3, 3], [1, 1, 1, 1], [1, 5, 6, 3], open), [
    [0, 2, 0],
    [5, 6, 3],
    [1, 1, 1],
  ])
  t.deepEqual(sliced([0, 2], [1, 99], [1, 1], [1, 4, 8, 3]), [
    [2, 0, 0],
    [4, 8, 3],
    [1, 1, 1],
  ])
  const dropped = nodesOf(
    'STRIDED_SLICE',
    given,
    [integers(0, 2, 0, 0), integers(1, 3, 8, 3), integers(1, 1, 1, 1)],
    [[1, 8, 3]],
    {
      4: { int32: 0b0010 },
    },
  )
  t.like(dropped[0]!.op, { begin: [2, 0, 0], size: [1, 8, 3], stride: [1, 1, 1] })
  const [turned] = opsOf(
    'STRIDED_SLICE',
    given,
    [integers(0, 5, 0, 0), integers(1, -7, 8, 3), integers(1, -1, 1, 1)],
    [given],
  )
  t.like(turned, { kind: 'rearrange', operation: 'reverse' })
})

test('recurrent layers and volumes are custom operators with their multiplications', (t) => {
  const volume = opsOf('CONV_3D', [1, 4, 6, 8, 2], [weights(3, 3, 3, 2, 5)], [[1, 4, 6, 8, 5]]).at(-1)
  t.like(volume, { kind: 'custom', name: 'CONV_3D', macs: 4 * 6 * 8 * 5 * 27 * 2 })
  const matrices = [weights(8, 3), weights(8, 3), weights(8, 8), weights(8, 8), weights(8)]
  const one = opsOf('UNIDIRECTIONAL_SEQUENCE_LSTM', [1, 10, 3], matrices, [[1, 10, 8]]).at(-1)
  // Ten steps of two products with rows of 3 and two with rows of 8; the gates' results are half of all rows.
  t.like(one, { macs: 10 * (2 * 24 + 2 * 64), steps: { count: 10, products: 1, width: 16, passes: 1, elements: 16 } })
  const two = opsOf('BIDIRECTIONAL_SEQUENCE_LSTM', [1, 10, 3], matrices, [[1, 10, 8]]).at(-1)
  t.like(two, { steps: { count: 10, products: 2, width: 8, passes: 2, elements: 8 } })
})

test('operators that give several results, and lengths of results', (t) => {
  const [, ...parts] = nodesOf(
    'SPLIT_V',
    [1, 4, 4, 6],
    [integers(1, 2, 3), integers(-1)],
    [
      [1, 4, 4, 1],
      [1, 4, 4, 2],
      [1, 4, 4, 3],
    ],
  )
  t.deepEqual(
    parts.slice(0, 3).map(({ shape }) => shape),
    [
      [4, 4, 1],
      [4, 4, 2],
      [4, 4, 3],
    ],
  )
  const [resized] = opsOf('RESIZE_BILINEAR', [1, 4, 5, 2], [integers(8, 15)], [[1, 8, 15, 2]])
  t.deepEqual(resized, { kind: 'resize', height: 8, width: 15, mode: 'bilinear' })
})
