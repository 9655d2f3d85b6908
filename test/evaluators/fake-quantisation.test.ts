import test from 'ava'
import type { TrainingEngine } from '../../evaluators/training/engine.ts'
import { fakeQuantiseWeights, rangeOf } from '../../evaluators/training/fake-quantisation.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { createOnnxEngine, onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { randomStream } from '../../lib/random.ts'
import { weightSpecs } from '../../network/measure.ts'
import { rangePaths } from '../../network/stored-values.ts'
import { compareEngines, oracle } from './oracle.ts'
import { namedCase, FAKE_QUANTISED as recipe } from './training-cases.ts'

const ORACLE_CASES = [
  'biases',
  'batchNorm and relu6',
  'batchNorm behind windows',
  'squeeze and excite',
  'concat',
  'add of three',
  'one of three experts',
  'two of three experts, both ways in',
  'experts inside experts',
  'hardSwish',
  'hardSigmoid',
  'sigmoid',
  'softmax',
  'averagePool 3,3 stride 2,2 same',
  'maxPool 3,3 stride 2,2 same',
  'depthwiseConv2d 3,3 stride 2,2 same',
  'reshape to a map',
] as const

/** A value on the edge between two levels may go either way: weights and samples without such a value. */
const SEEDS: Readonly<Record<string, number>> = { 'add of three': 2 }

// Rounding is flat nearly everywhere, so finite differences say nothing: the two engines were written apart and must agree.
for (const name of ORACLE_CASES) {
  test(`${name}: both engines agree with fake quantisation`, async (t) => {
    const { logits, loss, gradients, statistics, threeSteps, correct, worst } = await compareEngines(
      namedCase(name),
      recipe,
      SEEDS[name] ?? 1,
    )
    t.is(correct[0], correct[1])
    for (const [what, error] of Object.entries({ logits, loss, gradients, statistics, threeSteps })) {
      t.true(error <= 1e-3, `${what} differ by ${error}; worst: ${worst}`)
    }
  })
}

test('both engines agree on the kernels that GPUs have', async (t) => {
  const standard = { engine: createOnnxEngine('cpu', 'standard'), nudge: 0 }
  for (const name of ['squeeze and excite', 'two of three experts, both ways in']) {
    const { gradients, threeSteps, worst } = await compareEngines(namedCase(name), recipe, 1, standard)
    t.true(Math.max(gradients, threeSteps) <= 1e-3, `${name}: ${gradients}, ${threeSteps}; worst: ${worst}`)
  }
})

const graph = namedCase('squeeze and excite')
const stream = randomStream(3, 'fake quantisation')
const inputs = Float32Array.from({ length: 16 * 60 }, () => 2 * stream.normal())
const labels = Int32Array.from({ length: 16 }, () => stream.int(3))

test('kernels hold at most 255 levels a filter, and rounding them again changes nothing', (t) => {
  const weights = initialWeights(graph, randomStream(1, 'weights'))
  const rounded = fakeQuantiseWeights(graph, weights, new Set())
  for (const { name, role, shape } of weightSpecs(graph)) {
    const [before, after] = [weights.get(name)!, rounded.get(name)!]
    if (role !== 'kernel') {
      t.deepEqual(after, before)
      continue
    }
    const size = shape.length === 2 ? after.length : after.length / shape[0]!
    for (let start = 0; start < after.length; start += size) {
      const largest = Math.max(...before.subarray(start, start + size).map(Math.abs))
      for (let i = start; i < start + size; i++) {
        const level = (after[i]! * 127) / largest
        t.true(Math.abs(level - Math.round(level)) < 1e-4 && Math.abs(level) < 127.5)
        t.true(Math.abs(after[i]! - before[i]!) <= (0.5001 * largest) / 127)
      }
    }
  }
  const twice = fakeQuantiseWeights(graph, rounded, new Set())
  for (const [name, values] of rounded) {
    for (const [i, value] of values.entries()) t.true(Math.abs(value - twice.get(name)![i]!) <= 1e-6 * Math.abs(value))
  }
})

for (const [name, engine] of [
  ['onnxruntime', onnxEngine],
  ['tensorflow', oracle],
] as const satisfies readonly (readonly [string, TrainingEngine])[]) {
  test(`${name}: every stored value has a range that follows the batches, and predictions hold 256 levels`, async (t) => {
    const program = await engine.compile(graph, { ...recipe, batchNormMomentum: 0.5 })
    await program.writeWeights(initialWeights(graph, randomStream(1, 'weights')))
    await program.step(inputs, labels, 0)
    const ranges = [...(await program.readOptimiser())].filter(([key]) => key.endsWith('#range'))
    const logits = graph.nodes.at(-1)!.inputs[0]!
    t.deepEqual(
      ranges.map(([key]) => key).sort(),
      rangePaths({ nodes: graph.nodes.slice(0, -1), output: logits })
        .map((path) => `${path}#range`)
        .sort(),
    )
    const [entry] = graph.nodes
    const [low, high] = rangeOf(new Map(ranges).get(`${entry!.id}#range`)!)!
    t.true(Math.abs(low - Math.min(...inputs)) < 1e-5 && Math.abs(high - Math.max(...inputs)) < 1e-5)

    const [least, most] = rangeOf(new Map(ranges).get(`${logits}#range`)!)!
    const scale = (Math.max(most, 0) - Math.min(least, 0)) / 255
    for (const value of await program.predict(inputs, 16)) {
      t.true(Math.abs(value / scale - Math.round(value / scale)) < 1e-3)
    }
    // Twice as far, half of it is believed.
    await program.step(
      inputs.map((value) => 2 * value),
      labels,
      0,
    )
    const after = rangeOf((await program.readOptimiser()).get(`${entry!.id}#range`)!)!
    t.true(Math.abs(after[1] - (high / 4 + high) / 0.75) < 1e-4 * after[1])
    await program.dispose()
  })

  test(`${name}: ranges move with the rest of the state`, async (t) => {
    const run = async (moves: boolean) => {
      let program = await engine.compile(graph, recipe)
      await program.writeWeights(initialWeights(graph, randomStream(1, 'weights')))
      for (let step = 0; step < 3; step++) {
        if (moves && step === 2) {
          const [weights, state] = [await program.readWeights(), await program.readOptimiser()]
          await program.dispose()
          program = await engine.compile(graph, recipe)
          await program.writeWeights(weights)
          await program.writeOptimiser(state)
        }
        await program.step(inputs, labels, 0.05)
      }
      const weights = await program.readWeights()
      await program.dispose()
      return weights
    }
    t.deepEqual(await run(true), await run(false))
  })

  test(`${name}: predictions follow ranges that are written`, async (t) => {
    const weights = initialWeights(graph, randomStream(1, 'weights'))
    const trained = await engine.compile(graph, recipe)
    await trained.writeWeights(weights)
    await trained.step(inputs, labels, 0)
    const program = await engine.compile(graph, recipe)
    await program.writeWeights(await trained.readWeights())
    t.notDeepEqual(await program.predict(inputs, 16), await trained.predict(inputs, 16))
    await program.writeOptimiser(await trained.readOptimiser())
    t.deepEqual(await program.predict(inputs, 16), await trained.predict(inputs, 16))
    await Promise.all([trained.dispose(), program.dispose()])
  })
}
