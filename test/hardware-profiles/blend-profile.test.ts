import test from 'ava'
import type { Sample } from '../../hardware-profiles/calibrate.ts'
import { blend } from '../../hardware-profiles/calibration/blend.ts'
import { designOf } from '../../hardware-profiles/calibration/design.ts'
import type { KnownDevice } from '../../hardware-profiles/calibration/known-devices.ts'
import { posteriorOf } from '../../hardware-profiles/calibration/posterior.ts'
import { priorOf } from '../../hardware-profiles/calibration/prior.ts'
import { expectedError90, withIntervals } from '../../hardware-profiles/cases/statistics.ts'
import { createCostModel, type Profile, parseProfile } from '../../hardware-profiles/index.ts'
import { randomStream } from '../../lib/random.ts'
import { MADE_UP, madeUpNetwork, madeUpParts, type Sizes, termOf } from './made-up.ts'

const MINE = { id: 'mine', title: 'my board' }
const random = randomStream(13, 'blend')
/** Six maps and five widths: few enough for one class of most kinds. */
const SIZES: readonly Sizes[] = [
  { size: 8, filters: 4, relus: 1, blocks: 2, pools: 1 },
  { size: 10, filters: 6, relus: 2, blocks: 1, pools: 2 },
  { size: 12, filters: 3, relus: 3, blocks: 3, pools: 0 },
  { size: 14, filters: 8, relus: 1, blocks: 2, pools: 1 },
  { size: 6, filters: 16, relus: 2, blocks: 4, pools: 3 },
  { size: 9, filters: 8, relus: 0, blocks: 3, pools: 1 },
]
const graphs = SIZES.map(madeUpNetwork)
const maps = SIZES.map(({ size, filters }) => size * size * filters)
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((value, i) => value * b[i]!))
const near = (found: number, expected: number, tolerance = 1e-5) => Math.abs(found / expected - 1) <= tolerance

/** A device that takes so many ns for a MAC and an element, and so many µs to start a kernel. */
const knownDevice = (id: string, nsPerMac: number, nsPerElement: number, startUs: number): KnownDevice => ({
  ...{ id, device: id, group: id, onceMs: 0.1 },
  kernelMs: ({ macs, inputs, outputs }) =>
    1e-6 * (nsPerMac * macs + nsPerElement * (inputs + outputs)) + 1e-3 * startUs,
})
const KNOWN = [knownDevice('a', 100, 500, 30), knownDevice('b', 900, 200, 400), knownDevice('c', 30, 30, 2)]
const faster: Profile = { ...MADE_UP, id: 'faster', clockHz: 5e6, inferenceOverhead: 200_000 }
const PROFILES = [MADE_UP, faster]

const samples: readonly Sample[] = SIZES.map((sizes, i) => ({
  name: `network ${i}`,
  graph: graphs[i]!,
  latencyMs: dot(madeUpParts(sizes), [3, 1, 0.5, 2, 0.7, 1, 2, 0.2, 5]) * (1 + 0.03 * random.normal()),
}))

/** Base with kinds that none of the networks has, one of them known badly. */
const base: Profile = {
  ...MADE_UP,
  tables: [
    ...MADE_UP.tables,
    {
      kernel: 'softmax',
      models: [{ ...termOf('outputs', 30), coverage: { outputs: [1, 9] } }],
      rows: [1, 1, 9, 9, 1, 1, 1, 1, 0, 1, 400],
    },
    {
      kernel: 'sigmoid',
      models: [{ ...termOf('outputs', 20), error90: 0.5, floor: [{ feature: 'one', coefficient: 7 }] }],
    },
  ],
}

/** What blending is made of: the posterior of the samples' design. */
function expectedOf(own: readonly Sample[], profiles = PROFILES, known = KNOWN) {
  const design = designOf(graphs, [])
  const latencies = own.map(({ latencyMs }) => latencyMs)
  const { coefficients, leftOut } = posteriorOf(priorOf(design, profiles, known), design.rows, latencies)
  const cases = leftOut.map(({ at, predicted }) => ({
    name: `network ${at}`,
    measured: latencies[at]!,
    predicted: Math.max(predicted, 0),
  }))
  return {
    latencies: design.rows.map((row) => dot(row, coefficients)),
    once: coefficients.at(-1)!,
    cases: withIntervals(cases),
    error90: expectedError90(cases.map(({ measured, predicted }) => measured / predicted - 1)),
  }
}

