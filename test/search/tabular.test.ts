import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { mean } from '../../lib/statistics.ts'
import type { AlgorithmDefinition, Genome } from '../../search/algorithm.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import { fullRange } from '../../search/tabular/normalisation.ts'
import { tableOperations } from '../../search/tabular/operations.ts'
import { openTable, type ProblemColumns, type TabularProblem, tabularEvaluation } from '../../search/tabular/problem.ts'
import { runTabular } from '../../search/tabular/run.ts'
import { scaleOf, scoreOf } from '../../search/tabular/score.ts'

const SMALL = path.join(import.meta.dirname, '../fixtures/tabular/small.csv')
const SHARED = path.join(import.meta.dirname, '../../../shared/data/nas-benchmarks')
const ROI = { kind: 'roi' } as const

const problemOf = (file: string, columns: ProblemColumns): TabularProblem => openTable(file, columns).problem

const small = (changes: Partial<ProblemColumns> = {}): TabularProblem =>
  problemOf(SMALL, {
    genes: { columns: ['kernel', 'width', 'op'], digits: ['digits'] },
    accuracies: ['accuracy'],
    costs: [['latency_ms']],
    ...changes,
  })
const digitsOnly = { digits: ['digits'] }
const settings = { evaluations: [10, 40], populationSize: 10, hideCosts: false }

const search = (problem: TabularProblem, definition: AlgorithmDefinition, seed: number, hideCosts = false) => {
  const scales = problem.costs.map((_, device) => scaleOf(problem, device, ROI))
  const chosen = { ...settings, hideCosts }
  return runTabular(problem, tabularEvaluation(problem), definition, scales, randomStream(seed, 'test'), chosen)
}

test('with a look-ahead so many genomes are asked for before the first of them is told', async (t) => {
  const problem = small({ genes: digitsOnly })
  const definition = await loadAlgorithm('random')
  const log: string[] = []
  const noted: AlgorithmDefinition = {
    ...definition,
    create: (config, stream) => {
      const algorithm = definition.create(config, stream)
      return {
        ...algorithm,
        ask: () => {
          const genome = algorithm.ask()
          log.push(`ask ${genome.join('')}`)
          return genome
        },
        tell: (told) => {
          log.push(`tell ${told.genome.join('')}`)
          algorithm.tell(told)
        },
      }
    },
  }
  const scales = [scaleOf(problem, 0, ROI)]
  const run = (lookAhead?: number) => {
    log.length = 0
    const chosen = { ...settings, ...(lookAhead === undefined ? {} : { lookAhead }) }
    runTabular(problem, tabularEvaluation(problem), noted, scales, randomStream(1, 'test'), chosen)
    return log.map((line) => line.split(' ')[0])
  }
  t.deepEqual(run(3).slice(0, 7), ['ask', 'ask', 'ask', 'tell', 'ask', 'tell', 'ask'])
  t.deepEqual(
    log.filter((line) => line.startsWith('tell')).map((line) => line.slice(5)),
    log
      .filter((line) => line.startsWith('ask'))
      .map((line) => line.slice(4))
      .slice(0, -2),
  )
  t.deepEqual(run().slice(0, 4), ['ask', 'tell', 'ask', 'tell'])
})

test('a genome of the table is measured, on every rung; one that the table lacks is infeasible', (t) => {
  const problem = small({ genes: digitsOnly, accuracies: ['early', 'accuracy'], costs: [['latency_ms', 'energy_mj']] })
  const evaluation = tabularEvaluation(problem)
  const close = (vector: readonly number[] | undefined, expected: readonly number[]) =>
    vector!.every((value, i) => Math.abs(value - expected[i]!) < 1e-9)
  t.true(close(evaluation.told([0, 0, 0, 1]).fronts[0]!.objectives, [100 - 64.125, 1.28, 2.39]))
  t.true(close(evaluation.told([0, 0, 0, 1], 0).fronts[0]!.objectives, [100 - 50.506, 1.28, 2.39]))
  t.deepEqual(evaluation.knownCosts([0, 0, 0, 1]), [{ costs: [1.28, 2.39], violation: 0 }])
  // The ninth row is a hole.
  t.is(evaluation.architecture([0, 0, 2, 2]), undefined)
  t.is(evaluation.knownCosts([0, 0, 2, 2]), undefined)
  t.deepEqual(evaluation.told([0, 0, 2, 2]).fronts, [{ objectives: undefined, violation: 1 }])
})

