import test from 'ava'
import { attainmentSurface } from '../../results/compare/attainment.ts'
import { compareGroups, type RunGroup } from '../../results/compare/compare.ts'
import { curvePlaces, hypervolumeCurve } from '../../results/compare/curve.ts'
import { frontDifference, frontOfRuns } from '../../results/compare/difference.ts'
import { type Run, runOf, vectorsOf } from '../../results/compare/runs.ts'
import { comparisonSvg } from '../../results/report/comparison-svg.ts'
import type { Experiment } from '../../results/store.ts'
import { completed, costsOf, experiment, failed } from './fixtures.ts'

const run = (...vectors: readonly (readonly number[] | undefined)[]): Run => ({
  experiment: 1,
  trials: vectors.map((objectives, i) => ({ objectives, spent: i + 1 })),
})

const stored = (id: number, changes: Partial<Experiment> = {}): Experiment => ({
  ...experiment(),
  id,
  status: 'done',
  createdAt: '2026-01-01T00:00:00.000Z',
  devices: ['mcu'],
  objectives: ['accuracy', 'latencyMs'],
  references: { mcu: [1, 100] },
  settings: { seed: id, data: 'digits' },
  ...changes,
})

const LATENCY = { cost: 'latencyMs', over: 'trials' } as const

test('only trials that succeeded within the limits count', (t) => {
  const over = completed(1, { costs: [costsOf('mcu', { violation: 0.5 })] })
  const found = runOf({ id: 7, rungs: 1 }, [completed(0), over, failed(2)], 'mcu', 'trials')
  t.is(found.trials.length, 3)
  t.deepEqual(vectorsOf(found), [[0.25, 12.5, 20480]])
})

test('trainings below the last rung spend, and show nothing', (t) => {
  const records = [completed(0, { rung: 0 }), completed(1, { rung: 1, continues: 0 }), failed(2)]
  const trials = (spending: 'trials' | 'cpuSeconds') => runOf({ id: 7, rungs: 2 }, records, 'mcu', spending).trials
  t.deepEqual(
    trials('trials').map(({ objectives, spent }) => [objectives !== undefined, spent]),
    [
      [false, 1],
      [true, 2],
      [false, 3],
    ],
  )
  t.deepEqual(
    trials('cpuSeconds').map(({ spent }) => spent),
    [2, 4, 4],
  )
})

test('the curve is the mean, least and greatest hypervolume after so many trials', (t) => {
  const runs = [run([0.5, 50], [0.5, 25]), run([0.5, 50], undefined, [0, 0])]
  const curve = hypervolumeCurve(runs, [1, 2, 3], [1, 100])
  t.deepEqual(curve, [
    { spent: 1, mean: 0.25, least: 0.25, greatest: 0.25 },
    { spent: 2, mean: (0.375 + 0.25) / 2, least: 0.25, greatest: 0.375 },
    { spent: 3, mean: (0.375 + 1) / 2, least: 0.375, greatest: 1 },
  ])
})

test('a curve has at most a hundred counts, ending with the last trial', (t) => {
  t.deepEqual(curvePlaces(3, 'trials'), [1, 2, 3])
  const many = curvePlaces(12_345, 'trials')
  t.true(many.length <= 100)
  t.is(many.at(-1), 12_345)
  t.deepEqual(
    many.toSorted((a, b) => a - b),
    [...new Set(many)],
  )
  // Every 1.5 trials, the next whole one.
  const some = curvePlaces(150, 'trials')
  t.deepEqual([some.length, ...some.slice(0, 4)], [100, 2, 3, 5, 6])
})

test('over processor seconds a curve has a hundred even places', (t) => {
  const places = curvePlaces(50, 'cpuSeconds')
  t.deepEqual([places.length, places[0], places[49], places[99]], [100, 0.5, 25, 50])
  const slow: Run = { experiment: 1, trials: [{ objectives: [0.5, 50], spent: 40 }] }
  const group = (id: number, members: readonly Run[]): RunGroup => ({
    name: `${id}`,
    experiments: [stored(id)],
    runs: members,
  })
  const over = { cost: 'latencyMs', over: 'cpuSeconds' } as const
  const { groups } = compareGroups([group(1, [slow]), group(2, [run([0.5, 50])])], 'mcu', over)
  t.deepEqual(
    groups.map(({ spent, curve }) => [
      spent,
      curve.length,
      curve.find(({ mean }) => mean > 0)!.spent,
      curve[99]!.spent,
    ]),
    [
      [40, 100, 40, 40],
      [1, 100, 1.2, 40],
    ],
  )
})

