import test from 'ava'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import type { LayerSuite, NetworkSuite, OperatorSuite } from '../../hardware-profiles/cases/cases.ts'
import { compareSuite, foldProfile, validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { createCostModel, type Profile } from '../../hardware-profiles/index.ts'
import { MADE_UP, termOf } from './made-up.ts'

const shared = { name: 'suite', method: 'made up', source: 'test', leftOut: true } as const
const near = (found: number, expected: number) => Math.abs(found - expected) <= 1e-9 * Math.abs(expected)
const withTable = (profile: Profile, table: Profile['tables'][number]): Profile => ({
  ...profile,
  tables: profile.tables.map((one) => (one.kernel === table.kernel ? table : one)),
})

/** Dense layers 640-128×4-8-128×4-640: 264,192 MACs, and ReLUs of 8 · 128 + 8 elements. */
const NETWORK = 'mlperfTiny ad'
const MACS = 264_192
const ACTIVE = 1032
const LATENCY_MS = (3 * MACS + 4 * ACTIVE + 5000) / 2000

const networkSuite = (
  quantity: NetworkSuite['quantity'],
  measured: readonly number[],
  more: Partial<NetworkSuite> = {},
): NetworkSuite => ({
  ...{ ...shared, kind: 'networks', quantity, folds: [] },
  cases: measured.map((value) => [NETWORK, value, -1]),
  ...more,
})

/** Rows of fold 0 take three cycles a MAC and those of fold 1 two; what is fitted without a fold knows the other alone. */
const rowOf = (filters: number, cyclesPerMac: number) => [
  ...[8, 8, 4, filters, 3, 3, 1, 1, 1, 1],
  cyclesPerMac * 64 * 36 * filters,
]
const measuredConv = (error90: number): Profile =>
  withTable(MADE_UP, {
    kernel: 'conv2d',
    models: [{ ...termOf('macs', 2.5), error90 }],
    rows: [rowOf(4, 3), rowOf(6, 2), rowOf(8, 3), rowOf(12, 2), rowOf(16, 2)].flat(),
  })
const operators: OperatorSuite = {
  ...{ ...shared, kind: 'operators', kernel: 'conv2d' },
  folds: [{ coefficients: [2] }, { coefficients: [3] }],
  rowFolds: [0, 1, 0, 1, 1],
}

test('each measured row is priced by the fold that left it out, without its own rows', (t) => {
  const found = compareSuite(measuredConv(0.4), operators)
  t.deepEqual(
    found.map(({ name }) => name),
    [4, 8, 6, 12, 16].map((filters) => `conv2d 8×8×4×${filters}×3×3`),
  )
  const macs = [4, 8, 6, 12, 16].map((filters) => 64 * 36 * filters)
  for (const [i, { measured, predicted, covered }] of found.entries()) {
    const [own, other] = i < 2 ? [3, 2] : [2, 3]
    t.is(measured, own * macs[i]!)
    t.true(near(predicted, other * macs[i]!), `${i}: ${predicted}`)
    // One cycle off: half of two, a third of three.
    t.is(covered, i >= 2)
  }
  t.deepEqual(
    compareSuite(measuredConv(0.51), operators).map(({ covered }) => covered),
    [true, true, true, true, true],
  )
  t.deepEqual(
    compareSuite(measuredConv(0.32), operators).map(({ covered }) => covered),
    [false, false, false, false, false],
  )
})

test('the rows that are kept correct the model as they would without the others', (t) => {
  const rows = [
    [8, 4, 4, 4, 3, 3, 1, 1, 1, 1, 18_432],
    [4, 8, 4, 4, 3, 3, 1, 1, 1, 1, 73_728],
  ].flat()
  const profile = withTable(MADE_UP, { kernel: 'conv2d', models: [termOf('macs', 2.5)], rows })
  // 32 pixels of 36 · 4 MACs, 9216 or 27,648 cycles by the folds. The other row lies in the same place and weighs as much as
  // the model does: the geometric mean of the two.
  const folds = [{ coefficients: [2] }, { coefficients: [6] }]
  const found = compareSuite(profile, { ...operators, folds, rowFolds: [0, 1] })
  t.true(near(found[0]!.predicted, Math.sqrt(9216 * 73_728)), `${found[0]!.predicted}`)
  t.true(near(found[1]!.predicted, Math.sqrt(27_648 * 18_432)), `${found[1]!.predicted}`)
})

test('rows that no model prices are no cases, nor are those of a table that is not there', (t) => {
  const narrow = withTable(MADE_UP, {
    kernel: 'conv2d',
    models: [{ ...termOf('macs', 2.5), when: { outChannels: [5, 8] } }],
    rows: [rowOf(4, 3), rowOf(6, 2), rowOf(8, 3)].flat(),
  })
  t.deepEqual(
    compareSuite(narrow, { ...operators, rowFolds: [0, 0, 1] }).map(({ name }) => name),
    ['conv2d 8×8×4×6×3×3', 'conv2d 8×8×4×8×3×3'],
  )
  t.deepEqual(compareSuite(MADE_UP, { ...operators, kernel: 'softmax' }), [])
})

test('the latency of a network and its interval, on another board by its clock', (t) => {
  // Kernels beyond what was measured share an error of a tenth; a twentieth of everything is on top, in squares.
  const half = Math.hypot(0.1 * (LATENCY_MS - 2.5), 0.05 * LATENCY_MS)
  const measured = [-1.01, -0.99, 0.99, 1.01].map((share) => LATENCY_MS + share * half)
  for (const [clockHz, scale] of [
    [undefined, 1],
    [8e6, 0.25],
  ] as const) {
    const suite = networkSuite(
      'latency',
      measured.map((value) => value * scale),
      clockHz === undefined ? {} : { clockHz },
    )
    const found = compareSuite(MADE_UP, suite)
    for (const one of found) t.true(near(one.predicted, LATENCY_MS * scale), `${one.predicted}`)
    t.deepEqual(
      found.map(({ name, covered }) => [name, covered]),
      [false, true, true, false].map((covered) => [NETWORK, covered]),
    )
    t.deepEqual(
      found.map((one) => one.measured),
      suite.cases.map(([, value]) => value),
    )
  }
})

test('a fold replaces what it was fitted for, and each case has its own', (t) => {
  const folds = [
    { coefficients: [2, 5, 6, 8, 6, 1, 7], inferenceOverhead: 1000, activePowerMw: 100 },
    { coefficients: [2, 5, 1, 4, 6, 1, 7], powersMw: { dense: 20, conv2d: 9 } },
  ]
  const suite = networkSuite('latency', [], { folds, cases: [0, 1, -1, 0].map((fold) => [NETWORK, 1, fold]) })
  const dense = (cycles: number, relu: number, once: number) => (cycles * MACS + relu * ACTIVE + once) / 2000
  const latencies = [dense(6, 8, 1000), dense(1, 4, 5000), LATENCY_MS, dense(6, 8, 1000)]
  compareSuite(MADE_UP, suite).forEach(({ predicted }, i) => {
    t.true(near(predicted, latencies[i]!), `${i}: ${predicted}`)
  })
  // 0.5 mJ to wake up; with a power of their own the dense layers take 20 mW in place of 50.
  const energies = [
    0.5 + 0.1 * latencies[0]!,
    0.5 + 0.05 * latencies[1]! - (0.03 * MACS) / 2000,
    0.5 + 0.05 * LATENCY_MS,
    0.5 + 0.1 * latencies[0]!,
  ]
  const found = compareSuite(MADE_UP, { ...suite, quantity: 'energy' })
  found.forEach((one, i) => {
    t.true(near(one.predicted, energies[i]!), `${i}: ${one.predicted} for ${energies[i]}`)
    t.false('covered' in one)
  })
})

test('the profile of a fold', (t) => {
  t.is(foldProfile(MADE_UP, undefined), MADE_UP)
  const coefficients = [2, 5, 3, 4, 6, 1, 7]
  const plain = foldProfile(MADE_UP, { coefficients })
  t.deepEqual(plain, MADE_UP)
  t.false('weightStream' in plain)
  const { provenance } = MADE_UP.energy
  const streaming: Profile = { ...MADE_UP, weightStream: { cacheBytes: 1000, usPerByte: 0.5, provenance } }
  t.deepEqual(foldProfile(streaming, { coefficients }), streaming)
  t.deepEqual(foldProfile(streaming, { coefficients, streamUsPerByte: 0.25 }).weightStream, {
    ...{ cacheBytes: 1000, usPerByte: 0.25 },
    provenance,
  })
  t.deepEqual(
    foldProfile(MADE_UP, { coefficients, powersMw: { dense: 20 } }).tables.map(({ models }) => models[0]!.powerMw),
    [undefined, undefined, 20, undefined, undefined, undefined, undefined],
  )
  t.is(foldProfile(MADE_UP, { coefficients, inferenceOverhead: 0 }).inferenceOverhead, 0)
  t.throws(() => foldProfile(MADE_UP, { coefficients: [1] }), {
    message: /a fold has 1 coefficients; its tables need 7/,
  })
})

test('memory is the cost model’s, flash without the runtime where that is what was measured', (t) => {
  const { memory } = MADE_UP
  const flash = { runtimeBytes: 3000, constantBytes: 70, perKernelBytes: 0, perChannelBytes: 0 }
  const profile: Profile = { ...MADE_UP, memory: { ...memory, weightBytes: 1, biasBytes: 4, flash } }
  // Biases of 8 · 128 + 8 + 640 results.
  const bytes = MACS + 4 * 1672 + 70
  const predicted = (suite: NetworkSuite) => compareSuite(profile, suite)[0]!.predicted
  t.is(predicted(networkSuite('flash', [1])), bytes + 3000)
  t.is(predicted(networkSuite('flash', [1], { withoutRuntime: false })), bytes + 3000)
  t.is(predicted(networkSuite('flash', [1], { withoutRuntime: true })), bytes)
  const { peakRamBytes } = createCostModel(profile).price(caseNetwork(NETWORK))
  t.true(peakRamBytes > 640 + 128)
  t.deepEqual(compareSuite(profile, networkSuite('peakRam', [5])), [
    { name: NETWORK, measured: 5, predicted: peakRamBytes },
  ])
})

test('what is known of a case’s weights changes its price', (t) => {
  // Usual weights of a dense layer hold 5.9 bits; these hold half as many. All widths are multiples of 8.
  const coded = withTable(MADE_UP, { kernel: 'dense', models: [termOf('codedWeights', 3)] })
  const bits = { [NETWORK]: new Array<number>(10).fill(2.95) }
  const [usual, known] = [{}, { weightBits: bits }].map(
    (more) => compareSuite(coded, networkSuite('latency', [1], more))[0]!.predicted,
  )
  t.true(near(usual!, LATENCY_MS), `${usual}`)
  t.true(near(known!, LATENCY_MS - (1.5 * MACS) / 2000), `${known}`)
})

test('reports say what was compared, how, and how far off it is', (t) => {
  const layers: LayerSuite = {
    ...{ ...shared, kind: 'layers', name: 'layers', leftOut: false, folds: [{ coefficients: [2, 5, 3, 4, 6, 1, 7] }] },
    // 10 MACs from 1 channel: 30 cycles, and 5000 for the inference, are 2.515 ms.
    cases: [
      {
        name: 'one',
        measured: 2.515 / 1.2,
        fold: 0,
        kernels: [{ kind: 'dense', row: [1, 1, 1, 10, 1, 1, 1, 1, 0, 1] }],
      },
    ],
  }
  const found = validateProfile(measuredConv(0.4), {
    ...{ format: 'frugal-cases/1', profile: 'made-up' },
    suites: [operators, networkSuite('latency', [LATENCY_MS, LATENCY_MS / 1.1]), networkSuite('energy', [1]), layers],
  })
  t.deepEqual(
    found.map(({ name, quantity, method, source, leftOut, cases }) => [name, quantity, method, source, leftOut, cases]),
    [
      ['suite', 'operatorLatency', 'made up', 'test', true, 5],
      ['suite', 'latency', 'made up', 'test', true, 2],
      ['suite', 'energy', 'made up', 'test', true, 1],
      ['layers', 'latency', 'made up', 'test', false, 1],
    ],
  )
  // Two of three cycles, and three of two: errors of a third twice, and of a half three times.
  t.deepEqual(
    found.map(({ mape }) => mape),
    [Number(((2 / 3 + 3 / 2) / 5).toPrecision(5)), 0.05, Number((0.5 + 0.05 * LATENCY_MS - 1).toPrecision(5)), 0.2],
  )
  t.deepEqual(
    found.map(({ coverage90 }) => coverage90),
    [0.6, 1, undefined, 0],
  )
  t.deepEqual(validateProfile(MADE_UP), [], 'nobody measured it')
})
