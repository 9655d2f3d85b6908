import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../../evaluators/evaluator.ts'
import { benchmarkProxies, type ProxyRow } from '../../evaluators/proxy/benchmark.ts'
import { withStore } from '../../evaluators/proxy/measurement-store.ts'
import {
  defaultLadders,
  fidelityText,
  ladderText,
  parseFidelity,
  parseLadder,
} from '../../evaluators/proxy/proxy-fidelity.ts'
import { bootstrapTau, kendallTauB } from '../../evaluators/proxy/rank-correlation.ts'
import { atResolution } from '../../evaluators/proxy/rewrite-network.ts'
import { joinedWithSize } from '../../evaluators/proxy/size-prior.ts'
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
  const texts = defaultLadders(FULL).map(ladderText)
  t.is(new Set(texts).size, texts.length)
  t.true(texts.some((text) => text.includes('>')))
  for (const [i, text] of texts.entries()) t.deepEqual(parseLadder(text, '--x', FULL), defaultLadders(FULL)[i])
  t.false(defaultLadders({ ...FULL, epochs: 1 }).some((ladder) => ladderText(ladder) === fidelityText(FULL)))
  t.throws(() => parseLadder('data=0.5>data=0.2', '--fidelities', FULL), {
    instanceOf: UserError,
    message: /stage 2 must not use less data/,
  })
  for (const text of [
    '',
    'epochs',
    'epochs=0',
    'epochs=1.5',
    'data=0',
    'data=2',
    'resolution=x',
    'epochs=1,epochs=2',
    'epochs=1>',
    '>epochs=1',
  ]) {
    t.throws(() => parseLadder(text, '--fidelities', FULL), { instanceOf: UserError, message: /--fidelities/ }, text)
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

test('joined with size: two parts what was measured, one part MACs, ties shared, failures last', (t) => {
  const worst = Number.NEGATIVE_INFINITY
  // Ranks 1 2 3 4 against 4 3 2 1: 2·1 + 4 = 6, 7, 8, 9, all doubled.
  t.deepEqual(joinedWithSize([0.1, 0.2, 0.3, 0.4], [40, 30, 20, 10]), [12, 14, 16, 18])
  // Equals of the training are told apart by size.
  t.deepEqual(joinedWithSize([0.5, 0.5, 0.1], [10, 20, 30]), [12, 14, 10])
  // A failure stays behind, however large.
  t.deepEqual(joinedWithSize([worst, 0.2], [1000, 1]), [worst, 10])
})

const isSized = ({ proxy }: ProxyRow): boolean => proxy.endsWith(' with MACs')

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
      // Of the trainings at a lower resolution the cross entropy says the opposite.
      const entropy = request.fidelity.resolution === 0.5 ? { crossEntropy: 1 - rank / 10 } : {}
      const times = { cpuSeconds, wallSeconds: cpuSeconds }
      return { ok: true, accuracy, ...entropy, testAccuracy: accuracy, loss: 1, ...times }
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
    ladders: [
      [{ ...FULL, epochs: 2 }],
      [{ ...FULL, epochs: 1, dataFraction: 0.005 }],
      [{ ...FULL, epochs: 1, resolution: 0.5 }],
    ],
    inherit: false,
    ceiling: true,
    checkpoints: '/nowhere',
    seed: 3,
  })
  t.is(mostRunning, 2)
  t.is(report.networks, 5)
  t.is(report.fullCpuSeconds, 40)
  t.deepEqual(report.accuracy, { low: 0.1, high: 0.5 })
  const [good, inverted, reduced, again, ...scores] = report.rows.filter((row) => !isSized(row))
  // The more filters the more MACs, so size turns an order that is wrong altogether into none at all only where it has half
  // of the say; with a third it cannot.
  const [goodSized, invertedSized, reducedSized, ...noMore] = report.rows.filter(isSized)
  t.deepEqual(noMore, [])
  t.like(goodSized, { proxy: 'epochs=2 with MACs', kind: 'training', tau: 1, failures: 1, costShare: 8 / 40 })
  t.like(invertedSized, { tau: -1, accuracyTau: -1, meanTau: -1 })
  t.like(reducedSized, { tau: 1, accuracyTau: -1, costShare: 1 / 8 })
  t.like(good, { proxy: 'epochs=2', kind: 'training', tau: 1, failures: 1, costShare: 8 / 40 })
  t.like(inverted, { proxy: 'epochs=1,data=0.005', tau: -1, accuracyTau: -1, failures: 0 })
  t.like(reduced, { proxy: 'epochs=1,resolution=0.5', tau: 1, accuracyTau: -1, costShare: 1 / 8 })
  t.like(again, { proxy: 'epochs=8 from other weights', tau: 1, costShare: 1 })
  t.false('accuracyTau' in again!)
  // Both full trainings agree, so their mean orders the networks as each does.
  t.like(inverted, { meanTau: -1, meanInterval: inverted!.interval })
  t.false('meanTau' in again!)
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
    // The truth has initial weights that no proxy starts from.
    [7, 6],
  )
  t.true(requests.every(({ fidelity, checkpoints }) => (fidelity.epochs === 8) === (checkpoints === undefined)))
  // Only full training pays for the test part.
  t.true(requests.every(({ fidelity, skipTest = false }) => skipTest === (fidelity.epochs !== 8)))
})

