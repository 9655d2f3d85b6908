import test from 'ava'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { Archive, MOST_OBSERVATIONS } from '../../search/algorithms/frugal/archive.ts'
import { choiceDistances, choiceGroups, initialLatents } from '../../search/algorithms/frugal/choice-groups.ts'
import { createEncoding } from '../../search/algorithms/frugal/encoding.ts'
import { errorScale } from '../../search/algorithms/frugal/error-scale.ts'
import { ExpectedGain, type FrontPoint } from '../../search/algorithms/frugal/expected-gain.ts'
import { GaussianProcess } from '../../search/algorithms/frugal/gaussian-process.ts'
import { GrowingTargets } from '../../search/algorithms/frugal/growing-targets.ts'
import { INITIAL_PARAMETERS } from '../../search/algorithms/frugal/kernel.ts'
import { LikelihoodSample } from '../../search/algorithms/frugal/likelihood.ts'
import {
  improveParameters,
  initialParameters,
  STEPS_PER_SEARCH,
} from '../../search/algorithms/frugal/parameter-search.ts'
import { initialTuning, TunedProcess } from '../../search/algorithms/frugal/tuned-process.ts'
import { OpenAsks } from '../../search/algorithms/open-asks.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import { geneOperations } from '../../search/genes.ts'
import { hypervolumeGain } from '../../search/pareto/index.ts'
import { toyConfig, toyResult } from './toy-problem.ts'

const { operations } = toyConfig()
const encoding = createEncoding(operations, undefined)
const near = (a: number, b: number, tolerance = 1e-9) => Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))
const encoded = (random: RandomStream, count: number) =>
  Array.from({ length: count }, () => encoding.encode(operations.sample(random)))

/** Solves A x = b by elimination with pivoting. */
function solve(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!])
  const n = rows.length
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let i = column; i < n; i++) if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i
    const swapped = rows[column]!
    rows[column] = rows[pivot]!
    rows[pivot] = swapped
    for (let i = 0; i < n; i++) {
      if (i === column) continue
      const factor = rows[i]![column]! / rows[column]![column]!
      for (let k = column; k <= n; k++) rows[i]![k]! -= factor * rows[column]![k]!
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}

test('the Gaussian process gives the textbook mean and deviation', (t) => {
  const rows = encoded(randomStream(1), 25)
  const process = new GaussianProcess(encoding, INITIAL_PARAMETERS)
  const covariances = rows.map((row) => {
    const before = [...process.covariances(row).subarray(0, process.settled)]
    process.add(row)
    return before
  })
  const matrix = rows.map((_, i) =>
    rows.map((_, j) => (i === j ? 1 + INITIAL_PARAMETERS.noise : covariances[Math.max(i, j)]![Math.min(i, j)]!)),
  )
  const targets = rows.map((row, i) => row.codes[0]! + Math.sin(i))
  const ones = solve(matrix, new Array<number>(25).fill(1))
  const plain = solve(matrix, targets)
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const mean = sum(plain) / sum(ones)
  const weights = solve(
    matrix,
    targets.map((target) => target - mean),
  )
  const variance = sum(weights.map((weight, i) => weight * (targets[i]! - mean))) / 25
  const fit = process.fit(Float64Array.from(targets))
  t.true(near(fit.mean, mean))
  t.true(near(fit.variance, variance))
  const probe = encoding.encode(operations.sample(randomStream(2)))
  const k = [...process.covariances(probe).subarray(0, 25)]
  t.true(near(process.mean(fit, probe), mean + sum(k.map((value, i) => value * weights[i]!))))
  const explained = sum(solve(matrix, k).map((value, i) => value * k[i]!))
  t.true(near(process.sd(fit, probe), Math.sqrt(variance * (1 + INITIAL_PARAMETERS.noise - explained))))
  t.true(process.roughSd(fit, probe) >= process.sd(fit, probe))
})

test('points can be supposed and taken back, and what is kept of a genome stays right', (t) => {
  const rows = encoded(randomStream(3), 40)
  const probe = encoding.encode(operations.sample(randomStream(2)))
  const predictions = (process: GaussianProcess, count: number) => {
    const fit = process.fit(Float64Array.from({ length: count }, (_, i) => Math.cos(i)))
    return [process.mean(fit, probe), process.sd(fit, probe), process.roughSd(fit, probe)]
  }
  const fresh = (count: number) => {
    const process = new GaussianProcess(encoding, INITIAL_PARAMETERS)
    for (const row of rows.slice(0, count)) process.add(row)
    return predictions(process, count)
  }
  const process = new GaussianProcess(encoding, INITIAL_PARAMETERS)
  for (const row of rows.slice(0, 20)) process.add(row)
  process.suppose(rows.slice(30))
  predictions(process, 30)
  process.suppose([])
  t.deepEqual(predictions(process, 20), fresh(20))
  process.suppose(rows.slice(20, 25))
  t.deepEqual(predictions(process, 25), fresh(25))
  for (const row of rows.slice(20)) process.add(row)
  t.is(process.settled, 40)
  t.deepEqual(predictions(process, 40), fresh(40))
})