test('with a direction a column counts as it is, or as its negative', (t) => {
  const plain = small({ genes: digitsOnly, costs: [['latency_ms', 'energy_mj']] })
  const directions = new Map([
    ['accuracy', 'max'],
    ['energy_mj', 'max'],
    ['latency_ms', 'min'],
  ] as const)
  const directed = small({ genes: digitsOnly, costs: [['latency_ms', 'energy_mj']], directions })
  const close = (a: Float64Array, b: readonly number[]) =>
    t.true(b.length === 96 && b.every((value, i) => Math.abs(value - a[i]!) < 1e-9))
  const [[latency, energy]] = plain.costs as unknown as [[Float64Array, Float64Array]]
  close(directed.costs[0]![0]!, [...latency])
  close(
    directed.costs[0]![1]!,
    Array.from(energy, (value) => -value),
  )
  close(
    directed.scoreErrors,
    Array.from(plain.scoreErrors, (error) => error - 100),
  )
  const least = small({ genes: digitsOnly, directions: new Map([['accuracy', 'min']]) })
  close(
    least.errors[0]!,
    Array.from(plain.scoreErrors, (error) => 100 - error),
  )
  const [same, turned] = [plain, directed].map(({ scoreErrors, costs }) => ({
    ...plain,
    scoreErrors,
    errors: [scoreErrors],
    costs: [[costs[0]![0]!]],
  }))
  const all = [...same!.scoreErrors.keys()].filter((i) => i % 3 === 0)
  const volumes = [same!, turned!].map((problem) =>
    scoreOf(problem, 0, all, scaleOf(problem, 0, { ...ROI, kind: 'full' })),
  )
  t.true(Math.abs(volumes[0]!.volume - volumes[1]!.volume) < 1e-9 && volumes[0]!.volume < 1)
})

test('samples, mutants and children stay in the table, also in one that holds hardly any genome', (t) => {
  const sparse = small()
  for (const problem of [small({ genes: digitsOnly }), sparse]) {
    const { architecture, operations } = tabularEvaluation(problem)
    const random = randomStream(3)
    let genome = operations.sample(random)
    const met = new Set<string>()
    for (let i = 0; i < 400; i++) {
      const mutant = operations.mutate(genome, random)
      t.notDeepEqual(mutant, genome)
      t.not(architecture(mutant), undefined)
      t.not(architecture(operations.crossover(genome, mutant, random)), undefined)
      met.add(mutant.join())
      genome = mutant
    }
    t.true(met.size > 80, `a walk meets most of the table: ${met.size}`)
  }
})

test('relatives in a large sparse table are near ones, by the steps of ordinal genes, too', (t) => {
  const random = randomStream(5)
  const genes = Array.from({ length: 12 }, (_, i) => ({
    name: `g${i}`,
    kind: i < 6 ? ('ordinal' as const) : ('categorical' as const),
    choices: [0, 1, 2, 3, 4],
  }))
  const count = 60_000
  const genomes = Uint16Array.from({ length: count * genes.length }, () => random.int(5))
  const entry = (i: number) => [...genomes.subarray(i * genes.length, (i + 1) * genes.length)]
  const held = new Set(Array.from({ length: count }, (_, i) => entry(i).join()))
  const space = { genes, genomes, architectures: Uint32Array.from({ length: count }, (_, i) => i) }
  const operations = tableOperations(space, (genome) => held.has(genome.join()))
  const distance = (a: Genome, b: Genome) =>
    mean(a.map((choice, i) => (i < 6 ? Math.abs(choice - b[i]!) / 4 : Number(choice !== b[i]))))
  const distances = { mutants: [] as number[], others: [] as number[] }
  for (let i = 0; i < 60; i++) {
    const genome = entry(random.int(count))
    const mutant = operations.mutate(genome, random)
    t.true(held.has(mutant.join()))
    t.notDeepEqual(mutant, genome)
    distances.mutants.push(distance(genome, mutant))
    distances.others.push(distance(genome, entry(random.int(count))))
  }
  t.true(mean(distances.mutants) < 0.5 * mean(distances.others), JSON.stringify(distances))
})

