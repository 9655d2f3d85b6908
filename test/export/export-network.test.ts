import test from 'ava'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { createBatcher } from '../../evaluators/datasets/batches.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { preparationOf, resizingText } from '../../export/preparation.ts'
import { chooseQuantisation } from '../../export/quantise/choose.ts'
import { createRawReader } from '../../export/raw-samples.ts'
import { selectTrial } from '../../export/select.ts'
import { verifyOnnx, wilsonInterval } from '../../export/verify.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { Front } from '../../results/store.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { shortened } from './jobs.ts'

const dataset = await loadDataset('builtin', { seed: 1 })

/** A network that reads 12×12 where the samples are 16×16. */
function smallerInput() {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([12, 12, 1]), 8, { kernel: 3, stride: 2 })), 'hardSwish')
  const graph = g.build(g.dense(g.globalAveragePool(x), 10))
  return { graph, weights: initialWeights(graph, randomStream(1, 'export')) }
}

test('a file that resizes and normalises by itself gives what the network gives on prepared samples', async (t) => {
  const { graph, weights } = smallerInput()
  const { inputShape } = dataset
  const indices = dataset.splits.test.subarray(0, 32)
  const raw = await InferenceSession.create(
    buildInferenceGraph(graph, weights, {
      batch: 'n',
      preparation: preparationOf(dataset),
    }),
  )
  const fromRaw = await raw.run({
    input: new Tensor('float32', createRawReader(dataset)(indices), [32, ...inputShape]),
  })
  const prepared = await InferenceSession.create(buildInferenceGraph(graph, weights, { batch: 'n' }))
  const batch = new Float32Array(32 * 144)
  createBatcher(dataset, [12, 12, 1]).fill(indices, 0, 32, batch)
  const fromPrepared = await prepared.run({ input: new Tensor('float32', batch, [32, 12, 12, 1]) })
  const [a, b] = [fromRaw['output']!.data as Float32Array, fromPrepared['output']!.data as Float32Array]
  t.is(a.length, 320)
  // A resized value at exactly one half may be rounded the other way in float32: one grey level in a pixel.
  for (const [i, value] of a.entries()) t.true(Math.abs(value - b[i]!) < 0.005, `${i}: ${value} and ${b[i]}`)
})

test('files that do not resize say how it is done', async (t) => {
  const { graph, weights } = smallerInput()
  const how = 'resized from 16 x 16 x 1 (area averaging down, bilinear up), then rounded to whole numbers'
  t.is(resizingText(dataset, [12, 12, 1]), how)
  t.is(resizingText(dataset, [16, 16, 1]), '')
  t.is(resizingText({ ...dataset, samples: new Float32Array(1) }, [12, 12, 1]), how.split(', then')[0]!)
  const shared = { graph, weights, dataset, profile: loadProfile('stm32f446-frugal-c'), trainedAccuracy: 0, name: 'm' }
  const int8 = await chooseQuantisation(graph, weights, shortened(dataset, 40, 20, 20), () => {})
  for (const { write } of parseFormats('tflite,tflite-float32,c')) {
    const { files, instructions } = await write({ ...shared, int8, verify: false, title: 't' })
    const texts = [...files.values()].map((file) =>
      typeof file === 'string' ? file : Buffer.from(file).toString('latin1'),
    )
    t.true(texts.some((text) => text.includes(how)))
    t.true(files.has('c/model.h') || instructions.includes(`# values as the data set holds them, ${how}`))
  }
})

test('verification counts what the file really answers', async (t) => {
  const { graph, weights } = smallerInput()
  // All weights 0 but the bias of class 3: every sample is called a 3.
  const always3 = new Map(
    [...weights].map(([name, values]) => [name, name.endsWith('movingVariance') ? values : values.map(() => 0)]),
  )
  const bias = [...always3.keys()].find((name) => name.endsWith('/bias'))!
  always3.set(
    bias,
    Float32Array.from({ length: 10 }, (_, i) => (i === 3 ? 1 : 0)),
  )
  const model = buildInferenceGraph(graph, always3, {
    batch: 'n',
    preparation: preparationOf(dataset),
  })
  const verified = await verifyOnnx(model, dataset, 'test')
  const threes = dataset.splits.test.filter((index) => dataset.labels[index] === 3).length
  t.like(verified, { correct: threes, samples: dataset.splits.test.length })
})

test('the interval is that of Wilson', (t) => {
  // Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611.
  const [low, high] = wilsonInterval(81, 263)
  t.deepEqual([low.toFixed(4), high.toFixed(4)], ['0.2553', '0.3662'])
  t.deepEqual(
    wilsonInterval(0, 20).map((value) => value.toFixed(4)),
    ['0.0000', '0.1611'],
  )
})

const record = (trial: number, violation: number, ok = true): TrialRecord => ({
  trial,
  genome: [0],
  archId: `${trial}`,
  rung: 0,
  continues: undefined,
  inherits: undefined,
  macs: 1,
  params: 1,
  result: ok
    ? { ok: true, accuracy: 0.9, testAccuracy: 0.9, loss: 1, cpuSeconds: 1, wallSeconds: 1 }
    : { ok: false, code: 'diverged', message: 'x' },
  costs: [
    {
      device: 'd',
      latencyMs: 1,
      energyMj: 1,
      peakRamBytes: 1,
      flashBytes: 1,
      violation,
      objectives: undefined,
      basis: {},
    },
  ],
})

const front = (points: readonly [trial: number, accuracy: number, latencyMs: number][]): Front => ({
  experiment: 1,
  device: 'd',
  objectives: ['accuracy', 'latencyMs'],
  reference: [0.1, 10],
  hypervolume: 0,
  points: points.map(([trial, accuracy, latencyMs]) => ({
    trial,
    accuracy,
    latencyMs,
    archId: `${trial}`,
    testAccuracy: accuracy,
    energyMj: 1,
    peakRamBytes: 1,
    flashBytes: 1,
    macs: 1,
    params: 1,
  })),
})

test('the most accurate network of the front is chosen, of equals the fastest; or the trial asked for', (t) => {
  const trials = [record(0, 0), record(1, 0), record(2, 0), record(3, 0.5), record(4, 0, false)]
  t.is(
    selectTrial(
      front([
        [0, 0.8, 1],
        [1, 0.9, 2],
        [2, 0.9, 3],
      ]),
      trials,
      {},
    ).record.trial,
    1,
  )
  const bulging = front([
    [0, 0.5, 1],
    [1, 0.88, 2],
    [2, 0.9, 9],
  ])
  t.is(selectTrial(bulging, trials, { knee: true }).record.trial, 1)
  t.is(selectTrial(front([[0, 0.8, 1]]), trials, { trial: 2 }).record.trial, 2)
  t.throws(() => selectTrial(front([]), trials, {}), {
    instanceOf: UserError,
    message: /front of 'd'.*is empty/,
  })
  t.throws(() => selectTrial(front([]), trials, { trial: 9 }), {
    message: /no trial 9: its finished trials are 0 to 4/,
  })
  t.throws(() => selectTrial(front([]), trials, { trial: 3 }), { message: /over the limits of 'd'/ })
  t.throws(() => selectTrial(front([]), trials, { trial: 4 }), { message: /trial 4 failed \(diverged\)/ })
})
