import test from 'ava'
import { parseInputShapes } from '../../formats/import/input-shapes.ts'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { UserError } from '../../lib/errors.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { planMemory } from '../../network/memory-plan.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph, Op } from '../../network/types.ts'
import { FLOAT32, INT8, INT16, INT32, type TestOperator, type TestTensor, tfliteFile } from './tflite-file.ts'

const CONV = 3
const DEPTHWISE = 4
const DENSE = 9
const SAME = { int8: 0 }
const VALID = { int8: 1 }
const strides = (length: number) => ({ 1: { int32: length }, 2: { int32: length } })
const kinds = (graph: NetworkGraph): readonly string[] => graph.nodes.map(({ op }) => op.kind)
const opOf = (graph: NetworkGraph, kind: Op['kind']): Op => graph.nodes.find(({ op }) => op.kind === kind)!.op

/** Imports operators that follow one input, which is tensor 0; the last tensor is the output. */
const imported = (tensors: readonly TestTensor[], operators: readonly TestOperator[], outputs?: readonly number[]) =>
  importTflite(tfliteFile(tensors, operators, [0], outputs ?? [tensors.length - 1]))

test('convolution, fused activation, pooling and dense layer: shapes, MACs, parameters, quantisation', (t) => {
  const { graph, dataType, quantisation } = imported(
    [
      { dims: [1, 8, 8, 3], scales: [0.5] },
      { dims: [4, 3, 3, 3], data: 'weights', scales: [1, 2, 3, 4] },
      { dims: [4], type: INT32, data: [0, 0, 0, 0] },
      { dims: [1, 4, 4, 4], scales: [0.25] },
      { dims: [2], type: INT32, data: [1, 2] },
      { dims: [1, 4] },
      { dims: [5, 4], data: 'weights' },
      { dims: [1, 5] },
    ],
    [
      { code: CONV, inputs: [0, 1, 2], outputs: [3], options: { 0: SAME, ...strides(2), 3: { int8: 3 } } },
      { code: 40, inputs: [3, 4], outputs: [5] },
      { code: DENSE, inputs: [5, 6, -1], outputs: [7] },
    ],
  )
  t.deepEqual(kinds(graph), ['input', 'conv2d', 'relu6', 'globalAveragePool', 'dense'])
  t.is(countMacs(graph), 16 * 4 * 27 + 20)
  t.is(countParams(graph), 108 + 4 + 20)
  t.is(dataType, 'int8')
  t.deepEqual(opOf(graph, 'dense'), { kind: 'dense', units: 5, bias: false })
  const conv = graph.nodes[1]!
  t.deepEqual(quantisation.get(`${conv.id}/kernel`), {
    type: 'int8',
    scales: [1, 2, 3, 4],
    zeroPoints: [3, 3, 3, 3],
    axis: 3,
  })
  t.deepEqual(quantisation.get(graph.nodes[2]!.id)?.scales, [0.25])
})

test('dilation, groups and filters for each channel are kept, and left out where they are usual', (t) => {
  const dilated = { 0: VALID, ...strides(1), 4: { int32: 2 }, 5: { int32: 2 } }
  const { graph } = imported(
    [
      { dims: [1, 9, 9, 4] },
      { dims: [6, 3, 3, 2], data: 'weights' },
      { dims: [1, 5, 5, 6] },
      { dims: [1, 3, 3, 12], data: 'weights' },
      { dims: [1, 5, 5, 12] },
      { dims: [2, 1, 1, 12], data: 'weights' },
      { dims: [1, 5, 5, 2] },
    ],
    [
      { code: CONV, inputs: [0, 1], outputs: [2], options: dilated },
      { code: DEPTHWISE, inputs: [2, 3], outputs: [4], options: { 0: SAME, ...strides(1), 3: { int32: 2 } } },
      { code: CONV, inputs: [4, 5], outputs: [6], options: { 0: SAME, ...strides(1) } },
    ],
  )
  const [, grouped, multiplied, plain] = graph.nodes.map(({ op }) => op)
  t.like(grouped, { kind: 'conv2d', groups: 2, dilation: [2, 2] })
  t.like(multiplied, { kind: 'depthwiseConv2d', multiplier: 2 })
  t.deepEqual(Object.keys(plain!).sort(), ['bias', 'filters', 'kernel', 'kind', 'padding', 'stride'])
  t.is(countMacs(graph), 25 * 6 * 18 + 25 * 12 * 9 + 25 * 12 * 2)
  t.is(countParams(graph), 6 * 18 + 12 * 9 + 24)
})

