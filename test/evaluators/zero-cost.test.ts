import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { agreements, logDeterminant, naswot } from '../../evaluators/zero-cost/activation-codes.ts'
import { gradientNorm } from '../../evaluators/zero-cost/gradient-norm.ts'
import { type ScoreBatch, scoreBatch } from '../../evaluators/zero-cost/score.ts'
import { ZERO_COST_SCORES } from '../../evaluators/zero-cost/scores.ts'
import { synflow } from '../../evaluators/zero-cost/synflow.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'

const stream = () => randomStream(1, 'zero-cost')
const close = (a: number, b: number, relative = 1e-4): boolean => Math.abs(a - b) <= relative * Math.abs(b)

function batchOf(count: number, size: number, classes: number): ScoreBatch {
  const random = randomStream(2, 'batch')
  return {
    inputs: Float32Array.from({ length: count * size }, () => random.normal()),
    labels: Int32Array.from({ length: count }, (_, i) => i % classes),
  }
}

/** A chain of dense layers of these widths, with a ReLU between two. */
function chain(widths: readonly number[]): NetworkGraph {
  const g = new GraphBuilder()
  let x = g.input([widths[0]!])
  for (const [i, width] of widths.slice(1).entries()) {
    x = g.dense(i === 0 ? x : g.activation(x, 'relu'), width)
  }
  return g.build(x)
}

/** Absolute kernels of a chain, in order, as rows. */
function kernels(graph: NetworkGraph): readonly (readonly (readonly number[])[])[] {
  const weights = initialWeights(graph, stream())
  return graph.nodes.flatMap(({ id, op, shape }) => {
    if (op.kind !== 'dense') return []
    const values = weights.get(`${id}/kernel`)!
    const features = values.length / shape[0]!
    return [Array.from({ length: shape[0]! }, (_, row) => [...values.subarray(row * features, (row + 1) * features)])]
  })
}

test('synflow of a chain is its depth times the flow through it', async (t) => {
  for (const widths of [
    [6, 3],
    [6, 8, 4],
    [5, 7, 9, 3],
  ]) {
    const graph = chain(widths)
    const layers = kernels(graph)
    let values = new Array<number>(widths[0]!).fill(1)
    for (const rows of layers)
      values = rows.map((row) => row.reduce((sum, weight, i) => sum + Math.abs(weight) * values[i]!, 0))
    const flow = values.reduce((sum, value) => sum + value, 0)
    const score = await synflow.compute(graph, batchOf(2, widths[0]!, 2), stream())
    t.true(typeof score === 'number' && Math.abs(score - Math.log(layers.length * flow)) < 1e-4, `${score}`)
  }
})

test('synflow looks through batch norm and clipped activations, and stays finite in deep networks', async (t) => {
  const deep = (blocks: number, clipped: boolean): NetworkGraph => {
    const g = new GraphBuilder()
    let x = g.input([8, 8, 16])
    for (let i = 0; i < blocks; i++) {
      const y = g.conv2d(x, 16, { kernel: 3 })
      x = g.activation(clipped ? g.batchNorm(y) : y, clipped ? 'relu6' : 'relu')
    }
    return g.build(g.dense(g.globalAveragePool(x), 4, false))
  }
  const batch = batchOf(2, 8 * 8 * 16, 4)
  t.is(await synflow.compute(deep(3, true), batch, stream()), await synflow.compute(deep(3, false), batch, stream()))
  // 48 layers of 144 inputs each multiply the flow by about 13: beyond the largest float32.
  const score = await synflow.compute(deep(48, true), batch, stream())
  t.true(typeof score === 'number' && score > 100 && Number.isFinite(score), `${JSON.stringify(score)}`)
})

