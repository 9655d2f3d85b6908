import test from 'ava'
import type { Recipe, TrainingEngine } from '../../evaluators/training/engine.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { RECIPES } from '../../evaluators/training/recipe.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { oracle } from './oracle.ts'
import { namedCase } from './training-cases.ts'

const graph = namedCase('two of three experts, both ways in')
const stream = randomStream(5, 'optimiser state')
const BATCHES = Array.from({ length: 4 }, () => ({
  inputs: Float32Array.from({ length: 16 * 60 }, () => stream.normal()),
  labels: Int32Array.from({ length: 16 }, () => stream.int(3)),
}))

/** Weights after four steps, with a move to a fresh program after two of them. */
async function train(engine: TrainingEngine, recipe: Recipe, moves: 'never' | 'whole' | 'weights only') {
  let program = await engine.compile(graph, recipe)
  await program.writeWeights(initialWeights(graph, randomStream(1, 'weights')))
  for (const [i, { inputs, labels }] of BATCHES.entries()) {
    if (i === 2 && moves !== 'never') {
      const [weights, optimiser] = [await program.readWeights(), await program.readOptimiser()]
      await program.dispose()
      program = await engine.compile(graph, recipe)
      await program.writeWeights(weights)
      if (moves === 'whole') await program.writeOptimiser(optimiser)
    }
    await program.step(inputs, labels, 0.02)
  }
  const weights = await program.readWeights()
  await program.dispose()
  return weights
}

for (const [name, engine] of [
  ['onnxruntime', onnxEngine],
  ['tensorflow', oracle],
] as const) {
  for (const optimiser of ['default', 'adamw'] as const) {
    test(`${name}, ${optimiser}: a moved optimiser goes on as if nothing had been`, async (t) => {
      const recipe: Recipe = { ...RECIPES[optimiser]!, batchSize: 16 }
      const unbroken = await train(engine, recipe, 'never')
      t.deepEqual(await train(engine, recipe, 'whole'), unbroken)
      t.notDeepEqual(await train(engine, recipe, 'weights only'), unbroken)
    })
  }

  test(`${name}: state of another optimiser or network is refused`, async (t) => {
    const program = await engine.compile(graph, { ...RECIPES['default']!, batchSize: 16 })
    const [key, values] = [...(await program.readOptimiser())][0]!
    const wrong = [
      new Map([[key.replace('#0', '#1'), values]]),
      new Map([['nothing#0', values]]),
      new Map([[key, new Float32Array(values.length + 1)]]),
    ]
    for (const state of wrong) await t.throwsAsync(program.writeOptimiser(state), { instanceOf: UserError })
    await program.dispose()
  })
}
