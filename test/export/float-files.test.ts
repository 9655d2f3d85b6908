import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { judgeFloatFile, preparedTestSamples } from '../../export/float-check.ts'
import { foldNetwork } from '../../export/fold-network.ts'
import type { ExportContext } from '../../export/formats/format.ts'
import { formatsFor, parseFormats } from '../../export/formats/index.ts'
import { findPythonLiteRt, PYTHON_LITERT_MISSING, runRealInPythonLiteRt } from '../../export/litert/python-litert.ts'
import { findLiteRt, LITERT_MISSING } from '../../export/litert/run-litert.ts'
import { runRealInLiteRt } from '../../export/litert/verify-litert.ts'
import { runRealInOnnxRuntime } from '../../export/onnx-int8/run-model.ts'
import { writeFloatTflite } from '../../export/tflite/float-model.ts'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { readTflite } from '../../formats/tflite/model.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { everyKind, nestedExperts, plausibleWeights } from './networks.ts'

const liteRt = findLiteRt()
const withLiteRt = liteRt === undefined ? test.skip : test
const python = await findPythonLiteRt()
const withPython = python === undefined ? test.skip : test

const COUNT = 60

/** A network, random samples and what it gives in float32. */
async function floatCase(graph: NetworkGraph, seed: number) {
  const weights = plausibleWeights(graph, seed)
  const { shape } = graph.nodes.find(({ op }) => op.kind === 'input')!
  const size = sizeOf(shape)
  const random = randomStream(seed, 'samples')
  const inputs = Float32Array.from({ length: COUNT * size }, () => random.normal())
  const values = (start: number, end: number): Float32Array => inputs.slice(start * size, end * size)
  const run = (model: Uint8Array) => runRealInOnnxRuntime({ model, samples: COUNT, inputShape: shape, inputs: values })
  const expected = await run(buildInferenceGraph(graph, weights, { batch: 'n' }))
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return { graph, weights, inputs, expected, largest, run, samples: { count: COUNT, size, values } }
}

/** Samples with an output that is off by more than a share of the largest one. */
function far({ expected, largest }: Awaited<ReturnType<typeof floatCase>>, found: Float32Array, share: number): number {
  const classes = expected.length / COUNT
  const samples = found.map((value, i) =>
    Math.abs(value - expected[i]!) > share * largest ? Math.floor(i / classes) : -1,
  )
  return found.length === expected.length ? new Set(samples.filter((sample) => sample >= 0)).size : COUNT
}

const cases = [
  await floatCase(everyKind({ experts: false }), 1),
  await floatCase(everyKind({ experts: true }), 1),
  await floatCase(nestedExperts(), 2),
]

test('a network without batch norms computes the same', async (t) => {
  for (const one of cases) {
    const { graph, weights } = foldNetwork(one.graph, one.weights)
    t.false(JSON.stringify(graph).includes('"kind":"batchNorm"'))
    const found = await one.run(buildInferenceGraph(graph, weights, { batch: 'n' }))
    t.is(far(one, found, 1e-5), 0)
  }
})

test('ONNX in float16 gives nearly what the network gives, and is half as large', async (t) => {
  for (const [i, one] of cases.entries()) {
    const { graph, weights } = foldNetwork(one.graph, one.weights)
    const build = (float16: boolean): Uint8Array =>
      buildInferenceGraph(graph, weights, { batch: 'n', routed: true, float16 })
    const found = await one.run(build(true))
    t.is(far(one, found, 0.005), 0)
    t.true(far(one, found, 1e-6) > 0, 'it is not float32')
    const values = [...weights.values()].reduce((sum, { length }) => sum + length, 0)
    const saved = build(false).length - build(true).length
    t.true(saved > 1.9 * values && saved < 2.1 * values, `network ${i}: ${saved} B less for ${values} weights`)
  }
})

test('TFLite in float is read back, kernels in float16 behind a DEQUANTIZE, and the same each time', (t) => {
  for (const { graph, weights } of cases) {
    const write = (precision: 'float16' | 'float32') =>
      writeFloatTflite(graph, weights, { description: 'a test', precision })
    t.deepEqual(write('float16'), write('float16'))
    t.is(importTflite(write('float32')).dataType, 'float32')
    const { tensors, operators } = readTflite(write('float16'))
    const halves = tensors.filter(({ type }) => type === 'float16')
    t.true(halves.length > 5)
    const unpacked = operators.filter(({ name }) => name === 'DEQUANTIZE')
    t.is(unpacked.length, halves.length)
    for (const { inputs, outputs } of unpacked) {
      t.is(tensors[inputs[0]!]!.type, 'float16')
      t.is(tensors[outputs[0]!]!.type, 'float32')
    }
    t.true(readTflite(write('float32')).operators.every(({ name }) => name !== 'DEQUANTIZE'))
  }
})