test('operators that rearrange: pad, transpose, strided slice, split, pack, resize', (t) => {
  const { graph } = imported(
    [
      { dims: [1, 4, 6, 2] },
      { dims: [4, 2], type: INT32, data: [0, 0, 1, 1, 0, 0, 0, 0] },
      { dims: [1, 6, 6, 2] },
      { dims: [4], type: INT32, data: [0, 2, 1, 3] },
      { dims: [1, 6, 6, 2] },
      { dims: [4], type: INT32, data: [0, 0, 1, 0] },
      { dims: [4], type: INT32, data: [0, 0, 6, 0] },
      { dims: [4], type: INT32, data: [1, 1, 2, 1] },
      { dims: [1, 6, 3, 2] },
      { dims: [1], type: INT32, data: [1] },
      { dims: [1, 3, 3, 2] },
      { dims: [1, 3, 3, 2] },
      { dims: [2, 1, 3, 3, 2] },
      { dims: [2], type: INT32, data: [12, 12] },
      { dims: [1, 12, 12, 2] },
    ],
    [
      { code: 34, inputs: [0, 1], outputs: [2] },
      { code: 39, inputs: [2, 3], outputs: [4] },
      { code: 45, inputs: [4, 5, 6, 7], outputs: [8], options: { 0: { int32: 11 }, 1: { int32: 11 } } },
      { code: 49, inputs: [9, 8], outputs: [10, 11] },
      { code: 83, inputs: [11, 10], outputs: [12], options: { 1: { int32: 0 } } },
      { code: 23, inputs: [10, 13], outputs: [14] },
    ],
    [12, 14],
  )
  t.deepEqual(kinds(graph), [
    ...['input', 'pad', 'transpose', 'slice', 'split', 'view', 'view'],
    ...['reshape', 'reshape', 'concat', 'resize', 'tuple'],
  ])
  t.like(opOf(graph, 'slice'), { begin: [0, 1, 0], size: [6, 3, 2], stride: [1, 2, 1] })
  t.deepEqual(graph.nodes.find(({ op }) => op.kind === 'concat')!.shape, [2, 1, 3, 3, 2])
  const { kernels, outputs } = scheduleOf(graph)
  t.deepEqual(
    kernels.map(({ kind }) => kind),
    ['pad', 'transpose', 'slice', 'split', 'concat', 'resize'],
  )
  t.is(outputs.length, 2)
})

test('several results stay in memory to the end', (t) => {
  const head = { code: DENSE, options: {} }
  const tensors: TestTensor[] = [{ dims: [1, 16] }, { dims: [64, 16], data: 'weights' }, { dims: [1, 64] }]
  tensors.push({ dims: [1, 64] })
  const { graph } = imported(
    tensors,
    [
      { ...head, inputs: [0, 1], outputs: [2] },
      { ...head, inputs: [0, 1], outputs: [3] },
    ],
    [2, 3],
  )
  const plan = planMemory(scheduleOf(graph), { elementBytes: 1, alignmentBytes: 1 })
  t.is(plan.peakRamBytes, 16 + 64 + 64)
})

test('what follows from shapes alone is computed while reading', (t) => {
  const { graph } = imported(
    [
      { dims: [1, 4, 4, 2] },
      { dims: [4], type: INT32 },
      { dims: [1], type: INT32, data: [0] },
      { dims: [1], type: INT32, data: [1] },
      { dims: [], type: INT32 },
      { dims: [], type: INT32, data: [32] },
      { dims: [2], type: INT32 },
      { dims: [1, 32] },
      { dims: [1, 32] },
    ],
    [
      { code: 77, inputs: [0], outputs: [1] },
      { code: 45, inputs: [1, 2, 3, 3], outputs: [4], options: { 4: { int32: 1 } } },
      { code: 83, inputs: [4, 5], outputs: [6] },
      { code: 22, inputs: [0, 6], outputs: [7] },
      { code: 25, inputs: [7], outputs: [8] },
    ],
  )
  t.deepEqual(kinds(graph), ['input', 'reshape', 'softmax'])
})