test('attainment: any, half and every run', (t) => {
  const runs = [run([0.4, 10], [0.2, 30]), run([0.3, 20]), run([0.5, 20], [0.1, 40])]
  t.deepEqual(attainmentSurface(runs, 1, 0), [
    { cost: 10, error: 0.4 },
    { cost: 20, error: 0.3 },
    { cost: 30, error: 0.2 },
    { cost: 40, error: 0.1 },
  ])
  // At 20 the three have 0.4, 0.3, 0.5; at 30 they have 0.2, 0.3, 0.5; at 40 they have 0.2, 0.3, 0.1.
  t.deepEqual(attainmentSurface(runs, 1, 0.5), [
    { cost: 20, error: 0.4 },
    { cost: 30, error: 0.3 },
    { cost: 40, error: 0.2 },
  ])
  t.deepEqual(attainmentSurface(runs, 1, 1), [
    { cost: 20, error: 0.5 },
    { cost: 40, error: 0.3 },
  ])
  t.deepEqual(attainmentSurface([run(undefined)], 1, 0.5), [])
  t.deepEqual(
    attainmentSurface([run([0.4, 10], [0.3, 10])], 1, 1),
    [{ cost: 10, error: 0.3 }],
    'equal costs are one corner',
  )
})

test('front difference: coverage, shortfall, who found what', (t) => {
  const a = frontOfRuns([run([0, 10], [0.5, 5]), run([0.5, 5], [0.6, 6])], 2)
  t.is(a.length, 2)
  const b = [
    [0, 10],
    [0.25, 7.5],
    [1, 5],
  ]
  t.deepEqual(frontDifference(a, b), {
    aCoversB: 2 / 3,
    bCoversA: 0.5,
    // B's (0.25, 7.5) is 0.25 of the range of either objective away from A's nearest.
    aFallsShort: 0.25,
    bFallsShort: 0.5,
    merged: { onlyA: 1, onlyB: 1, both: 1 },
  })
  t.like(frontDifference(a, []), { aCoversB: 1, bCoversA: 0, aFallsShort: 0, bFallsShort: 1 })
  t.deepEqual(frontDifference([], []), {
    aCoversB: 1,
    bCoversA: 1,
    aFallsShort: 0,
    bFallsShort: 0,
    merged: { onlyA: 0, onlyB: 0, both: 0 },
  })
})

test('shortfalls are shares of the range of both fronts, and of 1 where an objective does not vary', (t) => {
  const [a, b] = [
    [
      [1, 100],
      [3, 50],
    ],
    [
      [2.5, 60],
      [4, 40],
    ],
  ]
  const { aFallsShort, bFallsShort } = frontDifference(a!, b!)
  // Ranges of 3 and 60: (3, 50) is 0.5 of 3 behind (2.5, 60) and 10 of 60 behind (4, 40); (2.5, 60) is 1.5 of 3 behind (1, 100).
  t.true(Math.abs(aFallsShort - 1 / 6) < 1e-15)
  t.is(bFallsShort, 0.5)
  t.like(frontDifference([[0.5, 5]], [[0.75, 5]]), { aFallsShort: 0, bFallsShort: 1 })
})

test('groups are measured against the worst of the recorded references', (t) => {
  const groups: RunGroup[] = [
    { name: 'one', experiments: [stored(1)], runs: [run([0.5, 50])] },
    { name: 'two', experiments: [stored(2, { references: { mcu: [0.5, 200] } })], runs: [run([0.25, 100])] },
  ]
  const errors = [0.9, 0.7].map((error) => stored(3, { references: { mcu: [error, 200] } }))
  const asAccuracy = errors.map(
    (one) => compareGroups([{ ...groups[0]!, experiments: [one] }], 'mcu', LATENCY).reference[0],
  )
  t.deepEqual(asAccuracy, [0.1, 0.3], 'without the rounding error of 1 − 0.9')
  const { reference, groups: compared, pairs } = compareGroups(groups, 'mcu', LATENCY)
  t.deepEqual(reference, [0, 200])
  t.deepEqual(
    compared.map(({ hypervolumes }) => hypervolumes[0]),
    [0.375, 0.375],
  )
  for (const share of ['any', 'half', 'every'] as const) {
    t.deepEqual(compared[0]!.attainment[share], [{ cost: 50, accuracy: 0.5 }])
  }
  t.is(pairs.length, 1)
  t.is(pairs[0]!.hypervolumeDifference, 0)
  t.is(pairs[0]!.pValue, undefined)
})

