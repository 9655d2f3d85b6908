import test from 'ava'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { weightSpecs } from '../../network/measure.ts'
import { isImported, OP_DEFINITIONS } from '../../network/op-kinds.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, OpKind, Weights } from '../../network/types.ts'
import { type DoubleWeights, kindsOf, type ReferenceTrace, referenceLoss, runReference } from './reference-network.ts'
import { CASE_CLASSES, CASES, caseGraph } from './training-cases.ts'

const INPUT_SIZE = 60
const BATCH = 16
/** Weights of one tensor whose gradient is compared. */
const CHECKED = 4
const STEP = 1e-6

const recipe: Recipe = {
  ...DEFAULT_RECIPE,
  batchSize: BATCH,
  momentum: 0,
  weightDecay: 0,
  labelSmoothing: 0.1,
  loadBalancing: 0.2,
}

function problem(graph: NetworkGraph, batch: number) {
  const stream = randomStream(11, 'gradients')
  const inputs = Float32Array.from({ length: batch * INPUT_SIZE }, () => 2 * stream.normal())
  const labels = Int32Array.from({ length: batch }, () => stream.int(CASE_CLASSES))
  const weights = new Map(initialWeights(graph, stream))
  for (const { name, role } of weightSpecs(graph)) {
    // Nothing may stay at a value that hides an error.
    if (role !== 'kernel')
      weights.set(
        name,
        weights.get(name)!.map((value) => value + 0.3 * Math.abs(stream.normal())),
      )
  }
  const samples = Array.from({ length: batch }, (_, n) =>
    Float64Array.from(inputs.subarray(n * INPUT_SIZE, (n + 1) * INPUT_SIZE)),
  )
  return { inputs, labels, weights, samples }
}

const toDouble = (weights: Weights): DoubleWeights =>
  new Map([...weights].map(([name, values]) => [name, Float64Array.from(values)]))

/** Slope of the reference loss along one element: central difference in double precision. */
function slope(loss: () => number, values: Float64Array, index: number): number {
  const kept = values[index]!
  values[index] = kept + STEP
  const above = loss()
  values[index] = kept - STEP
  const below = loss()
  values[index] = kept
  return (above - below) / (2 * STEP)
}

const pickSome = (stream: RandomStream, size: number): readonly number[] =>
  [...stream.permutation(size)].slice(0, CHECKED)

for (const [name, build] of CASES) {
  for (const batch of [BATCH, 5]) {
    test(`${name}: loss, gradients, statistics and prediction agree with the reference, batch of ${batch}`, async (t) => {
      const graph = caseGraph(build)
      const { inputs, labels, weights, samples } = problem(graph, batch)
      const program = await onnxEngine.compile(graph, { ...recipe, batchSize: batch })
      await program.writeWeights(weights)
      const logits = await program.predict(inputs, batch)
      const metrics = await program.step(inputs, labels, 1)
      const updated = await program.readWeights()
      await program.dispose()

      const doubles = toDouble(weights)
      const logitGraph = { ...graph, output: graph.nodes.find(({ id }) => id === graph.output)!.inputs[0]! }
      const expectedLogits = runReference(logitGraph, doubles, samples, { training: false })
      for (const [index, value] of logits.entries()) {
        const expected = expectedLogits[Math.floor(index / CASE_CLASSES)]![index % CASE_CLASSES]!
        t.true(
          Math.abs(value - expected) <= 1e-4 * (1 + Math.abs(expected)),
          `logit ${index}: ${value} for ${expected}`,
        )
      }

      const trace: ReferenceTrace = { balance: 0, statistics: new Map() }
      const expectedLoss = referenceLoss(logitGraph, doubles, samples, labels, recipe, trace)
      t.true(Math.abs(metrics.loss - expectedLoss) < 1e-4 * expectedLoss, `loss ${metrics.loss} for ${expectedLoss}`)

      const stream = randomStream(3, name)
      for (const spec of weightSpecs(graph)) {
        const before = weights.get(spec.name)!
        const after = updated.get(spec.name)!
        const statistic = trace.statistics.get(spec.name)
        const picked = pickSome(stream, sizeOf(spec.shape))
        const expected = picked.map((index) =>
          statistic === undefined
            ? slope(() => referenceLoss(logitGraph, doubles, samples, labels, recipe), doubles.get(spec.name)!, index)
            : 0.9 * before[index]! + 0.1 * statistic[index]!,
        )
        const scale = Math.max(...expected.map(Math.abs))
        for (const [place, index] of picked.entries()) {
          const found = statistic === undefined ? before[index]! - after[index]! : after[index]!
          const error = Math.abs(found - expected[place]!)
          t.true(error <= 1e-3 * scale + 2e-6, `${spec.name}[${index}]: ${found} for ${expected[place]}`)
        }
      }
    })
  }
}

test('every trainable op kind occurs in a case', (t) => {
  const covered = new Set(CASES.flatMap(([, build]) => [...kindsOf(caseGraph(build))]))
  t.deepEqual(
    Object.keys(OP_DEFINITIONS).filter((kind) => !isImported(kind as OpKind) && !covered.has(kind as OpKind)),
    [],
  )
})