test('the gradient norm of a softmax classifier agrees with its formula', async (t) => {
  const [features, classes, count] = [5, 3, 8]
  const graph = chain([features, classes])
  const batch = batchOf(count, features, classes)
  const weights = initialWeights(graph, stream()).get(`${graph.output}/kernel`)!
  const kernel = new Float64Array(classes * features)
  const bias = new Float64Array(classes)
  for (let n = 0; n < count; n++) {
    const x = batch.inputs.subarray(n * features, (n + 1) * features)
    const exps = Array.from({ length: classes }, (_, c) =>
      Math.exp(x.reduce((sum, value, i) => sum + value * weights[c * features + i]!, 0)),
    )
    const total = exps.reduce((sum, value) => sum + value, 0)
    for (let c = 0; c < classes; c++) {
      const error = (exps[c]! / total - (batch.labels[n] === c ? 1 : 0)) / count
      bias[c]! += error
      for (let i = 0; i < features; i++) kernel[c * features + i]! += error * x[i]!
    }
  }
  const expected = Math.hypot(...kernel) + Math.hypot(...bias)
  const score = await gradientNorm.compute(graph, batch, stream())
  t.true(typeof score === 'number' && close(score, expected), `${score} for ${expected}`)
})

test('agreements of codes count equal bits', (t) => {
  const codes = [Uint32Array.of(0, 0xffffffff), Uint32Array.of(0b1011, 0xffffffff), Uint32Array.of(0xffffffff, 0)]
  t.deepEqual(
    agreements(codes).map((row) => [...row]),
    [
      [64, 61, 0],
      [61, 64, 3],
      [0, 3, 64],
    ],
  )
})

test('log determinants: by hand, with a zero pivot, and singular', (t) => {
  const of = (...rows: readonly (readonly number[])[]) => logDeterminant(rows.map((row) => Float64Array.from(row)))
  t.true(close(of([4, 2], [1, 3]), Math.log(10)))
  t.true(close(of([0, 2, 0], [3, 0, 0], [0, 0, 5]), Math.log(30)))
  t.is(of([1, 2], [2, 4]), Number.NEGATIVE_INFINITY)
})

test('NASWOT is higher where samples differ more, and a failure where two are equal', async (t) => {
  const graph = chain([12, 64, 64, 3])
  const different = batchOf(8, 12, 3)
  const alike = { ...different, inputs: different.inputs.map((value, i) => different.inputs[i % 12]! + 0.5 * value) }
  const equal = { ...different, inputs: different.inputs.map((_, i) => different.inputs[i % 12]!) }
  const far = await naswot.compute(graph, different, stream())
  const near = await naswot.compute(graph, alike, stream())
  t.true(typeof far === 'number' && typeof near === 'number' && far > near, `${far} and ${near}`)
  t.like(await naswot.compute(graph, equal, stream()), { ok: false, code: 'non-finite-objective' })
  t.like(await naswot.compute(chain([12, 3]), different, stream()), { ok: false, code: 'invalid-graph' })
})

test('scores that look at size grow with it', async (t) => {
  const batch = batchOf(16, 12, 3)
  for (const score of ZERO_COST_SCORES.filter(({ id }) => id !== 'gradient-norm')) {
    const [small, large] = [
      await score.compute(chain([12, 16, 3]), batch, stream()),
      await score.compute(chain([12, 64, 64, 3]), batch, stream()),
    ]
    t.true(typeof small === 'number' && typeof large === 'number' && large > small, `${score.id}: ${small}, ${large}`)
  }
})

for (const id of ['mobilenet', 'moe']) {
  test(`every score is finite and repeatable on networks of the space ${id}`, async (t) => {
    const dataset = await loadDataset('builtin', { seed: 1 })
    const space = await loadSpace(id)
    const task = { inputShape: dataset.inputShape, classCount: dataset.classNames.length }
    const operations = geneOperations(space.genes(task))
    const random = randomStream(8, 'zero-cost spaces')
    const graphs = Array.from({ length: 2 }, () => space.decode(operations.sample(random), task))
    for (const score of ZERO_COST_SCORES) {
      const values: (number | object)[] = []
      for (const graph of graphs) {
        const value = await score.compute(graph, scoreBatch(dataset, graph), stream())
        t.true(typeof value === 'number' && Number.isFinite(value), `${score.id}: ${JSON.stringify(value)}`)
        t.is(await score.compute(graph, scoreBatch(dataset, graph), stream()), value)
        values.push(value)
      }
      t.not(values[0], values[1], score.id)
    }
  })
}
