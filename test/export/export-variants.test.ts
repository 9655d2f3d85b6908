import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { type ExportJob, exportNetwork } from '../../export/export-network.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { findLiteRt } from '../../export/litert/run-litert.ts'
import { cardSchema } from '../../export/model-card.ts'
import { chooseQuantisation } from '../../export/quantise/choose.ts'
import { trainingEnergy } from '../../export/training-energy.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { exportJob, hostileNetwork, shortened, subjectOf } from './jobs.ts'
import { EVIL, plausibleWeights } from './networks.ts'

const whole = await loadDataset('builtin', { seed: 1 })
const dataset = { ...shortened(whole, 60, 30, 40), name: EVIL }
const subject = await subjectOf(hostileNetwork(), plausibleWeights(hostileNetwork(), 3), dataset)
const { graph, weights, float } = subject

const jobFor = (t: ExecutionContext, device: string, changes: Pick<ExportJob, 'formats'> & Partial<ExportJob>) =>
  exportJob(t, subject, { name: EVIL, costModel: createCostModel(loadProfile(device)), ...changes })

const contents = (folder: string): readonly (readonly [string, string])[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .map((file) => [path.relative(folder, file), readFileSync(file, 'latin1')] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))

/** Exports twice, into different folders. */
async function exportTwice(...args: Parameters<typeof jobFor>) {
  const [t] = args
  const [job, again] = [jobFor(...args), jobFor(...args)]
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
  const eight = await exportNetwork(jobFor(t, 'stm32f446-tflm-cmsisnn', changes))
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
  t.regex(page, /The training used about 0\.06 Wh \(estimated, 15 mg CO2e at 250 g\/kWh\): 6 passes/)
  const without = await exportNetwork(jobFor(t, 'titan-rtx', { formats: parseFormats('onnx') }))
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