test('runs of equal seeds are tested in pairs', (t) => {
  const group = (name: string, first: number, cost: number, from = 0, to = 6): RunGroup => ({
    name,
    experiments: Array.from({ length: to - from }, (_, i) =>
      stored(first + i, { settings: { seed: from + i, data: 'digits' } }),
    ),
    runs: Array.from({ length: to - from }, (_, i) => run([0.5, cost + i])),
  })
  const tested = (from: number, to: number) =>
    compareGroups([group('slow', 1, 50), group('fast', 11, 20, from, to)], 'mcu', LATENCY).pairs[0]!.pValue
  t.is(tested(1, 8), 2 / 2 ** 5, 'seeds 1 to 5 have a partner')
  t.is(tested(2, 9), undefined, 'four pairs are too few')
  const [pair] = compareGroups([group('slow', 1, 50), group('fast', 11, 20)], 'mcu', LATENCY).pairs
  t.is(pair!.pValue, 2 / 2 ** 6)
  t.true(pair!.hypervolumeDifference > 0)
})

test('experiments that do not fit together are refused', (t) => {
  const compareWith = (changes: Partial<Experiment>, cost = 'latencyMs') =>
    compareGroups(
      [
        { name: 'a', experiments: [stored(1)], runs: [run()] },
        { name: 'b', experiments: [stored(2, changes)], runs: [run()] },
      ],
      'mcu',
      { cost, over: 'trials' },
    )
  t.throws(() => compareWith({ datasetDigest: 'x', settings: { seed: 2, data: 'letters' } }), {
    message: /different data/,
  })
  t.throws(() => compareWith({ datasetDigest: 'x', settings: { seed: 1, data: 'digits' } }), {
    message: /different data/,
  })
  t.notThrows(() => compareWith({ datasetDigest: 'x' }), 'another seed may split the same data differently')
  t.throws(() => compareWith({ objectives: ['accuracy', 'energyMj'] }), { message: /energyMj/ })
  t.throws(() => compareWith({ devices: ['gpu'] }), { message: /no front for 'mcu'/ })
  t.throws(() => compareWith({}, 'energyMj'), { message: /not a cost/ })
})

test('the picture names every group and survives groups without results', (t) => {
  const groups: RunGroup[] = [
    { name: 'a <b>', experiments: [stored(1), stored(2)], runs: [run([0.5, 50]), run([0.4, 60])] },
    { name: 'nothing', experiments: [stored(3)], runs: [run(undefined)] },
  ]
  const svg = comparisonSvg(compareGroups(groups, 'mcu', LATENCY))
  t.true(svg.includes('a &lt;b&gt;') && svg.includes('nothing'))
  t.is(svg.match(/class="band /g)!.length, 1)
  t.false(/NaN|Infinity|undefined/.test(svg))
  const empty = comparisonSvg(compareGroups(groups.slice(1).concat({ ...groups[1]!, name: 'more' }), 'mcu', LATENCY))
  t.false(/NaN|Infinity|undefined/.test(empty))
})

test('experiments in which nothing was trained are compared over trials, and not over processor seconds', (t) => {
  const groups = [1, 2].map(
    (id): RunGroup => ({
      name: `${id}`,
      experiments: [stored(id)],
      runs: [{ experiment: id, trials: [{ objectives: undefined, spent: 0 }] }],
    }),
  )
  t.deepEqual(compareGroups(groups, 'mcu', LATENCY).groups[0]!.hypervolumes, [0])
  t.throws(() => compareGroups(groups, 'mcu', { cost: 'latencyMs', over: 'cpuSeconds' }), {
    name: 'UserError',
    message: /no network of these experiments was trained: compare them over trials/,
  })
})