test('equal seeds give equal searches, and the budget counts architectures', async (t) => {
  for (const id of ['random', 'nsga2', 'aging', 'local', 'frugal']) {
    const definition = await loadAlgorithm(id)
    const run = search(small({ genes: digitsOnly }), definition, 1)
    t.is(run.evaluated, 40)
    t.deepEqual(search(small({ genes: digitsOnly }), definition, 1).scores, run.scores)
    const [early, late] = run.scores.map(([score]) => score!.volume)
    t.true(early! <= late! && late! <= 1 + 1e-12 && early! > 0)
  }
})

test('algorithms are told costs beforehand only where they may know them', async (t) => {
  const asked: boolean[] = []
  const spy = (definition: AlgorithmDefinition): AlgorithmDefinition => ({
    ...definition,
    create: (config, random) => {
      asked.push(config.cheapObjectives !== undefined)
      return definition.create(config, random)
    },
  })
  const random = await loadAlgorithm('random')
  search(small(), spy(random), 1)
  search(small(), spy(random), 1, true)
  t.deepEqual(asked, [true, false])
})

test('an algorithm that comes up with nothing new ends early, and what it found counts', async (t) => {
  const random = await loadAlgorithm('random')
  const first = tabularEvaluation(small())
  const stubborn: AlgorithmDefinition = {
    ...random,
    create: (config) => {
      const genome = config.operations.sample(randomStream(1))
      t.not(first.architecture(genome), undefined)
      return { ask: () => genome, tell: () => {}, state: () => ({}) }
    },
  }
  const run = search(small(), stubborn, 1)
  t.is(run.evaluated, 1)
  t.is(run.scores.length, 2)
})

test('the whole table has all of the front, and scores 1', (t) => {
  const problem = small({ costs: [['latency_ms'], ['energy_mj'], ['latency_ms', 'energy_mj']] })
  const all = [...problem.scoreErrors.keys()]
  for (const device of [0, 1, 2]) {
    const scale = scaleOf(problem, device, ROI)
    const score = scoreOf(problem, device, all, scale)
    t.true(Math.abs(score.volume - 1) < 1e-12)
    t.is(score.frontShare, 1)
    t.deepEqual(
      score.errors,
      scale.limits.map(({ error }) => error),
    )
    t.deepEqual(scoreOf(problem, device, [], scale).errors, [undefined, undefined, undefined])
  }
})

test('the front is chosen by the accuracy that was searched for and counts with the one that matters', (t) => {
  const problem = small({ accuracies: ['early'], scoreAccuracy: 'accuracy' })
  const scale = scaleOf(problem, 0, { kind: 'roi', limits: [[3]] })
  const all = [...problem.scoreErrors.keys()]
  const affordable = all.filter((i) => problem.costs[0]![0]![i]! <= 3)
  const chosen = affordable.reduce((a, b) => (problem.errors[0]![b]! < problem.errors[0]![a]! ? b : a))
  const score = scoreOf(problem, 0, all, scale)
  t.is(score.errors[0], problem.scoreErrors[chosen])
  t.true(score.errors[0]! > scale.limits[0]!.error!)
  t.true(score.volume < 1)
})

