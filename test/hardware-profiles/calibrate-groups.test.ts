import test from 'ava'
import { calibrate, nearestProfile, type Sample } from '../../hardware-profiles/calibrate.ts'
import { expectedError90, summariseCases, withIntervals } from '../../hardware-profiles/cases/statistics.ts'
import { createCostModel, type Profile } from '../../hardware-profiles/index.ts'
import type { TableModel } from '../../hardware-profiles/profile.ts'
import { randomStream } from '../../lib/random.ts'
import { nonNegativeByTrial } from '../lib/non-negative.ts'
import { MADE_UP, madeUpNetwork, madeUpParts, type Sizes, termOf } from './made-up.ts'

const MINE = { id: 'mine', title: 'my board' }
const random = randomStream(11, 'groups')
const SIZES = Array.from(
  { length: 13 },
  (): Sizes => ({
    ...{ size: 4 + random.int(12), filters: 2 + random.int(15) },
    ...{ relus: random.int(6), blocks: random.int(6), pools: random.int(4) },
  }),
)
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((value, i) => value * b[i]!))
const near = (found: number, expected: number, tolerance: number) =>
  Math.abs(found - expected) <= tolerance * Math.max(Math.abs(expected), 1e-6)

/** Networks on a device that takes so many times as long for each group, and so many ms a kernel and an inference. */
const samplesOf = (scales: readonly number[], noise = 0): readonly Sample[] =>
  SIZES.map((sizes, i) => ({
    name: `network ${i}`,
    graph: madeUpNetwork(sizes),
    latencyMs: dot(madeUpParts(sizes), scales) * (1 + noise * random.normal()),
  }))

/** The scales that fit samples best in relative squares, each of the seven groups held to the common ratio. */
function scalesOf(rows: readonly (readonly number[])[], measured: readonly number[], ridge: number): readonly number[] {
  const ratios = rows.map((row, i) => measured[i]! / sum(row.slice(0, 7))).sort((a, b) => a - b)
  const common = ratios[Math.floor(ratios.length / 2)]!
  const held = Array.from({ length: 7 }, (_, i) => rows[0]!.map((__, j) => (i === j ? 1 : 0)))
  return nonNegativeByTrial(
    [...rows, ...held],
    [...measured, ...held.map(() => common)],
    [...rows.map(() => 1), ...held.map(() => ridge)],
  )
}

/** Scales and left-out cases with the ridge that errs least on samples left out, every tenth together. */
function expectedOf(samples: readonly Sample[]) {
  const rows = SIZES.map(madeUpParts)
  const measured = samples.map(({ latencyMs }) => latencyMs)
  const tried = [0.001, 0.01, 0.1, 1].map((ridge) => {
    const cases = samples.map(({ name, latencyMs }, i) => {
      const kept = samples.flatMap((_, j) => (j % 10 === i % 10 ? [] : [j]))
      const scales = scalesOf(
        kept.map((j) => rows[j]!),
        kept.map((j) => measured[j]!),
        ridge,
      )
      return { name, measured: latencyMs, predicted: dot(rows[i]!, scales) }
    })
    return { cases, ridge, error: sum(cases.map((one) => Math.abs(one.predicted / one.measured - 1))) }
  })
  const best = tried.reduce((a, b) => (b.error < a.error ? b : a))
  return { scales: scalesOf(rows, measured, best.ridge), ...best }
}

const coefficientsOf = ({ tables }: Profile) =>
  Object.fromEntries(
    tables.map(({ kernel, models }) => [
      kernel,
      models.map(({ terms }) => terms.map(({ coefficient }) => coefficient)),
    ]),
  )

for (const [title, device, noise, ridge] of [
  ['a device with other proportions', [1.3, 0.8, 2, 1.1, 1.5, 0.9, 0.7, 0.5, 2], 0.002, 0.001],
  ['a device like the base, timed badly', [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 0, 0], 0.3, 1],
] as const) {
  test(`${title}: the scales that fit best, held together as left-out samples ask for`, (t) => {
    const samples = samplesOf(device, noise)
    const expected = expectedOf(samples)
    t.is(expected.ridge, ridge)
    const { profile, error } = calibrate(MADE_UP, samples, MINE)
    const { scales } = expected
    const launch = 2000 * scales[7]!
    const model = createCostModel(profile)
    for (const sizes of [{ size: 6, filters: 20, relus: 1, blocks: 2, pools: 2 }, ...SIZES]) {
      const { latencyMs } = model.price(madeUpNetwork(sizes))
      t.true(near(latencyMs, dot(madeUpParts(sizes), scales), 1e-5), `${latencyMs}`)
    }
    const found = coefficientsOf(profile)
    const own = (kernel: string, at = 0) => [found[kernel]![at]![0]!, found[kernel]![at]![1] ?? 0]
    for (const [[cost, start], group, cycles] of [
      [own('conv2d', 0), 0, 2],
      [own('conv2d', 1), 1, 2],
      [own('depthwiseConv2d'), 2, 5],
      [own('dense'), 3, 3],
      [own('relu'), 4, 4],
      [own('maxPool'), 5, 6],
      [own('globalAveragePool'), 5, 1],
      [own('add'), 6, 7],
    ] as const) {
      t.true(near(cost!, cycles * scales[group]!, 1e-4), `${group}: ${cost} for ${cycles * scales[group]!}`)
      t.true(near(start!, launch, 1e-3), `${group}: ${start} for ${launch}`)
    }
    t.true(near(profile.inferenceOverhead, 2000 * scales[8]!, 1e-3))
    for (const value of Object.values(found).flat(2)) t.is(value, Number(value.toPrecision(6)))
    t.deepEqual(
      profile.tables[0]!.models.map(({ when }) => when),
      [{ kernelArea: [1, 1] }, undefined],
    )
    const { cases } = expected
    const summary = summariseCases(withIntervals(cases))
    t.true(near(error.mape, summary.mape, 1e-3), `${error.mape} for ${summary.mape}`)
    t.deepEqual(
      [error.cases, error.within10, error.kendallTau, error.worst?.name, error.coverage90],
      [13, summary.within10, summary.kendallTau, summary.worst?.name, summary.coverage90],
    )
    const error90 = expectedError90(cases.map(({ measured, predicted }) => measured / predicted - 1))
    t.true(near(profile.systematicError90, Math.max(error90, 0.01), 1e-3))
  })
}

