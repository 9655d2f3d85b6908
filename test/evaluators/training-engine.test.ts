import test from 'ava'
import type { Recipe, TrainingProgram } from '../../evaluators/training/engine.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { namedCase } from './training-cases.ts'

const recipe: Recipe = { ...DEFAULT_RECIPE, batchSize: 16, momentum: 0.9, weightDecay: 0.01 }
const graph = namedCase('two of three experts, both ways in')

function batches(count: number, size: number, classes: number) {
  const stream = randomStream(5, 'engine test')
  return Array.from({ length: count }, () => ({
    inputs: Float32Array.from({ length: recipe.batchSize * size }, () => stream.normal()),
    labels: Int32Array.from({ length: recipe.batchSize }, () => stream.int(classes)),
  }))
}

async function train(network: NetworkGraph, steps: number): Promise<{ weights: Weights; program: TrainingProgram }> {
  const program = await onnxEngine.compile(network, recipe)
  await program.writeWeights(initialWeights(network, randomStream(1, 'weights')))
  for (const { inputs, labels } of batches(steps, 60, 3)) await program.step(inputs, labels, 0.05)
  return { weights: await program.readWeights(), program }
}

test('the same inputs give the same weights, bit for bit', async (t) => {
  const [first, second] = [await train(graph, 6), await train(graph, 6)]
  t.deepEqual(first.weights, second.weights)
  await first.program.dispose()
  await second.program.dispose()
})

test('weights come back named and shaped as the network lists them', async (t) => {
  const { weights, program } = await train(graph, 1)
  t.deepEqual(
    [...weights.keys()].sort(),
    weightSpecs(graph)
      .map(({ name }) => name)
      .sort(),
  )
  for (const { name, shape } of weightSpecs(graph)) t.is(weights.get(name)!.length, sizeOf(shape), name)
  await program.dispose()
})

test('momentum and weight decay act as SGD defines them', async (t) => {
  const g = new GraphBuilder()
  const network = g.build(g.dense(g.input([60]), 3))
  const kernel = `${network.output}/kernel`
  const bias = `${network.output}/bias`
  const [batch] = batches(1, 60, 3)
  const rate = 0.1
  /** Weights after each of two steps on one batch, as moved by gradients alone. */
  const run = async (changed: Partial<Recipe>): Promise<readonly Weights[]> => {
    const program = await onnxEngine.compile(network, { ...recipe, momentum: 0, weightDecay: 0, ...changed })
    await program.writeWeights(initialWeights(network, randomStream(1, 'weights')))
    const seen = [await program.readWeights()]
    for (let step = 0; step < 2; step++) {
      await program.step(batch!.inputs, batch!.labels, rate)
      seen.push(await program.readWeights())
    }
    await program.dispose()
    return seen
  }
  const plain = await run({})
  const decayed = await run({ weightDecay: 0.01 })
  const [w0, w1] = [plain[0]!.get(kernel)!, plain[1]!.get(kernel)!]
  for (const [i, value] of decayed[1]!.get(kernel)!.entries()) {
    t.true(Math.abs(value - (w1[i]! - rate * 0.01 * w0[i]!)) < 1e-6)
  }
  t.deepEqual(decayed[1]!.get(bias), plain[1]!.get(bias))

  const heavy = await run({ momentum: 0.9 })
  t.deepEqual(heavy[1], plain[1])
  const [first, after] = [heavy[1]!.get(bias)!, heavy[2]!.get(bias)!]
  for (const [i, value] of after.entries()) {
    const push = 0.9 * (first[i]! - heavy[0]!.get(bias)![i]!)
    t.true(Math.abs(value - (plain[2]!.get(bias)![i]! + push)) < 1e-6)
  }
})

test('written weights are read back, the rest stay, and their momentum starts again', async (t) => {
  const { weights, program } = await train(graph, 3)
  const [chosen, other] = weightSpecs(graph).filter(({ role }) => role === 'kernel')
  const ones = new Float32Array(sizeOf(chosen!.shape)).fill(1)
  await program.writeWeights(new Map([[chosen!.name, ones]]))
  const [batch] = batches(1, 60, 3)
  await program.step(batch!.inputs, batch!.labels, 0)
  const after = await program.readWeights()
  t.deepEqual(after.get(chosen!.name), ones)
  t.deepEqual(after.get(other!.name), weights.get(other!.name))
  // With no momentum left, one step moves a written weight exactly as far as in a fresh program.
  const fresh = await onnxEngine.compile(graph, recipe)
  await program.writeWeights(after)
  await fresh.writeWeights(after)
  await program.step(batch!.inputs, batch!.labels, 0.1)
  await fresh.step(batch!.inputs, batch!.labels, 0.1)
  t.deepEqual(await program.readWeights(), await fresh.readWeights())
  await program.dispose()
  await fresh.dispose()
})

