import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { SEARCH_OPTIONS } from '../../cli/search-options.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { Recipe, TrainingProgram } from '../../evaluators/training/engine.ts'
import { loadEngine } from '../../evaluators/training/engines.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import {
  DEFAULT_RECIPE,
  fittingBatchSize,
  loadRecipe,
  RECIPES,
  recipeSchema,
} from '../../evaluators/training/recipe.ts'
import { trainNetwork } from '../../evaluators/training/train.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { Weights } from '../../network/types.ts'
import { temporaryFolder } from './datasets-support.ts'

const g = new GraphBuilder()
const graph = g.build(g.dense(g.input([12]), 3))
const kernel = `${graph.output}/kernel`
const bias = `${graph.output}/bias`
const plain: Recipe = { ...DEFAULT_RECIPE, batchSize: 16, momentum: 0, weightDecay: 0 }
const stream = randomStream(4, 'recipe test')
const batches = Array.from({ length: 5 }, () => ({
  inputs: Float32Array.from({ length: 16 * 12 }, () => stream.normal()),
  labels: Int32Array.from({ length: 16 }, () => stream.int(3)),
}))
const start = initialWeights(graph, randomStream(1, 'weights'))

async function withProgram<T>(recipe: Recipe, use: (program: TrainingProgram) => Promise<T>): Promise<T> {
  const program = await onnxEngine.compile(graph, recipe)
  try {
    await program.writeWeights(start)
    return await use(program)
  } finally {
    await program.dispose()
  }
}

/** Gradients of one batch at some weights, from a step of plain SGD with rate 1. */
const gradientAt = (weights: Weights, batch: (typeof batches)[number]): Promise<Weights> =>
  withProgram(plain, async (program) => {
    await program.writeWeights(weights)
    await program.step(batch.inputs, batch.labels, 1)
    const after = await program.readWeights()
    return new Map([...weights].map(([name, values]) => [name, values.map((w, i) => w - after.get(name)![i]!)]))
  })

/** AdamW as its paper writes it, with powers of β and in double precision. */
class AdamwReference {
  readonly #m = new Map<string, number[]>()
  readonly #s = new Map<string, number[]>()
  #t = 0