const TUNING = { growth: 0.1, leastNoise: 0.003 }

test('a process is tuned bit by bit, and one restored in the middle goes on the same', (t) => {
  const rows = encoded(randomStream(11), 220)
  const targets = (count: number) => [
    Float64Array.from(rows.slice(0, count), ({ codes }, i) => codes[0]! + Math.sin(i)),
  ]
  const initial = initialTuning(initialParameters(INITIAL_PARAMETERS, initialLatents(encoding.groups)), 16)
  const tuned = new TunedProcess(encoding, initial, [], TUNING)
  const copies: TunedProcess[] = []
  let replaced = 0
  let between = 0
  rows.forEach((row, i) => {
    for (const process of [tuned, ...copies]) {
      process.add(row)
      if (process.tune(targets(i + 1)) && process === tuned) replaced++
    }
    const { built } = tuned.state
    // One copy is made while likelihoods are judged, another one while the next process is.
    if (i === 130 || (built !== null && between++ === 3)) {
      const state = JSON.parse(JSON.stringify(tuned.state)) as typeof tuned.state
      copies.push(new TunedProcess(encoding, state, rows.slice(0, i + 1), TUNING))
    }
  })
  t.is(copies.length, 2)
  t.true(replaced >= 4, `${replaced} processes`)
  t.true(between > 3, 'the last steps leave making the next process to another call')
  const probe = encoding.encode(operations.sample(randomStream(2)))
  const mean = ({ process }: TunedProcess) => process.mean(process.fit(targets(220)[0]!), probe)
  for (const copy of copies) {
    t.deepEqual(copy.state, tuned.state)
    t.is(mean(copy), mean(tuned))
  }
  const left = rows.flatMap((_, i) => (i % 3 === 0 ? [] : [i]))
  tuned.keep(left)
  const smaller = new TunedProcess(
    encoding,
    tuned.state,
    left.map((i) => rows[i]!),
    TUNING,
  )
  t.deepEqual(tuned.rows, smaller.rows)
  const deviation = ({ process }: TunedProcess) => process.sd(process.fit(targets(left.length)[0]!), probe)
  t.is(deviation(tuned), deviation(smaller))
})

test('deviations are doubted near points that were surprising', (t) => {
  const rows = encoded(randomStream(12), 60)
  const isOdd = ({ codes }: (typeof rows)[number]) => codes[0] === rows[0]!.codes[0]
  // The noise of points like the first is many times that of the others.
  const noise = randomStream(13)
  const targets = Float64Array.from(rows, (row) => noise.normal() * (isOdd(row) ? 1 : 0.02))
  const process = new GaussianProcess(encoding, { ...INITIAL_PARAMETERS, main: 0, count: 0, decay: 0.5 })
  for (const row of rows) process.add(row)
  const fit = process.fit(targets)
  const meanOf = (chosen: typeof rows) => chosen.reduce((sum, row) => sum + process.doubt(fit, row), 0) / chosen.length
  const odd = meanOf(rows.filter(isOdd))
  const others = meanOf(rows.filter((row) => !isOdd(row)))
  t.true(odd > 1 && others < 1, `${odd} and ${others}`)
  t.true(
    near(
      fit.surprises.reduce((sum, value) => sum + value, 0),
      60,
    ),
    'deviations are right on the whole',
  )
})

test('targets that grow are fitted as if they were new', (t) => {
  const rows = encoded(randomStream(14), 40)
  const growing = new GrowingTargets()
  const [one, other] = [0.003, 0.1].map((noise) => new GaussianProcess(encoding, { ...INITIAL_PARAMETERS, noise }))
  rows.forEach((row, i) => {
    growing.values.push(Math.cos(i))
    one!.add(row)
    other!.add(row)
    // The first half has one process, then another one serves.
    for (const process of i < 20 ? [one!] : [other!]) {
      const fresh = process.fit(Float64Array.from(growing.values))
      t.deepEqual(growing.fit(process), fresh)
      const surprises = growing.misses(process).map((miss) => miss ** 2 / fresh.variance)
      // A point's own variance, given those before it, is at most 1 and the noise.
      t.true(surprises.every((surprise, k) => surprise <= 1.1 * fresh.surprises[k]! + 1e-12))
    }
  })
})

test('equal choices are closest, and inactive genes are alike', (t) => {
  const [a, b] = encoded(randomStream(4), 2)
  const process = new GaussianProcess(encoding, INITIAL_PARAMETERS)
  process.add(a!)
  t.true(near(process.covariances(a!)[0]!, 1))
  t.true(process.covariances(b!)[0]! < 0.95)
})

