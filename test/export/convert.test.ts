import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { compareOutputs } from '../../export/compare-outputs.ts'
import { convertModel, parseConversionFormats } from '../../export/convert/convert-model.ts'
import { readQuantisedTflite } from '../../export/convert/read-quantised.ts'
import { findLiteRt, LITERT_MISSING } from '../../export/litert/run-litert.ts'
import { runInLiteRt } from '../../export/litert/verify-litert.ts'
import { createInterpreter } from '../../export/quantise/reference/interpreter.ts'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { withFloatInterface } from '../../formats/tflite/float-interface.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import { refusedWhenDamaged } from './damage.ts'
import { nestedExperts, quantisedCase } from './networks.ts'

/** Every kind that is read back as it was written. */
function readableKinds() {
  const g = new GraphBuilder()
  const stem = g.activation(g.batchNorm(g.conv2d(g.input([11, 9, 3]), 8, { kernel: 3, stride: 2 })), 'relu6')
  const deep = g.activation(g.batchNorm(g.depthwiseConv2d(stem, { kernel: 5 })), 'hardSwish')
  const squeezed = g.activation(g.conv2d(g.globalAveragePool(deep, true), 4, { bias: true }), 'relu')
  const scaled = g.multiply(deep, g.activation(g.conv2d(squeezed, 8, { bias: true }), 'hardSigmoid'))
  const sum = g.activation(g.add(stem, scaled), 'relu')
  const gated = g.activation(g.multiply(sum, g.activation(sum, 'sigmoid')), 'relu6')
  const most = g.maxPool(gated, { kernel: [3, 2], stride: 2 })
  const mean = g.averagePool(sum, { kernel: [3, 2], stride: 2 })
  const joined = g.node({ kind: 'concat' }, most, mean)
  const flat = g.node({ kind: 'reshape', shape: [sizeOf(g.shape(joined))] }, joined)
  return g.build(g.activation(g.dense(g.activation(g.dense(flat, 12), 'relu'), 5), 'softmax'))
}
const quantised = await quantisedCase(readableKinds(), 1)
const file = writeTflite(quantised.network, { description: '', interface: 'int8' })

test('a file of this package is read back as the network that was written', (t) => {
  for (const interface_ of ['int8', 'float32'] as const) {
    const bytes = writeTflite(quantised.network, { description: '', interface: interface_ })
    const { network, graph } = readQuantisedTflite(bytes)
    const kinds = ({ kernels }: typeof network): readonly string[] => kernels.map(({ kind }) => kind)
    t.deepEqual(kinds(network), kinds(quantised.network))
    t.deepEqual(
      scheduleOf(graph).kernels.map(({ id }) => id),
      network.kernels.map(({ id }) => id),
      'memory is planned for these kernels',
    )
    const run = createInterpreter(network)
    const size = sizeOf(network.tensors[network.input]!.shape)
    const rows = Array.from({ length: quantised.count }, (_, i) => [
      ...run(quantised.inputs.subarray(i * size, (i + 1) * size)),
    ])
    t.deepEqual(Int8Array.from(rows.flat()), quantised.outputs)
    t.deepEqual(writeTflite(network, { description: '', interface: 'int8' }).length > 0, true)
  }
})

test('a conversion gives the same bytes twice, in every format', async (t) => {
  const job = {
    bytes: file,
    kind: 'tflite' as const,
    formats: parseConversionFormats('c,onnx-int8,tflite'),
    name: '../../x */ \n',
    verify: false,
  }
  const [first, second] = [await convertModel(job), await convertModel(job)]
  t.deepEqual(first.files, second.files)
  t.deepEqual(
    [...first.files.keys()],
    [
      'model.tflite',
      'model_float_io.tflite',
      'model_int8.onnx',
      ...['c/model.c', 'c/model.h', 'c/check.c', 'c/start.c', 'c/link.ld'],
      'README.md',
    ],
  )
  t.deepEqual(first.findings, [])
})

test('what is not converted is said in one sentence', async (t) => {
  t.throws(() => parseConversionFormats('c,onx-int8'), { instanceOf: UserError, message: /did you mean 'onnx-int8'/ })
  const mixture = await quantisedCase(nestedExperts(), 2, 4)
  const bytes = writeTflite(mixture.network, { description: '', interface: 'int8' })
  t.throws(() => readQuantisedTflite(bytes), { instanceOf: UserError, message: /^operator \d+ \([A-Z_]+\): / })
  t.throws(() => readQuantisedTflite(Uint8Array.of(1, 2, 3)), { instanceOf: UserError, message: /damaged/ })
})

test('damaged files are refused or read, never a crash', (t) => {
  const refused = refusedWhenDamaged(file, readQuantisedTflite, { seed: 3, bytes: 4 })
  t.true(refused > 20, `${refused} refused`)
})

const FOLDER = path.resolve(import.meta.dirname, '../../../shared/data/hardware/tflite')
const PREFIX = 'mlcommons_tiny__training_'
const REFERENCE_MODELS = [
  ['anomaly_detection_trained_models_ad01_int8', 8],
  ['keyword_spotting_trained_models_kws_ref_model', 8],
  ['streaming_wakeword_trained_models_str_ww_ref_model', 32],
] as const
const liteRt = findLiteRt()
const note = !existsSync(FOLDER) ? ' (no reference models)' : liteRt === undefined ? ` (${LITERT_MISSING})` : ''

for (const [name, samples] of REFERENCE_MODELS) {
  const run = note === '' ? test : test.skip
  run(`${name}: the new file gives what the original gives in LiteRT, and the reference too${note}`, async (t) => {
    const bytes = readFileSync(path.join(FOLDER, `${PREFIX}${name}.tflite`))
    const { network } = readQuantisedTflite(bytes)
    const size = sizeOf(network.tensors[network.input]!.shape)
    const random = randomStream(5, name)
    const inputs = Int8Array.from({ length: samples * size }, () => random.int(256) - 128)
    const original = await runInLiteRt(liteRt!, withFloatInterface(bytes), network, inputs)
    const rewritten = writeTflite(network, { description: '', interface: 'float32' })
    t.deepEqual(await runInLiteRt(liteRt!, rewritten, network, inputs), original)
    const reference = createInterpreter(network)
    const rows = Array.from({ length: samples }, (_, i) => [...reference(inputs.subarray(i * size, (i + 1) * size))])
    const { differing, most } = compareOutputs(original, Int8Array.from(rows.flat()))
    t.true(differing <= Math.max(0.001 * original.length, 1) && most <= 1, `${differing} differ, by ${most}`)
  })
}