test('stored operands count once, in flash and as parameters; float results of an int8 network take four bytes', (t) => {
  const { graph } = imported(
    [
      { dims: [1, 8] },
      { dims: [8, 8], data: 'weights' },
      { dims: [1, 8] },
      { dims: [8], data: 'weights' },
      { dims: [1, 8] },
      { dims: [1, 8] },
      { dims: [1, 8], type: FLOAT32 },
    ],
    [
      { code: DENSE, inputs: [0, 1], outputs: [2] },
      { code: 18, inputs: [2, 3], outputs: [4] },
      { code: 0, inputs: [4, 3], outputs: [5] },
      { code: 6, inputs: [5], outputs: [6] },
    ],
  )
  t.is(countParams(graph), 64 + 8)
  const { kernels, tensors, outputs } = scheduleOf(graph)
  t.deepEqual(
    kernels.map(({ kind, weightElements }) => [kind, weightElements]),
    [
      ['dense', 64],
      ['elementwise', 8],
      ['elementwise', 0],
      ['dequantize', 0],
    ],
  )
  t.is(tensors[outputs[0]!]!.elementBytes, 4)
  const plan = planMemory(
    { kernels, tensors, outputs, inputs: [0], idleExperts: [], repeats: [] },
    { elementBytes: 1, alignmentBytes: 1 },
  )
  t.is(plan.peakRamBytes, 8 + 32)
})

test('operators without a rule become custom ones; a state between inferences is an input and a result', (t) => {
  const { graph } = imported(
    [{ dims: [1, 10, 4] }, { dims: [1, 3, 4] }, { dims: [1, 3] }, { dims: [1, 8] }, { dims: [1, 8] }, { dims: [1] }],
    [
      { code: 32, custom: 'TFLite_Detection_PostProcess', inputs: [0], outputs: [1, 2] },
      { code: 142, inputs: [], outputs: [5] },
      { code: 143, inputs: [5], outputs: [3] },
      { code: 14, inputs: [3], outputs: [4] },
      { code: 144, inputs: [5, 4], outputs: [] },
    ],
    [1, 2],
  )
  t.deepEqual(kinds(graph), ['input', 'custom', 'view', 'view', 'input', 'sigmoid', 'rearrange', 'tuple'])
  t.like(opOf(graph, 'custom'), { name: 'TFLite_Detection_PostProcess', shape: [15] })
  const schedule = scheduleOf(graph)
  t.is(schedule.inputs.length, 2)
  t.is(schedule.outputs.length, 2)
})

const SHAPE = 77
const PACK = 83
const REDUCE_PROD = 81
const GATHER = 36
const RESHAPE = 22
const indices = (...data: readonly number[]): TestTensor => ({ dims: [data.length], type: INT32, data })

test('lengths that follow from shapes are computed: a dense layer on each step, of a file with an open batch', (t) => {
  const open = { type: INT32, dims: [2] }
  const { graph } = imported(
    [
      { dims: [1, 6, 4], signature: [-1, 6, 4] },
      { type: INT32, dims: [3] },
      indices(0, 1),
      open,
      { type: INT32, dims: [] },
      indices(0),
      indices(4),
      open,
      { dims: [1, 1], signature: [-1, -1] },
      { dims: [5, 4], data: 'weights' },
      { dims: [1, 5], signature: [-1, 5] },
    ],
    [
      { code: SHAPE, inputs: [0], outputs: [1] },
      { code: GATHER, inputs: [1, 2], outputs: [3] },
      { code: REDUCE_PROD, inputs: [3, 5], outputs: [4] },
      { code: PACK, inputs: [4, 6], outputs: [7] },
      { code: RESHAPE, inputs: [0, 7], outputs: [8] },
      { code: DENSE, inputs: [8, 9, -1], outputs: [10] },
    ],
  )
  t.is(countMacs(graph), 6 * 4 * 5)
})

const freeMap = (): Uint8Array =>
  tfliteFile(
    [
      { dims: [1, 1, 1, 3], signature: [-1, -1, -1, 3] },
      { dims: [4, 3, 3, 3], data: 'weights' },
      { dims: [1, 1, 1, 4], signature: [-1, -1, -1, 4] },
      indices(8, 8),
      { dims: [1, 8, 8, 4], signature: [-1, 8, 8, 4] },
      { dims: [1, 1, 1, 4], signature: [-1, -1, -1, 4] },
    ],
    [
      { code: CONV, inputs: [0, 1], outputs: [2], options: { 0: SAME, ...strides(2) } },
      { code: 23, inputs: [2, 3], outputs: [4] },
      { code: 14, inputs: [2], outputs: [5] },
    ],
    [0],
    [4, 5],
  )

