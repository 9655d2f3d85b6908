import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { type ExportJob, exportNetwork } from '../../export/export-network.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { findLiteRt } from '../../export/litert/run-litert.ts'
import { cardSchema } from '../../export/model-card.ts'
import { chooseQuantisation } from '../../export/quantise/choose.ts'
import { trainingEnergy } from '../../export/training-energy.ts'
import { verifyOnnx } from '../../export/verify.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { EVIL, hostilelyNamed, plausibleWeights } from './networks.ts'

const whole = await loadDataset('builtin', { seed: 1 })
const { train, validation, test: testPart } = whole.splits
const splits = { train: train.subarray(0, 60), validation: validation.subarray(0, 30), test: testPart.subarray(0, 40) }

/** Names of nodes that would like to be somewhere else. */
function hostileNetwork(): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 8, { kernel: 3, stride: 2 })), 'hardSwish')
  const y = g.add(x, g.activation(g.batchNorm(g.conv2d(x, 8, { kernel: 3 })), 'relu6'))
  return hostilelyNamed(g.build(g.dense(g.globalAveragePool(y), 10)))
}
const graph = hostileNetwork()
const weights = plausibleWeights(graph, 3)
const dataset = { ...whole, splits, name: EVIL }
const { inputShape, mean, standardDeviation } = dataset
const preparation = { inputShape, mean, standardDeviation, roundResized: true }
const float = await verifyOnnx(buildInferenceGraph(graph, weights, { batch: 'n', preparation }), dataset, 'test')