const expected = expectedOf(samples)
const { profile, leftOut } = blend(base, PROFILES, KNOWN, samples, MINE)
const modelsOf = (kernel: string, { tables }: Profile = profile) =>
  tables.find((table) => table.kernel === kernel)!.models

test('a blended profile prices networks with the coefficients that are most probable', (t) => {
  const model = createCostModel(profile)
  graphs.forEach((graph, i) => {
    const { latencyMs } = model.price(graph)
    t.true(near(latencyMs, expected.latencies[i]!), `${latencyMs} for ${expected.latencies[i]}`)
  })
  t.true(near(profile.inferenceOverhead, 2000 * expected.once))
  for (const { models } of profile.tables) {
    for (const { coefficient } of models.flatMap(({ terms }) => terms)) {
      t.true(coefficient > 0)
      t.is(coefficient, Number(coefficient.toPrecision(6)))
    }
  }
  t.deepEqual(parseProfile(JSON.parse(JSON.stringify(profile)), 'mine'), profile)
})

test('the same in microseconds', (t) => {
  const { profile: inUs } = blend({ ...base, latencyUnit: 'us' }, PROFILES, KNOWN, samples, MINE)
  const model = createCostModel(inUs)
  graphs.forEach((graph, i) => {
    t.true(near(model.price(graph).latencyMs, expected.latencies[i]!))
  })
  t.true(near(inUs.inferenceOverhead, 1000 * expected.once))
})

test('left-out predictions and their error are the posterior’s, and go into every model', (t) => {
  t.deepEqual(leftOut, expected.cases)
  t.true(expected.error90 > 0.01 && expected.error90 < 0.3, `${expected.error90}`)
  t.is(profile.systematicError90, expected.error90)
  for (const kernel of ['conv2d', 'dense', 'relu', 'add']) {
    const [first] = modelsOf(kernel)
    t.is(first!.error90, expected.error90)
    t.deepEqual(first!.provenance, {
      kind: 'measured',
      source: '2 profiles and 3 known devices blended to fit 6 networks timed on the device',
    })
  }
})

test('each class covers what its kernels are, and applies where they are', (t) => {
  const filters = SIZES.map((sizes) => sizes.filters)
  const [least, most] = [Math.min(...filters), Math.max(...filters)]
  t.deepEqual(modelsOf('dense')[0]!.coverage, { macs: [10 * least, 10 * most], outputs: [10, 10] })
  t.is(modelsOf('dense')[0]!.when, undefined)
  // The last network has no ReLU.
  const active = maps.slice(0, 5)
  t.deepEqual(modelsOf('relu')[0]!.coverage, { macs: [0, 0], outputs: [Math.min(...active), Math.max(...active)] })
  const products = SIZES.map((sizes, i) => maps[i]! * sizes.filters)
  const [pointwise, small, large, scaled, ...more] = modelsOf('conv2d')
  t.deepEqual(more, [])
  t.deepEqual(pointwise!.when, { kernelArea: [1, 1] })
  t.deepEqual(pointwise!.coverage, {
    macs: [Math.min(...products), Math.max(...products)],
    outputs: [Math.min(...maps), Math.max(...maps)],
  })
  // Six sizes of 3×1 convolutions are two classes of three, which meet in the middle.
  const sorted = maps.toSorted((a, b) => a - b)
  const middle = (9 * (sorted[2]! + sorted[3]!)) / 2
  t.deepEqual(small!.when, { kernelArea: [2, 1e15], macs: [0, middle] })
  t.deepEqual(large!.when, { kernelArea: [2, 1e15], macs: [middle, 1e15] })
  t.deepEqual(small!.coverage, { macs: [9 * sorted[0]!, 9 * sorted[2]!], outputs: [sorted[0]!, sorted[2]!] })
  t.deepEqual(large!.coverage, { macs: [9 * sorted[3]!, 9 * sorted[5]!], outputs: [sorted[3]!, sorted[5]!] })
  t.is(scaled!.when, undefined)
})