test('the gradient of the likelihood by the places of choices is that of finite differences', (t) => {
  const random = randomStream(9)
  const rows = encoded(random, 30)
  const latents = initialLatents(encoding.groups).map((value) => value + 0.2 * random.normal())
  t.is(latents.length, 9, 'one kind of three choices')
  const targets = Float64Array.from(rows, ({ codes }, i) => codes[0]! + Math.sin(i))
  const lists = [targets, targets.map((value) => value ** 2)]
  const sample = new LikelihoodSample(encoding, rows, lists)
  const likelihood = (at: readonly number[]) => {
    const process = new GaussianProcess(encoding, INITIAL_PARAMETERS, at)
    for (const row of rows) process.add(row)
    return lists.reduce((sum, list) => sum + process.fit(list).logLikelihood, 0)
  }
  t.true(near(sample.judge(INITIAL_PARAMETERS, latents).logLikelihood, likelihood(latents)))
  const gradient = sample.judge(INITIAL_PARAMETERS, latents).slopes()
  for (const [k, slope] of gradient.entries()) {
    const beside = (step: number) => likelihood(latents.with(k, latents[k]! + step))
    const numeric = (beside(1e-5) - beside(-1e-5)) / 2e-5
    t.true(Math.abs(slope - numeric) < 1e-5 * (1 + Math.abs(numeric)), `${k}: ${slope} and ${numeric}`)
  }
})

test('choices that do the same come to lie close together', (t) => {
  const random = randomStream(10)
  const rows = encoded(random, 100)
  // The first gene of each layer has the choices a, b and c, of which the last two count alike.
  const { genes } = operations
  const groups = choiceGroups(genes)
  t.deepEqual(
    groups.map(({ size }) => size),
    [3],
  )
  const columns = encoding.groupCodes[0]!
  const targets = Float64Array.from(rows, ({ codes }) =>
    columns.reduce((sum, { column, firstCode }, i) => {
      const next = columns[(i + 1) % columns.length]!
      const isFirst = codes[column] === firstCode
      return sum + (isFirst && codes[next.column] === next.firstCode ? 1 : isFirst ? -0.6 : 0)
    }, 0),
  )
  let state = initialParameters(INITIAL_PARAMETERS, initialLatents(groups))
  for (let i = 0; i < 48; i++) state = improveParameters(encoding, rows, [targets], state, i % STEPS_PER_SEARCH, 0.003)
  const distance = choiceDistances(groups, state.latents)
  t.true(distance[5]! < 0.6 * distance[1]!, `b–c ${distance[5]}, a–b ${distance[1]}`)
  t.true(distance[5]! < 0.6 * distance[2]!, `b–c ${distance[5]}, a–c ${distance[2]}`)
})

test('the model scale of errors keeps their order, can be undone, and caps the hopeless ones', (t) => {
  const errors = [0.1, 0.12, 0.2, 0.3, 0.35, 0.4, 0.5, 0.9, 0.9, 0.95]
  const scale = errorScale(errors, 0.4)
  for (const error of errors.slice(0, 7)) t.true(near(scale.toError(scale.toModel(error)), error))
  t.true(scale.toModel(0.1) < scale.toModel(0.2))
  t.is(scale.toModel(0.95), scale.toModel(0.9))
  t.true(Number.isFinite(errorScale([0.5, 0.5], 0.5).toModel(0.5)), 'all equal')
})

test('the expected shortfall is the integral over the distribution', (t) => {
  const scale = errorScale([0.1, 0.2, 0.5, 0.9], 0.5)
  for (const [value, sd, level] of [
    [0.2, 0.3, 0.25],
    [0.12, 0.05, 0.1],
    [0.6, 0.4, 0.5],
  ] as const) {
    const prediction = { mean: scale.toModel(value), sd }
    const steps = 4000
    let sum = 0
    for (let i = 0; i < steps; i++) {
      const z = -8 + (16 * (i + 0.5)) / steps
      const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
      sum += Math.max(0, level - scale.toError(prediction.mean + z * sd)) * density * (16 / steps)
    }
    t.true(Math.abs(scale.shortfall(prediction, level) - sum) < 1e-5, `${value} ${sd} ${level}`)
  }
})

const randomFront = (random: RandomStream, count: number, costCount: number): FrontPoint[] =>
  Array.from({ length: count }, () => ({
    error: random.float(),
    costs: Array.from({ length: costCount }, () => random.float()),
  }))