function jobIn(t: ExecutionContext, device: string, changes: Partial<ExportJob>): ExportJob {
  const root = mkdtempSync(path.join(os.tmpdir(), 'frugal-variants-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const record = { trial: 0, genome: [0], archId: archId(graph), costs: [], result: { ok: true, accuracy: 0.1 } }
  return {
    selection: { record: record as unknown as ExportJob['selection']['record'], rule: 'as asked' },
    graph,
    space: { id: 'mobilenet', version: '1' },
    dataset,
    trained: { ok: true, weights, loss: 1, accuracy: { test: float.accuracy, validation: 0.1 } },
    training: { engine: 'none', epochs: 9, seed: 1, recipe: { ...DEFAULT_RECIPE }, epochsRun: 6, keptEpoch: 5 },
    costModel: createCostModel(loadProfile(device)),
    formats: [],
    verify: false,
    name: EVIL,
    search: {
      trials: 1,
      failures: 0,
      cpuSeconds: 1,
      energy: { wattHours: 2, measuredWattHours: 1, basis: 'partly measured', sources: ['RAPL (package-0)'] },
      settings: {},
    },
    label: { periodSeconds: 10, gramsPerKwh: 250 },
    frugalVersion: '0',
    out: path.join(root, 'out'),
    signal: new AbortController().signal,
    ...changes,
  }
}

const contents = (folder: string): readonly (readonly [string, string])[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .map((file) => [path.relative(folder, file), readFileSync(file, 'latin1')] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))

/** Exports twice, into different folders. */
async function exportTwice(t: ExecutionContext, device: string, changes: Partial<ExportJob>) {
  const [job, again] = [jobIn(t, device, changes), jobIn(t, device, changes)]
  const card = await exportNetwork(job)
  await exportNetwork(again)
  t.deepEqual(contents(again.out), contents(job.out), 'the same bytes')
  t.deepEqual(readdirSync(path.dirname(job.out)), ['out'], 'nothing beside the folder')
  const parsed = cardSchema.safeParse(JSON.parse(readFileSync(path.join(job.out, 'card.json'), 'utf8')))
  t.true(parsed.success, JSON.stringify(parsed.error?.issues))
  return { card, page: readFileSync(path.join(job.out, 'README.md'), 'utf8') }
}

test('files in float16: the card gives accuracy and deviation of each, and two exports the same bytes', async (t) => {
  const formats = parseFormats('onnx,onnx-float16,tflite-float16,tflite-float32')
  const { card, page } = await exportTwice(t, 'titan-rtx', { formats, verify: true })
  const ran = findLiteRt() === undefined ? 1 : 3
  t.is(card.floatFiles!.length, ran)
  for (const { file, precision, test: part, largestDeviation, allowedDeviation } of card.floatFiles!) {
    t.true(file.includes(precision))
    t.is(part.samples, 40)
    t.true(largestDeviation > 0 && largestDeviation <= allowedDeviation, `${file}: ${largestDeviation}`)
    t.true(page.includes(`test accuracy of \`${file}\``))
  }
  t.deepEqual(card.files, ['model.onnx', 'model_float16.onnx', 'model_float16.tflite', 'model_float32.tflite'])
  t.is(card.accuracy.measuredOn, 'model.onnx')
  t.is(card.int8, undefined)
})

test('4-bit weights: bits of each layer, bytes and estimates on the card, and two exports the same bytes', async (t) => {
  const changes = { formats: parseFormats('onnx-int8,onnx-integer,tflite,c') }
  const { card, page } = await exportTwice(t, 'stm32f446-tflm-cmsisnn', { ...changes, weightBits: '4' })
  const eight = await exportNetwork(jobIn(t, 'stm32f446-tflm-cmsisnn', changes))
  const { weights: four, test: part } = card.int8!
  t.deepEqual(
    four.layers.map(({ bits }) => bits),
    [8, 4, 8],
  )
  t.deepEqual([four.bytesIn8Bits, four.bytes], [72 + 576 + 80, 72 + 288 + 80])
  t.is(eight.int8!.weights.bytes, four.bytesIn8Bits)
  t.is(eight.int8!.weights.mode, '8')
  t.is(part.samples, 40)
  t.is(eight.footprint!.constantBytes - card.footprint!.constantBytes, 288)
  t.is(eight.cost.flashBytes - card.cost.flashBytes, 288)
  t.true(card.costOfC!.latencyMs > eight.costOfC!.latencyMs)
  t.regex(page, /1 of 3 layers have 4 bits \(4\), 440 B instead of 728 B/)
  t.regex(page, /for 8-bit weights: it has not been measured with 4-bit ones/)
})

test('the energy of the trainings stands beside that of the search', async (t) => {
  const passEnergy = { joules: 36, source: 'counted' }
  const { card, page } = await exportTwice(t, 'titan-rtx', { formats: parseFormats('onnx'), passEnergy })
  t.deepEqual(card.training.energy, {
    wattHours: 0.06,
    passes: 6,
    basis: 'estimated',
    source: 'counted',
    gramsPerKwh: 250,
    gramsCo2e: 0.06 * 0.25,
  })
  t.regex(page, /The training used about 0\.06 Wh \(estimated, 0\.015 g CO₂e at 250 g\/kWh\): 6 passes/)
  const without = await exportNetwork(jobIn(t, 'titan-rtx', { formats: parseFormats('onnx') }))
  t.false('energy' in without.training)

  const training = { ...card.training, epochsRun: 10 }
  const half = { before: 100, after: 50 }
  const pruning = { macs: half, fineTuning: { epochs: 4, learningRate: 1 } }
  const int8 = { fineTuning: { training: { epochs: 5 } } }
  const all = { training, pruning, int8 } as unknown as Parameters<typeof trainingEnergy>[0]
  const { passes, wattHours } = trainingEnergy(all, { joules: 3600, source: '' }, undefined)
  t.is(passes, 10 + 4 / 2 + (5 * 1.6) / 2)
  t.is(wattHours, passes)
  const four = { ...all, pruning: undefined, int8: { fineTuning: { training: { epochs: 5, fourBitLayers: 3 } } } }
  t.is(trainingEnergy(four as unknown as typeof all, { joules: 3600, source: '' }, undefined).passes, 10 + 5 * 1.9)
})

test('where the reference gives something else than the files, each file is said to have failed, with numbers', async (t) => {
  const choice = await chooseQuantisation(graph, weights, dataset, () => {})
  // Wrong by three quanta for one output in ten.
  const testOutputs = choice.testOutputs.map((value, i) => (i % 10 === 0 ? (value > 0 ? value - 3 : value + 3) : value))
  const profile = loadProfile('stm32f446-tflm-cmsisnn')
  const context = {
    graph,
    weights,
    dataset,
    profile,
    trainedAccuracy: float.accuracy,
    verify: true,
    title: 't',
    name: 'm',
  }
  for (const { id, write } of parseFormats('onnx-integer,tflite,c')) {
    const { checks, files } = await write({ ...context, int8: { ...choice, testOutputs } })
    t.true(files.size > 0)
    const ran = checks.filter(({ detail }) => !detail.startsWith('not verified here'))
    t.true(ran.length > 0 || id !== 'onnx-integer')
    for (const { detail, failed, verified } of ran) {
      t.true(failed === true && !verified, detail)
      t.regex(detail, /40 of 400 outputs \(10 %\) .* by at most 3 quanta|: 40 of 400, first for sample 0/)
    }
  }
})