test('lengths that a file leaves open can be given, and are asked for', (t) => {
  const { graph } = importTflite(freeMap(), { shapes: parseInputShapes(['1x20x12x3']) })
  t.deepEqual(graph.nodes.find(({ op }) => op.kind === 'sigmoid')!.shape, [10, 6, 4])
  t.is(countMacs(graph), 10 * 6 * 4 * 27)
  const message = /is \?×\?×\?×3 .* such as --input-shape 1x224x224x3/
  t.throws(() => importTflite(freeMap()), { instanceOf: UserError, message })
})

test('int8 weights behind float operands are a float network; int16 operands are named', (t) => {
  const typeOf = (operand: number, kernel: number) =>
    imported(
      [
        { dims: [1, 4], type: operand },
        { dims: [3, 4], type: kernel, data: 'weights' },
        { dims: [1, 3], type: operand },
      ],
      [{ code: DENSE, inputs: [0, 1, -1], outputs: [2] }],
    )
  t.is(typeOf(FLOAT32, INT8).dataType, 'float32')
  t.is(typeOf(INT8, INT8).dataType, 'int8')
  t.is(typeOf(INT16, INT8).dataType, 'int16')
  const [input] = typeOf(FLOAT32, INT8).graph.nodes
  t.deepEqual(input!.op, { kind: 'input', shape: [4] })
})

const refused: readonly (readonly [string, RegExp, () => unknown])[] = [
  [
    'a file that says another shape than it means',
    /operator 0 \(CONV_2D\): it makes 1×4×4×2 and the file says 1×9×4×2/,
    () =>
      imported(
        [{ dims: [1, 4, 4, 3] }, { dims: [2, 1, 1, 3], data: 'weights' }, { dims: [1, 9, 4, 2] }],
        [{ code: CONV, inputs: [0, 1], outputs: [2], options: { 0: SAME, ...strides(1) } }],
      ),
  ],
  [
    'an open length',
    /tensor 'tensor 0' has shape 1×-1×4; export the network with fixed lengths/,
    () => imported([{ dims: [1, -1, 4] }, { dims: [1, 4, 4] }], [{ code: 14, inputs: [0], outputs: [1] }]),
  ],
  [
    'an absurd shape',
    /must be a whole number|at most/,
    () =>
      imported([{ dims: [1, 1000000, 1000000, 1000000] }, { dims: [1] }], [{ code: 14, inputs: [0], outputs: [1] }]),
  ],
  [
    'a tensor that nothing gives',
    /reads tensor 'tensor 1', which nothing gives/,
    () => imported([{ dims: [1, 4] }, { dims: [1, 4] }, { dims: [1, 4] }], [{ code: 0, inputs: [0, 1], outputs: [2] }]),
  ],
  [
    'an axis that is not there',
    /operator 0 \(PACK\): it works on axis 4, which 1×4 does not have/,
    () =>
      imported(
        [{ dims: [4] }, { dims: [1, 4] }],
        [{ code: PACK, inputs: [0], outputs: [1], options: { 1: { int32: 4 } } }],
      ),
  ],
  [
    'the shape of nothing',
    /operator 0 \(SHAPE\): an operand is missing/,
    () => imported([{ dims: [4] }, { dims: [1] }], [{ code: SHAPE, inputs: [-1], outputs: [1] }]),
  ],
  [
    'a tensor out of range',
    /operator 0 uses tensor 9 of 2/,
    () => imported([{ dims: [1, 4] }, { dims: [1, 4] }], [{ code: 14, inputs: [9], outputs: [1] }]),
  ],
  [
    'a batch',
    /one sample/,
    () =>
      imported(
        [{ dims: [2, 4, 4, 3] }, { dims: [2, 1, 1, 3], data: 'weights' }, { dims: [2, 4, 4, 2] }],
        [{ code: CONV, inputs: [0, 1], outputs: [2], options: { 0: SAME, ...strides(1) } }],
      ),
  ],
  ['no file at all', /has only 3 bytes/, () => importTflite(Uint8Array.of(1, 2, 3))],
  ['another kind of file', /identifier is not TFL3/, () => importTflite(new Uint8Array(64))],
  [
    'a table outside the file',
    /damaged/,
    () => importTflite(Uint8Array.of(255, 255, 255, 127, ...Buffer.from('TFL3'), 0, 0, 0, 0)),
  ],
]
for (const [what, message, run] of refused) {
  test(`${what} is refused in one sentence`, (t) => {
    const error = t.throws(run, { instanceOf: UserError, message })
    t.false(error!.message.includes('\n'))
  })
}