test('twice as long for everything: twice the coefficients, and an error of at least a hundredth', (t) => {
  const { profile, error } = calibrate(MADE_UP, samplesOf([2, 2, 2, 2, 2, 2, 2, 0, 0]), MINE)
  for (const { kernel, models } of profile.tables) {
    const { terms } = MADE_UP.tables.find((table) => table.kernel === kernel)!.models[0]!
    for (const model of models) t.true(near(model.terms[0]!.coefficient, 2 * terms[0]!.coefficient, 1e-5))
  }
  t.true(error.mape < 1e-5)
  t.is(profile.systematicError90, 0.01)
  // Times that have nothing to do with the networks: the profile says so, within what a profile may say.
  const senseless = samplesOf([1, 1, 1, 1, 1, 1, 1, 1, 1]).map((sample, i) => ({
    ...sample,
    latencyMs: 1000 ** (i % 3),
  }))
  t.is(calibrate(MADE_UP, senseless, MINE).profile.systematicError90, 10)
})

test('every part of a model is scaled, and measured rows by their window; a start is added once', (t) => {
  const rows = [
    [200, 200, 500, 500, 1, 1, 1, 1, 1, 1, 1000],
    [200, 200, 500, 500, 1, 3, 1, 1, 1, 1, 2000],
    [200, 200, 500, 500, 3, 1, 1, 1, 1, 1, 3000],
    [200, 200, 500, 500, 3, 3, 1, 1, 1, 1, 4000],
  ].flat()
  const larger: TableModel = { ...termOf('macs', 9), when: { kernelArea: [2, 9] } }
  const usual: TableModel = {
    ...termOf('macs', 2),
    when: { kernelArea: [1, 9], inChannels: [1, 64] },
    floor: [{ feature: 'one', coefficient: 3 }],
    compute: [{ feature: 'macs', coefficient: 1e-4 }],
    memory: [{ feature: 'inputs', coefficient: 1e-5 }],
  }
  const base: Profile = {
    ...MADE_UP,
    tables: MADE_UP.tables.map((table) =>
      table.kernel === 'conv2d' ? { kernel: 'conv2d', models: [usual, larger, termOf('macs', 2)], rows } : table,
    ),
  }
  const samples = samplesOf([1.3, 0.8, 2, 1.1, 1.5, 0.9, 0.7, 0.5, 2])
  const { profile } = calibrate(base, samples, MINE)
  const launch = profile.tables.find(({ kernel }) => kernel === 'relu')!.models[0]!.terms[1]!
  t.is(launch.feature, 'one')
  // The other parts are a few cycles, and the rows far away: all is nearly as on the made-up device itself.
  const { scales } = expectedOf(samples)
  t.true(near(launch.coefficient, 2000 * scales[7]!, 0.01))
  const { models, rows: scaled } = profile.tables.find(({ kernel }) => kernel === 'conv2d')!
  t.deepEqual(
    models.map(({ when }) => when),
    [
      { kernelArea: [1, 1], inChannels: [1, 64] },
      { kernelArea: [1, 1] },
      { kernelArea: [1, 9], inChannels: [1, 64] },
      { kernelArea: [2, 9] },
      undefined,
    ],
    'a model of larger windows alone says nothing of 1×1 ones',
  )
  const [pointwise, , other] = models
  for (const [model, scale] of [
    [pointwise!, pointwise!.terms[0]!.coefficient / 2],
    [other!, other!.terms[0]!.coefficient / 2],
  ] as const) {
    t.deepEqual(model.terms.slice(1), [launch])
    t.true(near(model.floor![0]!.coefficient, 3 * scale, 1e-5))
    t.true(near(model.compute![0]!.coefficient, 1e-4 * scale, 1e-5))
    t.true(near(model.memory![0]!.coefficient, 1e-5 * scale, 1e-5))
    t.deepEqual([model.floor!.length, model.compute![0]!.feature, model.memory![0]!.feature], [1, 'macs', 'inputs'])
  }
  const [a, b] = [pointwise!.terms[0]!.coefficient / 2, other!.terms[0]!.coefficient / 2]
  t.true(near(a, scales[0]!, 0.01) && near(b, scales[1]!, 0.01) && Math.abs(a - b) > 0.1, `${a}, ${b}`)
  const costs = [1000 * a, 2000 * b, 3000 * b, 4000 * b].map((value) => value + launch.coefficient)
  t.is(scaled!.length, rows.length)
  scaled!.forEach((value, i) => {
    if (i % 11 < 10) t.is(value, rows[i]!)
    else t.true(near(value, costs[Math.floor(i / 11)]!, 1e-5), `${i}: ${value}`)
  })
  t.is(models[0]!.provenance.source, 'made-up adapted to 13 networks timed on the device; made up')
  t.deepEqual(profile.notes, ['made-up adapted to 13 networks timed on the device. Memory is that of made-up.'])
  t.like(profile, { ...MINE, validation: [], operatingPoints: [], clockHz: 2e6, energy: base.energy })
})

