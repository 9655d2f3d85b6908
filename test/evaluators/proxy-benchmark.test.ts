import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../../evaluators/evaluator.ts'
import { benchmarkProxies } from '../../evaluators/proxy/benchmark.ts'
import { defaultFidelities, fidelityText, parseFidelity } from '../../evaluators/proxy/proxy-fidelity.ts'
import { bootstrapTau, kendallTauB } from '../../evaluators/proxy/rank-correlation.ts'
import { atResolution } from '../../evaluators/proxy/rewrite-network.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { inputShapeOf } from '../../evaluators/training/train.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId, countMacs, countParams } from '../../network/measure.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'

const FULL = { epochs: 8, dataFraction: 1, resolution: 1 }

test('τ-b: by hand, with ties, and at its ends', (t) => {
  t.is(kendallTauB([1, 2, 3, 4], [10, 20, 30, 40]), 1)
  t.is(kendallTauB([1, 2, 3, 4], [4, 3, 2, 1]), -1)
  // Of six pairs five agree and one does not.
  t.is(kendallTauB([1, 2, 3, 4], [1, 2, 4, 3]), 4 / 6)
  // A tie in the first list: (5 − 0) / √(5 · 6).
  t.true(Math.abs(kendallTauB([1, 1, 2, 3], [1, 2, 3, 4]) - 5 / Math.sqrt(30)) < 1e-12)
  t.is(kendallTauB([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 2], [1, 1, 3]), 1)
  t.true(Number.isNaN(kendallTauB([1, 1, 1], [1, 2, 3])))
})

test('the bootstrap interval holds τ, narrows with more items, and is repeatable', (t) => {
  const noisy = (count: number) => {
    const random = randomStream(1, 'noisy')
    const a = Array.from({ length: count }, () => random.normal())
    return { a, b: a.map((value) => value + random.normal()) }
  }
  const of = (count: number) => {
    const { a, b } = noisy(count)
    const interval = bootstrapTau(a, b, randomStream(2, 'bootstrap'), { draws: 300 })!
    const tau = kendallTauB(a, b)
    t.true(interval.low < tau && tau < interval.high, `${tau} in ${interval.low} … ${interval.high}`)
    return interval
  }
  const [few, many] = [of(12), of(80)]
  t.true(many.high - many.low < few.high - few.low)
  t.deepEqual(of(12), few)
  t.is(bootstrapTau([1, 1, 1], [1, 2, 3], randomStream(2, 'bootstrap')), undefined)
})

test('fidelities are read as they are written', (t) => {
  t.deepEqual(parseFidelity('epochs=2, data=0.5,resolution=0.75', '--full', FULL), {
    epochs: 2,
    dataFraction: 0.5,
    resolution: 0.75,
  })
  t.deepEqual(parseFidelity('data=0.5', '--full', FULL), { ...FULL, dataFraction: 0.5 })
  const texts = defaultFidelities(FULL).map(fidelityText)
  t.is(new Set(texts).size, texts.length)
  for (const [i, text] of texts.entries()) t.deepEqual(parseFidelity(text, '--x', FULL), defaultFidelities(FULL)[i])
  t.false(defaultFidelities({ ...FULL, epochs: 1 }).some((fidelity) => fidelityText(fidelity) === 'epochs=1'))
  for (const text of [
    '',
    'epochs',
    'epochs=0',
    'epochs=1.5',
    'data=0',
    'data=2',
    'resolution=x',
    'epochs=1,epochs=2',
  ]) {
    t.throws(() => parseFidelity(text, '--fidelities', FULL), { instanceOf: UserError, message: /--fidelities/ }, text)
  }
})

