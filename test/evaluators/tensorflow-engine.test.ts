import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import type { Recipe, TrainingProgram } from '../../evaluators/training/engine.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { probeNative } from '../../evaluators/training/tensorflow/probe.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import { oracle } from './oracle.ts'
import { pureLibrary } from './tensorflow-library.ts'
import { namedCase } from './training-cases.ts'

const recipe: Recipe = { ...DEFAULT_RECIPE, batchSize: 8, weightDecay: 0.01 }
const graph = namedCase('two of three experts, both ways in')
const SAMPLE = 60

const stream = randomStream(5, 'tensorflow test')
const BATCHES = Array.from({ length: 4 }, () => ({
  inputs: Float32Array.from({ length: recipe.batchSize * SAMPLE }, () => stream.normal()),
  labels: Int32Array.from({ length: recipe.batchSize }, () => stream.int(3)),
}))

async function train(steps: number): Promise<TrainingProgram> {
  const program = await oracle.compile(graph, recipe)
  await program.writeWeights(initialWeights(graph, randomStream(1, 'weights')))
  for (const { inputs, labels } of BATCHES.slice(0, steps)) await program.step(inputs, labels, 0.05)
  return program
}

test('weights come back as they were written, in the layouts that the network lists', async (t) => {
  const program = await oracle.compile(graph, recipe)
  const weights = initialWeights(graph, randomStream(1, 'weights'))
  await program.writeWeights(weights)
  const read = await program.readWeights()
  t.deepEqual([...read.keys()].sort(), [...weights.keys()].sort())
  for (const { name, shape } of weightSpecs(graph)) {
    t.is(read.get(name)!.length, sizeOf(shape))
    t.deepEqual(read.get(name), weights.get(name), name)
  }
  await program.dispose()
})

test('the same inputs give the same weights, bit for bit', async (t) => {
  const [first, second] = [await train(3), await train(3)]
  t.deepEqual(await first.readWeights(), await second.readWeights())
  await first.dispose()
  await second.dispose()
})

test('the momentum of written weights starts again', async (t) => {
  const program = await train(2)
  const weights = await program.readWeights()
  await program.writeWeights(weights)
  const fresh = await oracle.compile(graph, recipe)
  await fresh.writeWeights(weights)
  for (const each of [program, fresh]) await each.step(BATCHES[2]!.inputs, BATCHES[2]!.labels, 0.1)
  t.deepEqual(await program.readWeights(), await fresh.readWeights())
  await program.dispose()
  await fresh.dispose()
})

test('prediction takes any count and does not depend on it', async (t) => {
  const program = await train(1)
  const samples = Float32Array.from({ length: 130 * SAMPLE }, () => stream.normal())
  const all = await program.predict(samples, 130)
  t.is(all.length, 130 * 3)
  for (const count of [1, 64, 65]) {
    t.deepEqual(await program.predict(samples.subarray(0, count * SAMPLE), count), all.slice(0, count * 3))
  }
  await program.dispose()
})

test.serial('steps, predictions and programs leave no tensor behind', async (t) => {
  const tf = await pureLibrary.load()
  const before = tf.memory().numTensors
  const program = await train(1)
  const living = tf.memory().numTensors
  const { inputs, labels } = BATCHES[1]!
  await program.step(inputs, labels, 0.05)
  await program.predict(inputs, recipe.batchSize)
  await program.writeWeights(await program.readWeights())
  t.is(tf.memory().numTensors, living)
  await program.dispose()
  t.is(tf.memory().numTensors, before)
})

test('divergence shows as a loss that is no number, not as an error', async (t) => {
  const g = new GraphBuilder()
  const program = await oracle.compile(g.build(g.dense(g.input([SAMPLE]), 3)), recipe)
  const inputs = new Float32Array(recipe.batchSize * SAMPLE).fill(1e30)
  for (let i = 0; i < 3; i++) await program.step(inputs, BATCHES[0]!.labels, 1e30)
  const { loss } = await program.step(inputs, BATCHES[0]!.labels, 1e30)
  t.false(Number.isFinite(loss))
  await program.dispose()
})

test('what cannot be trained, wrong sizes and names are refused in one sentence', async (t) => {
  const empty = new GraphBuilder()
  const noWeights = empty.build(empty.globalAveragePool(empty.input([4, 4, 3])))
  await t.throwsAsync(oracle.compile(noWeights, recipe), { name: 'UserError', message: /no weights/ })
  const map = new GraphBuilder()
  const noVector = map.build(map.conv2d(map.input([4, 4, 3]), 2))
  await t.throwsAsync(oracle.compile(noVector, recipe), { name: 'UserError', message: /ends in 4×4×2/ })
  const imported = new GraphBuilder()
  const x = imported.node({ kind: 'unary', function: 'tanh' }, imported.input([SAMPLE]))
  await t.throwsAsync(oracle.compile(imported.build(imported.dense(x, 3)), recipe), {
    name: 'UserError',
    message: /'unary' can be priced but not trained/,
  })
  await t.throwsAsync(oracle.compile(graph, { ...recipe, batchSize: 0 }), { name: 'UserError', message: /batch size/ })

  const program = await oracle.compile(graph, recipe)
  const { inputs, labels } = BATCHES[0]!
  await t.throwsAsync(program.step(inputs.subarray(SAMPLE), labels, 0.1), { name: 'UserError', message: /420 input/ })
  await t.throwsAsync(program.step(inputs, labels.subarray(1), 0.1), { name: 'UserError', message: /7 labels/ })
  await t.throwsAsync(program.predict(inputs, 7), { name: 'UserError', message: /for 7 samples/ })
  const [spec] = weightSpecs(graph)
  for (const name of ['nothing/kernel', spec!.name]) {
    await t.throwsAsync(program.writeWeights(new Map([[name, new Float32Array(1)]])), { name: 'UserError' })
  }
  await program.dispose()
})

test('a native build that is missing, damaged or takes its process down is named, and nothing else falls', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-native-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const aborting = path.join(folder, 'aborting.cjs')
  writeFileSync(aborting, 'process.abort()')
  const damaged = path.join(folder, 'damaged.cjs')
  writeFileSync(damaged, 'throw new Error("no CUDA here\\nsecond line")')
  const missing = path.join(folder, 'missing.cjs')

  t.deepEqual(await probeNative(aborting), {
    loads: false,
    reason: `'${aborting}' ends the process that loads it (SIGABRT)`,
  })
  const reasons = await Promise.all([damaged, missing].map((name) => probeNative(name)))
  t.like(reasons, [{ loads: false }, { loads: false }])
  const [first, second] = reasons.map((result) => (result.loads ? '' : result.reason))
  t.regex(first!, /is installed but does not load: no CUDA here; reinstall it/)
  t.regex(second!, /Cannot find module/)
})