test('a box without extent is refused', (t) => {
  const problem = small()
  const flat = { ...problem, costs: [[problem.costs[0]![0]!.map(() => 2)]] }
  t.throws(() => scaleOf(flat, 0, { ...ROI, kind: 'full' }), { name: 'UserError', message: /nothing can be compared/ })
  t.throws(() => scaleOf(problem, 0, { ...ROI, errorLimit: 0.001 }), {
    name: 'UserError',
    message: /the lowest is 3$/,
  })
  // Two networks, each of them the worst in one column: the box has an extent, and nothing lies within it.
  const corners = { ...problem, scoreErrors: Float64Array.of(1, 3), costs: [[Float64Array.of(5, 2)]] }
  t.throws(() => scaleOf(corners, 0, { ...ROI, kind: 'full' }), {
    name: 'UserError',
    message: /^no network is better than all of the worst corner of the box from 1, 2 to 3, 5 /,
  })
})

test('boxes, fronts, limits and scores of a table counted by hand', (t) => {
  const close = (found: readonly (number | undefined)[], expected: readonly number[]) => {
    t.is(found.length, expected.length)
    for (const [i, value] of expected.entries()) t.true(Math.abs(found[i]! - value) < 1e-12, `${found} for ${expected}`)
  }
  // The fourth network lies beyond the error that counts, the last one is dominated and dear.
  const errors = Float64Array.of(10, 20, 30, 40, 25)
  const costs = Float64Array.of(0.8, 0.4, 0.2, 0.1, 5)
  const problem = { ...small(), errors: [errors], scoreErrors: errors, costs: [[costs]] }
  const scale = scaleOf(problem, 0, { ...ROI, errorLimit: 30 })
  const { ideal, reference } = scale.normalisation
  close([...ideal, ...reference], [10, 0.2, 30, 1.05 * 0.8])
  // In shares of the box the three are at (0, 0.9375), (0.5, 0.3125) and (1, 0): 0.0625 + 0.5 · 0.625.
  close([scale.volume], [0.375])
  t.deepEqual(scale.front, [0, 1, 2], 'on the edge of the box, too')
  // A quarter, half and three quarters of the way from 0.2 to 0.84.
  close(
    scale.limits.flatMap(({ costs: bounds, error }) => [...bounds, error!]),
    [0.36, 30, 0.52, 20, 0.68, 20],
  )
  const score = scoreOf(problem, 0, [4, 1, 2], scale)
  close([score.volume, score.frontShare, ...(score.errors as number[])], [(0.5 * 0.6875) / 0.375, 2 / 3, 30, 20, 20])
  const bounded = scaleOf(problem, 0, { ...ROI, errorLimit: 30, limits: [[0.4], [0.399], [0.05]] })
  t.deepEqual(
    bounded.limits.map(({ error }) => error),
    [20, 30, undefined],
    'a cost at the limit is within it',
  )
  const full = fullRange([errors, costs])
  close([...full.ideal, ...full.reference], [10, 0.1, 40, 5])
})

interface Published {
  readonly ground_truth: Record<
    string,
    {
      readonly front_size: number
      readonly front_size_roi: number
      readonly norm: Record<'full' | 'roi', { ideal: number[]; ref: number[]; hypervolume: number }>
    }
  >
  readonly baselines: Record<string, Record<string, Record<string, Record<string, { mean: number; sd: number }>>>>
}

const published = path.join(SHARED, 'nb201_baselines.json')
const withShared = existsSync(published) ? test : test.skip
const nb201 = (costs: ProblemColumns['costs']) =>
  problemOf(path.join(SHARED, 'nb201.csv.gz'), {
    genes: { digits: ['ops'] },
    accuracies: ['c10_test_200ep'],
    costs,
  })

