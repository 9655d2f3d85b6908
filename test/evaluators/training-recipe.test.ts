import test from 'ava'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { DEFAULT_RECIPE, recipeSchema } from '../../evaluators/training/recipe.ts'
import { learningRateAt } from '../../evaluators/training/schedule.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { weightSpecs } from '../../network/measure.ts'

test('the default recipe keeps to the schema, which refuses slips', (t) => {
  t.deepEqual(recipeSchema.parse(DEFAULT_RECIPE), { ...DEFAULT_RECIPE })
  t.false(recipeSchema.safeParse({ ...DEFAULT_RECIPE, learningRate: -1 }).success)
  t.false(recipeSchema.safeParse({ ...DEFAULT_RECIPE, batchSize: 1.5 }).success)
  t.false(recipeSchema.safeParse({ ...DEFAULT_RECIPE, learningrate: 0.1 }).success)
})

test('the learning rate climbs to its peak and falls to almost nothing along a half cosine', (t) => {
  const recipe = { ...DEFAULT_RECIPE, learningRate: 0.4, warmupFraction: 0.1 }
  const rates = Array.from({ length: 200 }, (_, step) => learningRateAt(recipe, step, 200))
  t.true(rates[0]! > 0 && rates[0]! < 0.03)
  t.is(rates[20], 0.4)
  t.is(Math.max(...rates), 0.4)
  t.true(Math.abs(rates[110]! - 0.2) < 1e-12)
  t.true(rates[199]! > 0 && rates[199]! < 1e-4)
  t.true(rates.slice(0, 20).every((rate, step) => rate < rates[step + 1]!))
  t.true(rates.slice(20, -1).every((rate, step) => rate > rates[step + 21]!))
})

test('schedules of one step, and without a warm-up, start at the peak', (t) => {
  t.is(learningRateAt(DEFAULT_RECIPE, 0, 1), DEFAULT_RECIPE.learningRate)
  t.is(learningRateAt({ ...DEFAULT_RECIPE, warmupFraction: 0 }, 0, 50), DEFAULT_RECIPE.learningRate)
})

test('initial kernels have the spread of He and the rest starts neutral', (t) => {
  const g = new GraphBuilder()
  const x = g.batchNorm(g.conv2d(g.input([8, 8, 16]), 64, { kernel: 3, bias: true }))
  const graph = g.build(g.dense(g.globalAveragePool(x), 100))
  const weights = initialWeights(graph, randomStream(1, 'initial'))
  t.deepEqual(
    [...weights.keys()],
    weightSpecs(graph).map(({ name }) => name),
  )
  for (const { name, role, fanIn, shape } of weightSpecs(graph)) {
    const values = weights.get(name)!
    if (role !== 'kernel') {
      t.true(
        values.every((value) => value === (role === 'gamma' || role === 'movingVariance' ? 1 : 0)),
        name,
      )
      continue
    }
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length
    const expected = (shape.length === 4 ? 2 : 1) / fanIn
    t.true(Math.abs(variance / expected - 1) < 0.1, `${name}: ${variance} for ${expected}`)
  }
  t.deepEqual(weights, initialWeights(graph, randomStream(1, 'initial')))
  t.notDeepEqual(weights, initialWeights(graph, randomStream(2, 'initial')))
})
