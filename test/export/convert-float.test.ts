import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { convertModel, parseConversionFormats } from '../../export/convert/convert-model.ts'
import { batches, runFloat } from '../../export/convert/float-writers.ts'
import { readFloatTflite } from '../../export/convert/read-float.ts'
import { findLiteRt, LITERT_MISSING } from '../../export/litert/run-litert.ts'
import { runRealInLiteRt } from '../../export/litert/verify-litert.ts'
import { writeFloatTflite } from '../../export/tflite/float-model.ts'
import { OPTIONS } from '../../formats/tflite/options.ts'
import { encodeTflite, type WrittenTensor } from '../../formats/tflite/write-tflite.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import { refusedWhenDamaged } from './damage.ts'
import { plausibleWeights } from './networks.ts'

const dataset = await loadDataset('builtin', { seed: 1 })
const SHAPE = dataset.inputShape

/** Every kind that float files of this package hold and that is read. */
function floatKinds(shape: Shape) {
  const g = new GraphBuilder()
  const stem = g.activation(g.batchNorm(g.conv2d(g.input(shape), 6, { kernel: 3, stride: 2 })), 'relu6')
  const deep = g.activation(g.batchNorm(g.depthwiseConv2d(stem, { kernel: 3 })), 'hardSwish')
  const gated = g.multiply(deep, g.activation(g.conv2d(g.globalAveragePool(deep, true), 6, { bias: true }), 'sigmoid'))
  const sum = g.activation(g.add(stem, gated), 'relu')
  const joined = g.node(
    { kind: 'concat' },
    g.maxPool(sum, { kernel: 2, stride: 2 }),
    g.averagePool(sum, { kernel: 2, stride: 2 }),
  )
  return g.build(g.dense(g.globalAveragePool(joined), dataset.classNames.length))
}
const graph = floatKinds(SHAPE)
const weights = plausibleWeights(graph, 3)
const file = (precision: 'float32' | 'float16'): Uint8Array =>
  writeFloatTflite(graph, weights, { description: '', precision })

const COUNT = 16
const random = randomStream(3, 'samples')
const values = Float32Array.from({ length: COUNT * sizeOf(SHAPE) }, () => random.normal())
const mostOff = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)

test('a float file is read back as a network that computes the same; float16 nearly', async (t) => {
  const wanted = await runFloat({ graph, weights }, { values, count: COUNT })
  const largest = Math.max(...wanted.map(Math.abs))
  t.true(largest > 0.1)
  const read = readFloatTflite(file('float32'))
  t.true(mostOff(await runFloat(read, { values, count: COUNT }), wanted) < 1e-5 * largest)
  const half = mostOff(await runFloat(readFloatTflite(file('float16')), { values, count: COUNT }), wanted)
  t.true(half > 0 && half < 0.01 * largest, `${half} of ${largest}`)
})

test('weights of dynamic range quantisation become the real numbers they stand for', async (t) => {
  const tensors: WrittenTensor[] = [
    { name: 'x', dims: [1, 2], type: 'float32' },
    {
      name: 'w',
      dims: [2, 2],
      type: 'int8',
      data: Int8Array.of(127, -64, 1, 100),
      quantisation: { scales: [0.5, 0.25], zeroPoints: [0, 0], axis: 0 },
    },
    { name: 'y', dims: [1, 2], type: 'float32' },
  ]
  const operators = [
    { name: 'FULLY_CONNECTED', version: 3, inputs: [0, 1, -1], outputs: [2], options: OPTIONS.fullyConnected('none') },
  ]
  const read = readFloatTflite(encodeTflite({ description: '', tensors, operators, inputs: [0], outputs: [2] }))
  const outputs = await runFloat(read, { values: Float32Array.of(1, 10), count: 1 })
  t.deepEqual([...outputs], [63.5 - 320, 0.25 + 250])
})