test('prediction takes any count and does not depend on it', async (t) => {
  const { program } = await train(graph, 2)
  const stream = randomStream(9, 'samples')
  const samples = Float32Array.from({ length: 130 * 60 }, () => stream.normal())
  const all = await program.predict(samples, 130)
  t.is(all.length, 130 * 3)
  for (const count of [1, 63, 64, 65]) {
    t.deepEqual(await program.predict(samples.subarray(0, count * 60), count), all.slice(0, count * 3), `${count}`)
  }
  await program.dispose()
})

test('prediction follows the weights', async (t) => {
  const { program } = await train(graph, 1)
  const [batch] = batches(1, 60, 3)
  const before = await program.predict(batch!.inputs, 16)
  await program.step(batch!.inputs, batch!.labels, 0.1)
  t.notDeepEqual(await program.predict(batch!.inputs, 16), before)
  await program.dispose()
})

test('a batch is learnt by heart', async (t) => {
  const network = namedCase('reshape to a vector')
  const program = await onnxEngine.compile(network, recipe)
  await program.writeWeights(initialWeights(network, randomStream(1, 'weights')))
  const [batch] = batches(1, 60, 3)
  const first = await program.step(batch!.inputs, batch!.labels, 0.05)
  for (let i = 0; i < 150; i++) await program.step(batch!.inputs, batch!.labels, 0.05)
  const last = await program.step(batch!.inputs, batch!.labels, 0.05)
  t.true(last.loss < first.loss / 2, `${first.loss} to ${last.loss}`)
  t.is(last.correct, 16)
  await program.dispose()
})

test('divergence shows as a loss that is no number, not as an error', async (t) => {
  const g = new GraphBuilder()
  const program = await onnxEngine.compile(g.build(g.dense(g.input([60]), 3)), recipe)
  const [batch] = batches(1, 60, 3)
  batch!.inputs.fill(1e30)
  for (let i = 0; i < 3; i++) await program.step(batch!.inputs, batch!.labels, 1e30)
  const { loss } = await program.step(batch!.inputs, batch!.labels, 1e30)
  t.false(Number.isFinite(loss))
  await program.dispose()
})

test('a network that cannot be trained is refused in one sentence', async (t) => {
  const empty = new GraphBuilder()
  const noWeights = empty.build(empty.globalAveragePool(empty.input([4, 4, 3])))
  await t.throwsAsync(onnxEngine.compile(noWeights, recipe), { name: 'UserError', message: /no weights/ })
  const map = new GraphBuilder()
  const noVector = map.build(map.conv2d(map.input([4, 4, 3]), 2))
  await t.throwsAsync(onnxEngine.compile(noVector, recipe), { name: 'UserError', message: /ends in 4×4×2/ })
  const two = new GraphBuilder()
  const twoInputs = two.build(two.dense(two.add(two.input([60]), two.input([60])), 3))
  await t.throwsAsync(onnxEngine.compile(twoInputs, recipe), { name: 'UserError', message: /has 2 inputs \('input_0'/ })
  await t.throwsAsync(onnxEngine.compile(graph, { ...recipe, batchSize: 0 }), {
    name: 'UserError',
    message: /batch size/,
  })
})

test('wrong sizes and names are refused', async (t) => {
  const program = await onnxEngine.compile(graph, recipe)
  const [batch] = batches(1, 60, 3)
  const short = batch!.inputs.subarray(60)
  await t.throwsAsync(program.step(short, batch!.labels, 0.1), { name: 'UserError' })
  await t.throwsAsync(program.step(batch!.inputs, batch!.labels.subarray(1), 0.1), { name: 'UserError' })
  await t.throwsAsync(program.predict(batch!.inputs, 15), { name: 'UserError' })
  await t.throwsAsync(program.writeWeights(new Map([['nothing/kernel', new Float32Array(1)]])), { name: 'UserError' })
  const [spec] = weightSpecs(graph)
  await t.throwsAsync(program.writeWeights(new Map([[spec!.name, new Float32Array(1)]])), { name: 'UserError' })
  await program.dispose()
})

test('programs leave no memory behind', async (t) => {
  const [batch] = batches(1, 60, 3)
  const cycle = async (): Promise<void> => {
    const program = await onnxEngine.compile(graph, recipe)
    await program.step(batch!.inputs, batch!.labels, 0.1)
    await program.predict(batch!.inputs, 16)
    await program.dispose()
  }
  for (let i = 0; i < 20; i++) await cycle()
  const before = process.memoryUsage().rss
  for (let i = 0; i < 60; i++) await cycle()
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  t.true(grown < 50, `${grown.toFixed(0)} MB more after 60 programs`)
})