for (const id of ['mobilenet', 'moe']) {
  test(`networks of ${id} keep their weights at a lower resolution`, async (t) => {
    const task = { inputShape: [32, 32, 3], classCount: 10 }
    const space = await loadSpace(id)
    const operations = geneOperations(space.genes(task))
    const random = randomStream(5, 'resolution')
    for (let i = 0; i < 10; i++) {
      const graph = space.decode(operations.sample(random), task)
      const small = atResolution(graph, 0.75)
      t.deepEqual(
        inputShapeOf(small),
        inputShapeOf(graph).map((length, axis) => (axis < 2 ? Math.round(length * 0.75) : length)),
      )
      t.is(countParams(small), countParams(graph))
      t.true(countMacs(small) < countMacs(graph))
      t.is(atResolution(graph, 1), graph)
    }
  })
}

/** Networks of one dense layer on top of ever more filters; the more, the "better". */
function networkOf(filters: number) {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), filters, { kernel: 3, stride: 2 })), 'relu')
  const graph = g.build(g.dense(g.globalAveragePool(x), 10))
  return { graph, archId: archId(graph), seed: filters }
}

test('each proxy is compared with full training; failures count as worst, and costs as shares', async (t) => {
  const dataset = await loadDataset('builtin', { seed: 1 })
  const networks = [2, 4, 6, 8, 10, 12].map(networkOf)
  const requests: EvaluationRequest[] = []
  let running = 0
  let mostRunning = 0
  const evaluator: Evaluator = {
    id: 'scripted',
    version: '1',
    async evaluate(request) {
      requests.push(request)
      mostRunning = Math.max(mostRunning, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      const rank = networks.findIndex((network) => network.archId === request.archId)
      const { epochs, dataFraction } = request.fidelity
      // The first network cannot be trained fully, the second fails when trained for two epochs.
      if ((rank === 0 && epochs === 8) || (rank === 1 && epochs === 2))
        return { ok: false, code: 'timed-out', message: 'scripted' }
      const accuracy = epochs === 8 || epochs === 2 ? rank / 10 : 1 - rank / 10
      const cpuSeconds = epochs * dataFraction
      return { ok: true, accuracy, testAccuracy: accuracy, loss: 1, cpuSeconds, wallSeconds: cpuSeconds }
    },
    dispose: async () => {},
  }
  const report = await benchmarkProxies({
    networks,
    dataset,
    evaluator,
    workers: 2,
    recipe: DEFAULT_RECIPE,
    full: FULL,
    fidelities: [
      { ...FULL, epochs: 2 },
      { ...FULL, epochs: 1, dataFraction: 0.005 },
      { ...FULL, epochs: 1, resolution: 0.5 },
    ],
    ceiling: true,
    seed: 3,
  })
  t.is(mostRunning, 2)
  t.is(report.networks, 5)
  t.is(report.fullCpuSeconds, 40)
  t.deepEqual(report.accuracy, { low: 0.1, high: 0.5 })
  const [good, inverted, reduced, again, ...scores] = report.rows
  t.like(good, { proxy: 'epochs=2', kind: 'training', tau: 1, failures: 1, costShare: 8 / 40 })
  t.like(inverted, { proxy: 'epochs=1,data=0.005', tau: -1, failures: 0 })
  t.like(reduced, { proxy: 'epochs=1,resolution=0.5', tau: -1, costShare: 1 / 8 })
  t.like(again, { proxy: 'epochs=8 from other weights', tau: 1, costShare: 1 })
  t.like(
    scores.find(({ proxy }) => proxy === 'parameters'),
    { kind: 'zero-cost', tau: 1, failures: 0 },
  )
  t.is(scores.length, 5)
  // 15 samples are left of 3000: no batch of 32.
  t.true(
    requests.filter(({ fidelity }) => fidelity.dataFraction === 0.005).every(({ recipe }) => recipe.batchSize === 15),
  )
  const seeds = requests.filter(({ archId: id, fidelity }) => id === networks[2]!.archId && fidelity.epochs === 8)
  t.deepEqual(
    seeds.map(({ seed }) => seed),
    [6, 7],
  )
})