test('a profile in microseconds, with as many models as a table may have', (t) => {
  const models = Array.from({ length: 5 }, (_, i) => termOf('macs', 1 + i))
  const base: Profile = {
    ...MADE_UP,
    latencyUnit: 'us',
    tables: MADE_UP.tables.map((table) => ({
      kernel: table.kernel,
      models:
        table.kernel === 'conv2d'
          ? models
          : table.models.map((model) => ({
              ...model,
              terms: model.terms.map(({ feature, coefficient }) => ({ feature, coefficient: coefficient / 2 })),
            })),
    })),
  }
  // A cycle of the made-up device is half a microsecond, so that all is as before.
  const samples = samplesOf([1, 1, 1, 1, 1, 1, 1, 0.5, 2])
  const [inCycles, profile] = [MADE_UP, base].map((one) => calibrate(one, samples, MINE).profile)
  t.true(near(profile!.inferenceOverhead, inCycles!.inferenceOverhead / 2, 1e-5), `${profile!.inferenceOverhead}`)
  t.true(near(profile!.inferenceOverhead, 2000, 0.2), `${profile!.inferenceOverhead}`)
  const [conv, , dense] = profile!.tables
  t.is(conv!.models.length, 8)
  t.deepEqual(
    conv!.models.map(({ when }) => when !== undefined),
    [true, true, true, true, true, false, false, false],
  )
  t.true(near(dense!.models[0]!.terms[1]!.coefficient, 500, 0.2))
})

test('rows are given up where convolutions are found to cost nothing', (t) => {
  const rows = [8, 8, 4, 4, 3, 3, 1, 1, 1, 1, 1000]
  const base: Profile = {
    ...MADE_UP,
    tables: MADE_UP.tables.map((table) => (table.kernel === 'conv2d' ? { ...table, rows } : table)),
  }
  for (const group of [0, 1]) {
    // The more of such kernels, the less it takes.
    const free = samplesOf([9, 9, 1, 1, 1, 1, 1, 0, 0].with(group, 1)).map((sample, i) => ({
      ...sample,
      latencyMs: sample.latencyMs + 4 * (300 - madeUpParts(SIZES[i]!)[group]!),
    }))
    t.deepEqual(
      [0, 1].filter((one) => expectedOf(free).scales[one] === 0),
      [group],
    )
    t.is(calibrate(base, free, MINE).profile.tables[0]!.rows, undefined)
  }
  t.not(calibrate(base, samplesOf([1, 1, 1, 1, 1, 1, 1, 0, 0]), MINE).profile.tables[0]!.rows, undefined)
})

test('power is the mean of energy ÷ latency of the samples that have an energy', (t) => {
  const samples = samplesOf([1, 1, 1, 1, 1, 1, 1, 0, 0])
  const some = samples.map((sample, i) =>
    i < 3 ? { ...sample, energyMj: [0.2, 0.3, 0.5][i]! * sample.latencyMs } : sample,
  )
  const { energy } = calibrate(MADE_UP, some, MINE).profile
  t.deepEqual(energy, {
    ...MADE_UP.energy,
    activePowerMw: 333.333,
    provenance: { kind: 'measured', source: 'mean of energy ÷ latency of 3 networks on the device' },
  })
})

test('the nearest profile is the one whose proportions are the device’s, however slow it is', (t) => {
  const times = (kernel: string, factor: number): Profile => ({
    ...MADE_UP,
    id: kernel,
    tables: MADE_UP.tables.map((table) =>
      table.kernel === kernel
        ? {
            ...table,
            models: table.models.map(({ terms }) => termOf(terms[0]!.feature, factor * terms[0]!.coefficient)),
          }
        : table,
    ),
  })
  // Within a group no scale can change proportions: the pools are far from what was timed.
  const profiles = [times('globalAveragePool', 4000), MADE_UP, times('maxPool', 400)]
  t.is(nearestProfile(profiles, samplesOf([3, 3, 3, 3, 3, 3, 3, 0, 0])).id, 'made-up')
})