withShared('fronts, boxes and hypervolumes of NAS-Bench-201 are those of the published baselines', (t) => {
  const { ground_truth: truth } = JSON.parse(readFileSync(published, 'utf8')) as Published
  const devices = ['raspi4', 'pixel3', 'eyeriss', 'fpga', 'gold_6226', 'titan_rtx_1']
  const costs = devices.map((device) => [`${device}_latency_ms`])
  const problem = nb201([...costs, ['eyeriss_latency_ms', 'eyeriss_energy_mJ']])
  const names = [...devices.map((device) => `${device}|err,lat`), 'eyeriss|err,lat,energy']
  for (const [device, name] of names.entries()) {
    for (const kind of ['roi', 'full'] as const) {
      const { normalisation, volume, front } = scaleOf(problem, device, { ...ROI, kind })
      const expected = truth[name]!
      const { ideal, ref, hypervolume } = expected.norm[kind]
      t.is(front.length, kind === 'roi' ? expected.front_size_roi : expected.front_size, name)
      t.true(Math.abs(volume - hypervolume) < 1e-9, name)
      for (const [j, value] of ideal.entries()) {
        t.true(Math.abs(normalisation.ideal[j]! - value) < 1e-5, name)
        t.true(Math.abs(normalisation.reference[j]! - ref[j]!) < 1e-5, name)
      }
    }
  }
})

withShared('random search and NSGA-II reach the published hypervolumes within their noise', async (t) => {
  const { baselines } = JSON.parse(readFileSync(published, 'utf8')) as Published
  const problem = nb201([['raspi4_latency_ms']])
  const evaluation = tabularEvaluation(problem)
  const scales = [scaleOf(problem, 0, ROI)]
  const textbook = path.join(import.meta.dirname, '../../bench/textbook-nsga2.algorithm.ts')
  for (const [id, name] of [
    ['random', 'random'],
    [textbook, 'nsga2_pop20'],
  ] as const) {
    const definition = await loadAlgorithm(id)
    const evaluations = [50, 100, 200]
    const runs = Array.from({ length: 30 }, (_, seed) =>
      runTabular(problem, evaluation, definition, scales, randomStream(seed, 'published'), {
        evaluations,
        populationSize: 20,
        hideCosts: true,
      }),
    )
    for (const [step, count] of evaluations.entries()) {
      const volume = mean(runs.map(({ scores }) => scores[step]![0]!.volume))
      const expected = baselines['raspi4|err,lat']!['roi']![name]![count]!
      // Both are means of 30 seeds: three standard errors of their difference.
      const noise = 3 * expected.sd * Math.sqrt(2 / 30)
      t.true(Math.abs(volume - expected.mean) < noise, `${name} ${count}: ${volume} against ${expected.mean}`)
    }
  }
})

test('networks that several rows measure count by their means, and how far single rows are off is known', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-repeats-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'repeats.csv')
  writeFileSync(file, 'g,accuracy,ms\n1,60,3\n2,70,4\n1,64,5\n3,80,6\n1,62,1\n3,,6\n2,74,5\n')
  const { problem, passedOver } = openTable(file, {
    genes: { columns: ['g'], repeats: true },
    accuracies: ['accuracy'],
    costs: [['ms']],
  })
  const { scoreErrors, costs, repeats, architectureCount } = problem
  t.is(passedOver, 1)
  t.is(architectureCount, 3)
  t.deepEqual(
    [[...scoreErrors], [...costs[0]![0]!]],
    [
      [38, 28, 20],
      [3, 4.5, 6],
    ],
  )
  // About their means: −2, 2, 0 and −2, 2, of five rows of two networks.
  t.deepEqual(repeats, { networks: 2, rows: 5, errorSd: Math.sqrt(16 / 3) })
  t.is(small().repeats, undefined)
})

test('networks whose rows agree in a column but not in a figure are counted', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-same-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'same.csv')
  writeFileSync(file, 'g,net,accuracy,ms\n1,a,60,3\n2,a,60,3\n3,b,70,4\n4,b,71,4\n5,c,80,5\n6,c,80,6\n7,c,80,7\n')
  const { problem } = openTable(file, {
    genes: { columns: ['g'], same: 'net' },
    accuracies: ['accuracy'],
    costs: [['ms']],
  })
  t.is(problem.architectureCount, 3)
  t.is(problem.differing, 2)
  t.deepEqual(
    [[...problem.scoreErrors], [...problem.costs[0]![0]!]],
    [
      [40, 30, 20],
      [3, 4, 5],
    ],
  )
})