test('for a certain error the expected gain is the gain in hypervolume', (t) => {
  const random = randomStream(5)
  for (const costCount of [1, 2, 3]) {
    for (let repeat = 0; repeat < 15; repeat++) {
      const points = randomFront(random, 12, costCount)
      const ones = new Array<number>(costCount).fill(1)
      const gain = new ExpectedGain(
        points,
        0.9,
        ones,
        ones.map(() => 0),
        0,
      )
      const candidate = randomFront(random, 1, costCount)[0]!
      const value = gain.gain(gain.shares(candidate.costs), (level) => Math.max(0, level - candidate.error))
      const rows = points.flatMap(({ error, costs }) => [error, ...costs])
      const exact = hypervolumeGain(
        Float64Array.from(rows),
        points.length,
        [candidate.error, ...candidate.costs],
        [0.9, ...ones],
      )
      t.true(Math.abs(value - exact / 0.9) < 1e-12, `${costCount} costs: ${value} ${exact}`)
    }
  }
})

test('large fronts get a coarser grid and stay close', (t) => {
  const random = randomStream(6)
  const points = randomFront(random, 200, 2)
  const gain = new ExpectedGain(points, 1, [1, 1], [0, 0], 0)
  const rows = points.flatMap(({ error, costs }) => [error, ...costs])
  const exact = hypervolumeGain(Float64Array.from(rows), 200, [0.001, 0.1, 0.1], [1, 1, 1])
  t.true(Math.abs(gain.gain(gain.shares([0.1, 0.1]), (level) => Math.max(0, level - 0.001)) - exact) < 0.005)
})

test('candidates that cost less than anything measured gain what they add, where a front lies in a corner', (t) => {
  const random = randomStream(7)
  const corner = (costs: readonly number[]) => costs.map((cost) => 0.01 + 0.99 * cost ** 6)
  for (let repeat = 0; repeat < 10; repeat++) {
    const points = randomFront(random, 20, 3).map(({ error, costs }) => ({ error: 0.1 * error, costs: corner(costs) }))
    const least = [0, 1, 2].map((j) => Math.min(...points.map(({ costs }) => costs[j]!)))
    const candidate = { error: 0.02, costs: least.map((cost) => 0.7 * cost) }
    const gain = new ExpectedGain(points, 0.1, [1, 1, 1], least, 0)
    const rows = points.flatMap(({ error, costs }) => [error, ...costs])
    const exact = hypervolumeGain(
      Float64Array.from(rows),
      points.length,
      [candidate.error, ...candidate.costs],
      [0.1, 1, 1, 1],
    )
    const box = 0.1 * least.reduce((size, cost) => size * (1 - cost), 1)
    const value = gain.gain(gain.shares(candidate.costs), (level) => Math.max(0, level - candidate.error))
    t.true(Math.abs(value * box - exact) < 0.2 * exact, `${value * box} ${exact}`)
  }
})

test('the archive stays bounded and never forgets the front', (t) => {
  const random = randomStream(8)
  const archive = new Archive(1)
  const unbounded: number[][] = []
  for (let i = 0; i < 1500; i++) {
    const told = toyResult(operations.sample(random), i)
    archive.add(told)
    unbounded.push([...told.fronts[0]!.objectives!])
    t.true(archive.observations.length <= MOST_OBSERVATIONS)
  }
  const best = Math.min(...unbounded.map(([error]) => error!))
  const cheapest = Math.min(...unbounded.map(([, cost]) => cost!))
  t.is(Math.min(...archive.frontPoints(0).map(({ error }) => error)), best)
  t.is(Math.min(...archive.frontPoints(0).map(({ costs }) => costs[0]!)), cheapest)
})

test('a result that is forgotten at once, beside a very large front, is told all the same', async (t) => {
  const definition = await loadAlgorithm('frugal')
  const genes = [{ name: 'g', kind: 'ordinal' as const, choices: Array.from({ length: 700 }, (_, i) => i) }]
  const config = { operations: geneOperations(genes), objectiveCount: 2, frontCount: 1, populationSize: 20 }
  const algorithm = definition.create(config, randomStream(1))
  for (let i = 0; i < 600; i++) {
    const objectives = i === MOST_OBSERVATIONS ? [900, 900] : [i, 700 - i]
    algorithm.tell({ genome: [i], fronts: [{ objectives, violation: 0 }] })
  }
  t.is(algorithm.ask().length, 1)
})

test('an ask that was dropped by the loop is closed by the next measured result', (t) => {
  const open = new OpenAsks([[1], [2], [3], [4]])
  open.close({ genome: [3], fronts: [{ objectives: undefined, violation: 0.5 }] })
  t.deepEqual(open.genomes, [[1], [2], [4]], 'an infeasible one may come early')
  open.close({ genome: [2], fronts: [{ objectives: [0.1, 0.2], violation: 0 }] })
  t.deepEqual(open.genomes, [[4]], 'the first must have been dropped')
  open.close({ genome: [9], fronts: [{ objectives: [0.1, 0.2], violation: 0 }] })
  t.deepEqual(open.genomes, [[4]], 'one that nobody asked for')
})
