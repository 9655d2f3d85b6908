import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { type FineTuner, fineTuningJob, quantiseTrained } from '../../export/quantise/fine-tune.ts'
import type { QatMode } from '../../export/quantise/qat-mode.ts'
import { fourBitLayers } from '../../export/quantise/weight-bits.ts'
import { trainFully } from '../../export/train/full-training.ts'
import type { FullyTrained, TrainingJob } from '../../export/train/training-job.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { Weights } from '../../network/types.ts'

const whole = await loadDataset('builtin', { seed: 1 })
const dataset = {
  ...whole,
  splits: {
    train: whole.splits.train.subarray(0, 1600),
    validation: whole.splits.validation.subarray(0, 250),
    test: whole.splits.test.subarray(0, 400),
  },
}
const signal = new AbortController().signal

const g = new GraphBuilder()
const stem = g.batchNorm(g.conv2d(g.input([16, 16, 1]), 16, { kernel: 3, stride: 2 }))
const hidden = g.activation(stem, 'relu')
const last = g.conv2d(hidden, 24, { kernel: 3, stride: 2 })
const graph = g.build(g.dense(g.globalAveragePool(g.activation(g.batchNorm(last), 'relu')), 10))
const job: TrainingJob = {
  graph,
  dataset,
  engine: onnxEngine,
  engineName: 'onnxruntime',
  recipe: { ...DEFAULT_RECIPE, learningRate: 0.1 },
  epochs: 8,
  patience: 0,
  seed: 1,
}

function checkpointIn(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-tune-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return path.join(folder, 'checkpoint')
}

/**
 * The same function in float, hard to quantise: relu passes factors on, so that a channel of the hidden map may be
 * hundreds of times as large as the others, whose values then share few of the 256 levels.
 */
function lopsided(weights: Weights): Weights {
  const scaled = new Map([...weights].map(([name, values]) => [name, values.slice()]))
  const factor = 600
  for (const role of ['gamma', 'beta']) scaled.get(`${stem}/${role}`)![0]! *= factor
  const kernel = scaled.get(`${last}/kernel`)!
  for (let filter = 0; filter < 24; filter++) {
    for (let tap = 0; tap < 9; tap++) kernel[filter * 16 * 9 + tap]! /= factor
  }
  return scaled
}

/** A tuner that gives these weights, and counts how often it is asked. */
function giving(plain: FullyTrained, mode: QatMode, weights: Weights): FineTuner & { readonly asked: () => number } {
  let asked = 0
  return {
    mode,
    asked: () => asked,
    train: async (start) => {
      asked++
      return { trained: { ...plain, weights }, job: fineTuningJob(job, start) }
    },
  }
}

const drop = (float: number, quantised: number): number => Number((100 * (float - quantised)).toFixed(4))

test('fine-tuning runs where int8 costs more than a point of validation accuracy or it is asked for; the better one is kept', async (t) => {
  const plain = await trainFully(job, { checkpoint: checkpointIn(t), signal })
  const broken = { ...plain, weights: lopsided(plain.weights) }
  const quantise = (trained: FullyTrained, tuner: FineTuner) =>
    quantiseTrained({ graph, dataset, trained }, tuner, () => {})

  const never = giving(plain, 'never', plain.weights)
  const { fineTuning: untouched } = await quantise(broken, never)
  t.true(untouched.validationDropBefore > 1, `${untouched.validationDropBefore}`)
  t.is(untouched.training, undefined)
  t.true(
    Math.abs(untouched.validationFloat - plain.accuracy.validation!) <= 1 / 250,
    'the network is the same in float',
  )
  // The test part decides nothing: int8 as bad as it can be there, and as good.
  const auto = giving(plain, 'auto', plain.weights)
  const { fineTuning: fine } = await quantise({ ...plain, accuracy: { ...plain.accuracy, test: 1 } }, auto)
  t.true(fine.testDropBefore > 1 && fine.validationDropBefore <= 1)
  t.is(fine.training, undefined)
  t.deepEqual([never.asked(), auto.asked()], [0, 0])

  const better = await quantise({ ...broken, accuracy: { ...broken.accuracy, test: 0 } }, auto)
  t.is(auto.asked(), 1)
  const { training, testDropBefore, validationDropBefore, validationFloat } = better.fineTuning
  t.true(testDropBefore < 0)
  t.is(validationDropBefore, untouched.validationDropBefore)
  t.true(training!.kept)
  t.is(training!.testDropAfter, drop(0, better.test.accuracy))
  t.is(training!.validationDropAfter, drop(validationFloat, better.weightBits.validation))

  const worse = giving(plain, 'always', broken.weights)
  const kept = await quantise(plain, worse)
  t.is(worse.asked(), 1)
  t.false(kept.fineTuning.training!.kept)
  t.is(kept.fineTuning.testDropBefore, drop(plain.accuracy.test!, kept.test.accuracy))
})

test('weights of 4 bits are fine-tuned in 4 bits, and lose less', async (t) => {
  const plain = await trainFully(job, { checkpoint: checkpointIn(t), signal })
  const seen: TrainingJob[] = []
  const tuner: FineTuner = {
    mode: 'always',
    train: async (start, fourBitLayers) => {
      const tuning = fineTuningJob(job, start, fourBitLayers)
      seen.push(tuning)
      return { trained: await trainFully(tuning, { checkpoint: checkpointIn(t), signal }), job: tuning }
    },
  }
  const tuned = await quantiseTrained({ graph, dataset, trained: plain }, tuner, () => {}, '4')
  t.deepEqual(seen[0]!.recipe.fourBitLayers, [last])
  t.deepEqual(fourBitLayers(tuned.network), [last])
  const { training } = tuned.fineTuning
  t.is(training!.fourBitLayers, 1)
  t.true(training!.validationAfter >= training!.validationBefore, JSON.stringify(training))
  // The figures of the training are those of the network with 4 bits.
  const { kept } = await trainFully(seen[0]!, { checkpoint: checkpointIn(t), signal })
  t.true(Math.abs(kept.validationAccuracy - training!.validationAfter) <= 0.0201, `${kept.validationAccuracy}`)
})

test('a network trained with fake quantisation is measured as its int8 network performs', async (t) => {
  const plain = await trainFully(job, { checkpoint: checkpointIn(t), signal })
  const tuned = await trainFully(fineTuningJob(job, plain.weights), { checkpoint: checkpointIn(t), signal })
  t.is(tuned.history.length, 3)
  const { network, validation } = await quantiseTrained({ graph, dataset, trained: tuned }, undefined, () => {})
  const points = 100 * Math.abs(validation[network.calibration] - tuned.kept.validationAccuracy)
  t.true(points <= 1.6, `${points} points between fake quantisation and int8`)
  // What is said of the test part is the float network's, which the float files hold.
  const plainRecipe = { ...job, recipe: { ...job.recipe, learningRate: 1e-9 }, epochs: 1, start: tuned.weights }
  const float = await trainFully(plainRecipe, { checkpoint: checkpointIn(t), signal })
  t.true(Math.abs(float.accuracy.test! - tuned.accuracy.test!) <= 0.005)
})