test('what no network had is as on the base, scaled by the median network, and known badly', (t) => {
  // The base takes 2.5 ms an inference; of six ratios the fourth.
  const ratios = samples.map(({ latencyMs }, i) => latencyMs / (2.5 + sum(madeUpParts(SIZES[i]!).slice(0, 7))))
  const ratio = ratios.toSorted((a, b) => a - b)[3]!
  for (const [kernel, at, cycles] of [
    ['softmax', 0, 30],
    ['sigmoid', 0, 20],
    ['conv2d', 3, 2],
    ['dense', 1, 3],
  ] as const) {
    const { terms, coverage, provenance } = modelsOf(kernel)[at]!
    t.is(terms.length, 1)
    t.true(near(terms[0]!.coefficient, cycles * ratio), kernel)
    t.deepEqual(coverage, {})
    t.deepEqual(provenance, {
      kind: 'derived',
      source:
        '2 profiles and 3 known devices blended to fit 6 networks timed on the device; none was like this: scaled from made-up. made up',
    })
  }
  t.true(near(modelsOf('sigmoid')[0]!.floor![0]!.coefficient, 7 * ratio))
  t.deepEqual(
    ['softmax', 'sigmoid'].map((kernel) => modelsOf(kernel)[0]!.error90),
    [0.3, 0.5],
  )
  for (const table of profile.tables) t.false('rows' in table, table.kernel)
})

test('the rest is the base’s: memory, and energy where none was measured', (t) => {
  t.like(profile, {
    ...MINE,
    core: 'your device (what was not timed is as on a made-up core)',
    clockHz: 2e6,
    memory: base.memory,
    energy: base.energy,
    operatingPoints: [],
    validation: [],
    notes: ['2 profiles and 3 known devices blended to fit 6 networks timed on the device. Memory is that of made-up.'],
  })
  const measured = samples.map((sample, i) => (i < 2 ? { ...sample, energyMj: (0.1 + i) * sample.latencyMs } : sample))
  t.is(blend(base, PROFILES, KNOWN, measured, MINE).profile.energy.activePowerMw, 600)
})

test('a table keeps to eight models: those of what was timed come first', (t) => {
  const models = Array.from({ length: 8 }, (_, i) => termOf('macs', 1 + i))
  const many: Profile = {
    ...base,
    tables: base.tables.map((table) => (table.kernel === 'conv2d' ? { kernel: 'conv2d', models } : table)),
  }
  const found = modelsOf('conv2d', blend(many, PROFILES, KNOWN, samples, MINE).profile)
  t.deepEqual(
    found.map(({ provenance }) => provenance.kind),
    ['measured', 'measured', 'measured', 'derived', 'derived', 'derived', 'derived', 'derived'],
  )
  t.true(near(found[7]!.terms[0]!.coefficient / found[3]!.terms[0]!.coefficient, 5))
})

test('an error is said to be a hundredth at least, and ten at most', (t) => {
  const exact = createCostModel(MADE_UP)
  const alike = samples.map((sample) => ({ ...sample, latencyMs: exact.price(sample.graph).latencyMs }))
  t.true(expectedOf(alike, [MADE_UP], []).error90 < 0.01)
  t.is(blend(base, [MADE_UP], [], alike, MINE).profile.systematicError90, 0.01)
  const senseless = samples.map((sample, i) => ({ ...sample, latencyMs: 10 ** (4 * (i % 2)) }))
  t.true(expectedOf(senseless).error90 > 10)
  const found = blend(base, PROFILES, KNOWN, senseless, MINE)
  t.is(found.profile.systematicError90, 10)
  t.is(modelsOf('dense', found.profile)[1]!.error90, 10)
  t.true(found.leftOut.every(({ predicted }) => predicted >= 0))
})

test('what the base streams is no part of what is fitted', (t) => {
  const streaming: Profile = {
    ...base,
    weightStream: { cacheBytes: 0, usPerByte: 10, provenance: base.energy.provenance },
  }
  const { price } = createCostModel(streaming)
  const plain = createCostModel(base)
  const streamedMs = graphs.map((graph) => price(graph).latencyMs - plain.price(graph).latencyMs)
  t.true(streamedMs.every((ms) => ms > 1))
  const slower = samples.map((sample, i) => ({ ...sample, latencyMs: sample.latencyMs + streamedMs[i]! }))
  const found = blend(streaming, PROFILES, KNOWN, slower, MINE)
  const model = createCostModel(found.profile)
  graphs.forEach((graph, i) => {
    t.true(near(model.price(graph).latencyMs, expected.latencies[i]! + streamedMs[i]!))
    t.true(near(found.leftOut[i]!.measured, samples[i]!.latencyMs))
  })
})