  update(weights: Weights, gradient: Weights, rate: number, decay: number): Weights {
    this.#t++
    const [b1, b2] = [0.9, 0.99]
    const next = new Map<string, Float32Array>()
    for (const [name, values] of weights) {
      const g = gradient.get(name)!
      const m = Array.from(g, (value, i) => b1 * (this.#m.get(name)?.[i] ?? 0) + (1 - b1) * value)
      const s = Array.from(g, (value, i) => b2 * (this.#s.get(name)?.[i] ?? 0) + (1 - b2) * value ** 2)
      this.#m.set(name, m)
      this.#s.set(name, s)
      const lambda = name.endsWith('/kernel') ? decay : 0
      const moved = values.map((w, i) => {
        const mean = m[i]! / (1 - b1 ** this.#t)
        const square = s[i]! / (1 - b2 ** this.#t)
        return w - rate * (mean / (Math.sqrt(square) + 1e-8) + lambda * w)
      })
      next.set(name, moved)
    }
    return next
  }
}

test('AdamW moves the weights as its definition says, with decay on kernels only', async (t) => {
  const [rate, decay] = [0.02, 0.1]
  const recipe: Recipe = { ...plain, optimiser: 'adamw', momentum: 0.9, squareMomentum: 0.99, weightDecay: decay }
  const reference = new AdamwReference()
  let expected: Weights = start
  await withProgram(recipe, async (program) => {
    for (const batch of batches) {
      const gradient = await gradientAt(expected, batch)
      expected = reference.update(expected, gradient, rate, decay)
      await program.step(batch.inputs, batch.labels, rate)
      const found = await program.readWeights()
      for (const name of [kernel, bias]) {
        for (const [i, value] of found.get(name)!.entries()) {
          const wanted = expected.get(name)![i]!
          t.true(Math.abs(value - wanted) < 2e-4, `${name}[${i}]: ${value} for ${wanted}`)
        }
      }
    }
  })
})

test('under AdamW a written weight starts again while the others go on', async (t) => {
  const recipe: Recipe = { ...plain, optimiser: 'adamw', momentum: 0.9 }
  await withProgram(recipe, async (program) => {
    for (const { inputs, labels } of batches) await program.step(inputs, labels, 0.01)
    const before = await program.readWeights()
    await program.writeWeights(new Map([[kernel, before.get(kernel)!]]))
    const [batch] = batches
    await program.step(batch!.inputs, batch!.labels, 0.01)
    const after = await program.readWeights()
    // The first step of a fresh average is the sign of the gradient; an old one remembers.
    const moved = (name: string) => [...after.get(name)!].map((w, i) => Math.abs(w - before.get(name)![i]!))
    t.true(moved(kernel).every((distance) => Math.abs(distance - 0.01) < 1e-5))
    t.true(moved(bias).some((distance) => Math.abs(distance - 0.01) > 1e-4))
  })
})

test('gradients are clipped to their norm over all weights, and only where they are larger', async (t) => {
  const [batch] = batches
  const free = await gradientAt(start, batch!)
  const norm = Math.sqrt([...free.values()].flatMap((values) => [...values]).reduce((sum, v) => sum + v * v, 0))
  for (const limit of [norm / 3, norm * 3]) {
    const share = Math.min(1, limit / norm)
    await withProgram({ ...plain, clipNorm: limit }, async (program) => {
      await program.step(batch!.inputs, batch!.labels, 1)
      const after = await program.readWeights()
      for (const [name, values] of after) {
        for (const [i, value] of values.entries()) {
          const wanted = start.get(name)![i]! - share * free.get(name)![i]!
          t.true(Math.abs(value - wanted) < 1e-6, `${name}[${i}] at ${limit}: ${value} for ${wanted}`)
        }
      }
    })
  }
})

test('every named recipe keeps to the schema and stands in the help text', (t) => {
  for (const [name, recipe] of Object.entries(RECIPES)) {
    t.deepEqual(recipeSchema.parse(recipe), { ...recipe }, name)
    t.deepEqual(loadRecipe(name), recipe)
    t.true(SEARCH_OPTIONS.recipe.describe.includes(name), name)
  }
  t.is(loadRecipe(SEARCH_OPTIONS.recipe.default), DEFAULT_RECIPE)
})

test('a recipe file changes the recipe it extends', (t) => {
  const folder = temporaryFolder(t)
  const write = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  }
  t.deepEqual(loadRecipe(write('a.yaml', 'extends: adamw\nlearningRate: 0.01\nflip: true\n')), {
    ...RECIPES['adamw'],
    learningRate: 0.01,
    flip: true,
  })
  t.deepEqual(loadRecipe(write('none.yml', 'extends: augmented\naugmentation: none\nflip: false\n')), DEFAULT_RECIPE)
  t.deepEqual(loadRecipe(write('b.json', '{"batchSize": 64}')), { ...DEFAULT_RECIPE, batchSize: 64 })
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['adam', /unknown recipe 'adam': did you mean 'adamw'/],
    ['none.yaml', /recipe file 'none\.yaml' does not exist/],
    [write('c.json', '{"batchSize": '), /c\.json' cannot be read as JSON or YAML/],
    [write('d.yaml', '- 1\n'), /d\.yaml' holds no object/],
    [write('e.yaml', 'learningRate: 20\n'), /e\.yaml' is not a recipe: learningRate/],
    [write('f.yaml', 'learningrate: 0.1\n'), /f\.yaml' is not a recipe: .*learningrate/],
    [write('g.yaml', 'squareMomentum: 0.9\n'), /g\.yaml' is not a recipe: squareMomentum is read by adamw only/],
    [write('h.yaml', 'extends: adam\n'), /unknown recipe 'adam'/],
    [write('i.yaml', 'optimiser: !secret adamw\n'), /i\.yaml' cannot be read as JSON or YAML: Unresolved tag: !secret/],
  ]
  for (const [name, message] of wrong) {
    const error = t.throws(() => loadRecipe(name), { instanceOf: UserError, message })
    t.false(error?.message.includes('\n'))
  }
})

test('batches stay multiples of 16 where the training part is smaller than the default', (t) => {
  t.is(fittingBatchSize(32, 1000), 32)
  t.is(fittingBatchSize(32, 31), 16)
  t.is(fittingBatchSize(64, 50), 48)
  t.is(fittingBatchSize(32, 16), 16)
  t.is(fittingBatchSize(32, 9), 9)
})

test('each recipe learns the built-in data, the same way every time', async (t) => {
  const dataset = await loadDataset('builtin', { seed: 1 })
  const engine = await loadEngine('onnxruntime')
  const b = new GraphBuilder()
  const x = b.activation(b.batchNorm(b.conv2d(b.input(dataset.inputShape), 16, { kernel: 3, stride: 2 })), 'relu6')
  const y = b.activation(b.batchNorm(b.conv2d(x, 24, { kernel: 3, stride: 2 })), 'relu6')
  const network = b.build(b.dense(b.globalAveragePool(y), 10))
  const train = async (recipe: Recipe) => {
    const fidelity = { epochs: 3, dataFraction: 1 }
    const trained = await trainNetwork({
      graph: network,
      dataset,
      recipe,
      fidelity,
      seed: 7,
      engine,
      measureOn: ['test'],
    })
    return trained.ok ? { accuracy: trained.accuracy.test!, loss: trained.loss } : t.fail(trained.message)
  }
  const results = new Map<string, { accuracy: number; loss: number }>()
  for (const [name, recipe] of Object.entries(RECIPES)) {
    const result = (await train(recipe))!
    t.true(result.accuracy > 0.3, `${name}: ${result.accuracy}`)
    results.set(name, result)
  }
  t.deepEqual(await train(RECIPES['augmented']!), results.get('augmented'))
  t.notDeepEqual(results.get('augmented'), results.get('default'))
  t.deepEqual(await train({ ...DEFAULT_RECIPE, augmentation: 'none' }), results.get('default'))
})