withLiteRt(`LiteRT gives what the network gives${liteRt === undefined ? ` (${LITERT_MISSING})` : ''}`, async (t) => {
  for (const one of cases) {
    for (const [precision, share] of [
      ['float32', 1e-5],
      ['float16', 0.005],
    ] as const) {
      const file = writeFloatTflite(one.graph, one.weights, { description: '', precision })
      const found = await runRealInLiteRt(liteRt!, file, one.samples, one.expected.length / COUNT)
      t.is(far(one, found, share), 0, precision)
    }
  }
})

withPython(`so does LiteRT in Python${python === undefined ? ` (${PYTHON_LITERT_MISSING})` : ''}`, async (t) => {
  t.timeout(60_000)
  const file = writeFloatTflite(cases[0]!.graph, cases[0]!.weights, { description: '', precision: 'float16' })
  t.is(far(cases[0]!, await runRealInPythonLiteRt(python!, file, cases[0]!.inputs), 0.005), 0)
})

test('files that are off, not finite or of other classes are refused', async (t) => {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 4, { kernel: 3, stride: 2 })), 'relu')
  const graph = g.build(g.dense(g.globalAveragePool(x), 10))
  const whole = await loadDataset('builtin', { seed: 1 })
  const dataset = { ...whole, splits: { ...whole.splits, test: whole.splits.test.subarray(0, 50) } }
  const context = { graph, weights: plausibleWeights(graph, 3), dataset } as unknown as ExportContext
  const samples = await preparedTestSamples(context)
  const file = { file: 'model.x', precision: 'float16', where: 'here' } as const
  const exact = judgeFloatFile(context, samples, samples.expected, file)
  t.is(exact.largestDeviation, 0)
  t.is(exact.allowedDeviation, 0.02 * exact.largestOutput)
  const nudged = samples.expected.map((value, i) => (i === 7 ? value + exact.allowedDeviation / 2 : value))
  t.true(judgeFloatFile(context, samples, nudged, file).largestDeviation > 0)
  const changed = (value: number) => samples.expected.map((old, i) => (i === 7 ? value : old))
  const refused = (outputs: Float32Array, message: RegExp) =>
    t.throws(() => judgeFloatFile(context, samples, outputs, file), { instanceOf: OperationalError, message })
  refused(changed(100), /model.x on here is off by up to [\d.]+ for 1 of 50 samples/)
  refused(changed(Number.NaN), /not finite: float16 does not hold/)
  refused(samples.expected.slice(1), /gives 499 values, the network 500/)
})

test('float16 is for GPUs and processors, C for what is beside no GPU; the others are told so', (t) => {
  const [gpu, board] = [loadProfile('titan-rtx'), loadProfile('stm32f446-tflm-cmsisnn')]
  const asked = parseFormats('onnx,onnx-float16,tflite-float16')
  t.deepEqual(formatsFor(asked, gpu, { some: false }), asked)
  const error = t.throws(() => formatsFor(asked, board, { some: false }), { instanceOf: UserError })
  t.regex(
    error!.message,
    /stm32f446-tflm-cmsisnn does not run onnx-float16, tflite-float16: it runs int8 with .*tflite, c$/,
  )
  t.deepEqual(formatsFor(asked, board, { some: true }), parseFormats('onnx'))
  t.throws(() => formatsFor(parseFormats('onnx-float16'), board, { some: true }), { instanceOf: UserError })
  const noC = t.throws(() => formatsFor(parseFormats('c'), gpu, { some: false }), { instanceOf: UserError })
  t.regex(
    noC!.message,
    /^titan-rtx does not run c: it runs float32 with .*; leave --format out, or choose of onnx, .*$/,
  )
  for (const id of ['ethos-u55-128', 'stm32f446-frugal-c'])
    t.deepEqual(formatsFor(parseFormats('c'), loadProfile(id), { some: false }), parseFormats('c'))
})