test('stages share what they have in common, cost what all of them cost, and inherit from the most similar network', async (t) => {
  const dataset = await loadDataset('builtin', { seed: 1 })
  const networks = [2, 16, 3, 14].map(networkOf)
  const requests: EvaluationRequest[] = []
  const evaluator: Evaluator = {
    id: 'scripted',
    version: '1',
    async evaluate(request) {
      requests.push(request)
      const rank = networks.findIndex((network) => network.archId === request.archId)
      const { epochs: cpuSeconds } = request.fidelity
      // The third network fails when it starts from its own weights.
      if (rank === 2 && request.fidelity.epochs === 1 && request.checkpoints?.inheritFrom === undefined)
        return { ok: false, code: 'diverged', message: 'scripted' }
      return { ok: true, accuracy: rank, testAccuracy: rank, loss: 1, cpuSeconds, wallSeconds: cpuSeconds }
    },
    dispose: async () => {},
  }
  const [one, two, three] = [1, 2, 3].map((epochs) => ({ ...FULL, epochs }))
  const report = await benchmarkProxies({
    networks,
    dataset,
    evaluator,
    workers: 3,
    recipe: DEFAULT_RECIPE,
    full: FULL,
    ladders: [[one!, two!], [one!], [one!, two!, three!]],
    inherit: true,
    ceiling: false,
    checkpoints: '/folder',
    seed: 3,
  })
  const trainings = report.rows.filter((row) => row.kind === 'training' && !isSized(row))
  t.deepEqual(
    trainings.map(({ proxy, costShare, failures }) => [proxy, costShare, failures]),
    [
      ['epochs=1', 3 / 32, 1],
      ['epochs=1>epochs=2', 9 / 32, 1],
      ['epochs=1>epochs=2>epochs=3', 18 / 32, 1],
      ['epochs=1 inherited', 4 / 32, 0],
      ['epochs=1>epochs=2 inherited', 12 / 32, 0],
      ['epochs=1>epochs=2>epochs=3 inherited', 24 / 32, 0],
    ],
  )
  const of = (network: number, epochs: number, inherited: boolean) =>
    requests.find(
      ({ archId: id, fidelity, checkpoints }) =>
        id === networks[network]!.archId &&
        fidelity.epochs === epochs &&
        (checkpoints?.inheritFrom !== undefined) === inherited,
    )!
  const [first, second] = [of(3, 1, true), of(3, 2, true)]
  t.is(second.checkpoints!.continueFrom, first.checkpoints!.save)
  t.deepEqual(second.earlier, [{ epochs: 1, dataFraction: 1 }])
  t.is(second.checkpoints!.inheritFrom, first.checkpoints!.inheritFrom)
  // 14 filters are nearest to 16, and 3 to 2; the first network has nobody to inherit from.
  const parents = requests.filter(
    ({ fidelity, checkpoints }) => fidelity.epochs === 1 && checkpoints?.save !== undefined,
  )
  const savedBy = (name: string | undefined) => parents.find(({ checkpoints }) => checkpoints!.save === name)?.archId
  t.is(savedBy(first.checkpoints!.inheritFrom), networks[1]!.archId)
  t.is(savedBy(of(2, 1, true).checkpoints!.inheritFrom), networks[0]!.archId)
  t.is(of(0, 1, true), undefined as never)
})

test('measurements are kept, tried again after a failure, and made again when their checkpoint is gone', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-store-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'measurements.jsonl')
  let calls = 0
  const evaluator: Evaluator = {
    id: 'scripted',
    version: '1',
    evaluate: async ({ seed }) =>
      ++calls === 1
        ? { ok: false, code: 'timed-out', message: 'scripted' }
        : { ok: true, accuracy: seed, testAccuracy: calls, loss: 1, cpuSeconds: 1, wallSeconds: 1 },
    dispose: async () => {},
  }
  const { graph, archId: id } = networkOf(4)
  const fidelity = { epochs: 1, dataFraction: 1 }
  const request: EvaluationRequest = { graph, archId: id, fidelity, recipe: DEFAULT_RECIPE, seed: 1 }
  const open = (digest = 'data') => withStore(evaluator, file, digest)
  t.false((await open().evaluate(request)).ok)
  const measured = await open().evaluate(request)
  t.like(measured, { ok: true, testAccuracy: 2 })
  t.deepEqual(await open().evaluate(request), measured)
  t.is(calls, 2)
  for (const other of [
    { seed: 2 },
    { earlier: [fidelity] },
    { fidelity: { ...fidelity, epochs: 2 } },
    { skipTest: true },
  ]) {
    t.notDeepEqual(await open().evaluate({ ...request, ...other }), measured)
  }
  t.notDeepEqual(await open('other data').evaluate(request), measured)
  t.is(calls, 7)

  const saving = { ...request, checkpoints: { directory: folder, save: 'mine' } }
  await open().evaluate(saving)
  t.is(calls, 8)
  writeFileSync(path.join(folder, 'mine.checkpoint'), '')
  await open().evaluate(saving)
  t.is(calls, 8)
  appendFileSync(file, '{"key":')
  await open().evaluate(saving)
  t.is(calls, 8)
  // What a killed process left unfinished is not in the way of what comes after it.
  await open().evaluate({ ...request, seed: 3 })
  await open().evaluate({ ...request, seed: 3 })
  t.is(calls, 9)
  writeFileSync(file, 'no JSON\n')
  t.throws(() => open(), { instanceOf: UserError, message: /line 1 of '.*' is no measurement/ })
})