test('without samples a float network is written in float, and int8 is refused in a sentence', async (t) => {
  const job = { bytes: file('float32'), kind: 'tflite' as const, name: 'model', verify: false }
  const { files, summary } = await convertModel({ ...job, formats: parseConversionFormats('onnx,tflite-float16') })
  t.deepEqual([...files.keys()], ['model.onnx', 'model_float16.tflite', 'README.md'])
  t.regex(summary, /^float network/)
  const error = await t.throwsAsync(convertModel({ ...job, formats: ['tflite'] }), { instanceOf: UserError })
  t.regex(error!.message, /int8 needs samples.*--data/)
})

const liteRt = findLiteRt()
const withLiteRt = liteRt === undefined ? test.skip : test
const note = liteRt === undefined ? ` (${LITERT_MISSING})` : ''

withLiteRt(`with samples it is quantised, and every file is compared${note}`, async (t) => {
  const { files, findings, summary } = await convertModel({
    bytes: file('float32'),
    kind: 'tflite',
    formats: parseConversionFormats('tflite,onnx-integer,onnx,tflite-float32'),
    name: 'model',
    verify: true,
    data: { dataset, normalisation: 'data' },
  })
  t.true(['model.tflite', 'model_integer.onnx', 'model.onnx', 'model_float32.tflite'].every((name) => files.has(name)))
  t.regex(summary, /kernels, int8/)
  const [int8, ...rest] = findings
  const same = /the largest output is the same in (\d+)/.exec(int8!)
  t.true(Number(same?.[1]) > 100, int8)
  t.regex(rest[0]!, /model\.tflite on LiteRT.*128 test samples: all \d+ outputs are the reference’s bit for bit/)
  t.is(rest.filter((finding) => /differ from those of the original in LiteRT by at most/.test(finding)).length, 2)
})

withLiteRt(`a PAD that SAME does not say makes the window larger; a pool cannot${note}`, async (t) => {
  const file = (kernel: 'CONV_2D' | 'MAX_POOL_2D'): Uint8Array => {
    const weights = Float32Array.from({ length: 18 }, (_, i) => Math.sin(i))
    const tensors: WrittenTensor[] = [
      { name: 'x', dims: [1, 8, 8, 1], type: 'float32' },
      { name: 'a', dims: [4, 2], type: 'int32', data: Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0) },
      { name: 'p', dims: [1, 10, 10, 1], type: 'float32' },
      { name: 'w', dims: [2, 3, 3, 1], type: 'float32', data: weights },
      { name: 'b', dims: [2], type: 'float32', data: Float32Array.of(0.5, -1) },
      { name: 'y', dims: [1, 4, 4, kernel === 'CONV_2D' ? 2 : 1], type: 'float32' },
    ]
    const window = { padding: 'valid', stride: [2, 2], activation: 'none' } as const
    const last =
      kernel === 'CONV_2D'
        ? { inputs: [2, 3, 4], options: OPTIONS.conv2d(window) }
        : { inputs: [2], options: OPTIONS.pool2d({ ...window, kernel: [3, 3] }) }
    const operators = [
      { name: 'PAD', version: 1, inputs: [0, 1], outputs: [2] },
      { name: kernel, version: 1, outputs: [5], ...last },
    ]
    return encodeTflite({ description: '', tensors, operators, inputs: [0], outputs: [5] })
  }
  const bytes = file('CONV_2D')
  const samples = { values: values.subarray(0, 5 * 64), count: 5 }
  const original = await runRealInLiteRt(liteRt!, bytes, batches(samples), 32)
  t.true(mostOff(await runFloat(readFloatTflite(bytes), samples), original) < 1e-5)
  t.throws(() => readFloatTflite(file('MAX_POOL_2D')), { instanceOf: UserError, message: /it reads a PAD/ })
})

test('damaged files are refused or read, never a crash', (t) => {
  const refused = refusedWhenDamaged(file('float32'), readFloatTflite, { seed: 2, bytes: 6 })
  t.true(refused > 20, `${refused} refused`)
})
