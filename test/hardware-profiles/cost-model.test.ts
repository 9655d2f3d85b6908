import test from 'ava'
import { createCostModel, type Profile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { MADE_UP, madeUpNetwork, madeUpParts, termOf } from './made-up.ts'

const SIZES = { size: 6, filters: 4, relus: 2, blocks: 1, pools: 1 }
const graph = madeUpNetwork(SIZES)
const MAP = 6 * 6 * 4
/** Cycles of its kernels, in their order. */
const CYCLES = [
  ['conv2d', 2 * 9 * MAP],
  ['relu', 4 * MAP],
  ['relu', 4 * MAP],
  ['depthwiseConv2d', 5 * 9 * MAP],
  ['conv2d', 2 * 4 * MAP],
  ['add', 7 * MAP],
  ['maxPool', 6 * MAP],
  ['globalAveragePool', MAP],
  ['dense', 3 * 40],
] as const
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const KERNELS_MS = sum(madeUpParts(SIZES).slice(0, 7))
const near = (found: number, expected: number) => Math.abs(found - expected) <= 1e-9 * Math.abs(expected)
const { provenance } = MADE_UP.energy
type Table = Profile['tables'][number]
const mapped = (change: (table: Table) => Table): Profile => ({ ...MADE_UP, tables: MADE_UP.tables.map(change) })
const withModels = (change: (model: Table['models'][number], kernel: string) => Table['models'][number]): Profile =>
  mapped(({ kernel, models }) => ({ kernel, models: models.map((model) => change(model, kernel)) }))

test('a network costs the sum of its kernels and what an inference costs once', (t) => {
  const model = createCostModel(MADE_UP)
  const costs = model.price(graph, { layers: true })
  t.true(near(costs.latencyMs, KERNELS_MS + 2.5))
  t.true(near(costs.energyMj, 0.05 * (KERNELS_MS + 2.5) + 0.5))
  t.is(costs.macs, (9 + 9 + 4) * MAP + 40)
  t.deepEqual(costs.unsupported, [])
  t.deepEqual(
    costs.layers.map(({ kind, basis }) => [kind, basis]),
    CYCLES.map(([kind]) => [kind, 'extrapolated']),
  )
  costs.layers.forEach(({ latencyMs, energyMj }, i) => {
    t.true(near(latencyMs, CYCLES[i]![1] / 2000), `${i}: ${latencyMs}`)
    t.true(near(energyMj, (0.05 * CYCLES[i]![1]) / 2000))
  })
  t.deepEqual(
    costs.layers.map(({ macs }) => macs),
    [9 * MAP, 0, 0, 9 * MAP, 4 * MAP, 0, 0, 0, 40],
  )
  t.deepEqual(model.price(graph).layers, [])
  t.deepEqual(model.price(graph, { layers: false }).layers, [])
  t.deepEqual(model.onceCosts(graph), [{ id: 'inference', latencyMs: 2.5, energyMj: 0.625 }])
  t.true(near(createCostModel({ ...MADE_UP, latencyUnit: 'us' }).price(graph).latencyMs, 2 * costs.latencyMs))
  const schedule = model.schedule(graph)
  const stored = { weightElements: 1, biasElements: 1, channels: 1, kernels: 9 }
  t.is(model.priceSchedule(schedule, stored).latencyMs, costs.latencyMs)
  t.is(model.priceSchedule(schedule, stored, { layers: true }).layers.length, 9)
})

test('the interval adds independent errors in squares, shared ones as they are, and the systematic one', (t) => {
  const { latencyMs, latencyLowMs, latencyHighMs } = createCostModel(MADE_UP).price(graph)
  const half = Math.hypot(0.1 * KERNELS_MS, 0.05 * latencyMs)
  t.true(near(latencyHighMs, latencyMs + half))
  t.true(near(latencyLowMs, latencyMs - half))
  const covered = withModels((model, kernel) =>
    kernel === 'relu' ? model : { ...model, error90: 0.2, coverage: { one: [1, 1] } },
  )
  const found = createCostModel(covered).price(graph)
  const errors = CYCLES.flatMap(([kind, cycles]) => (kind === 'relu' ? [] : [(0.2 * cycles) / 2000]))
  t.true(near(found.latencyHighMs, latencyMs + Math.hypot(...errors, (0.1 * 8 * MAP) / 2000, 0.05 * latencyMs)))
  const doubtful = createCostModel({ ...MADE_UP, systematicError90: 3 }).price(graph)
  t.is(doubtful.latencyLowMs, 0)
  t.true(near(doubtful.latencyHighMs, latencyMs + Math.hypot(0.1 * KERNELS_MS, 3 * latencyMs)))
})

test('shares of the latency by how it was found', (t) => {
  const row = [1, 1, 4, 10, 1, 1, 1, 1, 0, 1, 400]
  const profile = mapped((table) => {
    const { kernel, models } = table
    if (kernel === 'dense') return { kernel, models, rows: row }
    if (kernel === 'conv2d') return { kernel, models: [{ ...models[0]!, coverage: { macs: [1, 1e6] } }] }
    return kernel === 'relu' ? { kernel, models: [{ ...models[0]!, fallback: true }] } : table
  })
  const { basis, layers } = createCostModel(profile).price(graph, { layers: true })
  // The dense layer was measured: 400 cycles, not 120.
  const all = 2000 * KERNELS_MS - 120 + 400
  t.true(near(basis.exact, 400 / all))
  t.true(near(basis.interpolated, (26 * MAP) / all))
  t.true(near(basis.fallback, (8 * MAP) / all))
  t.true(near(basis.extrapolated, (59 * MAP) / all))
  t.deepEqual(
    layers.map((layer) => layer.basis),
    [
      ...(['interpolated', 'fallback', 'fallback', 'extrapolated', 'interpolated'] as const),
      ...(['extrapolated', 'extrapolated', 'extrapolated', 'exact'] as const),
    ],
  )
  const b = new GraphBuilder()
  const nothing = createCostModel(MADE_UP).price(b.build(b.input([4])))
  t.deepEqual(nothing.basis, { exact: 0, interpolated: 0, extrapolated: 0, fallback: 0 })
  t.deepEqual([nothing.latencyMs, nothing.macs], [2.5, 0])
})

test('kinds without a table are named once, and cost nothing', (t) => {
  const profile = { ...MADE_UP, tables: MADE_UP.tables.filter(({ kernel }) => kernel !== 'relu' && kernel !== 'add') }
  const { unsupported, latencyMs, energyMj, layers, basis } = createCostModel(profile).price(graph, { layers: true })
  t.deepEqual(unsupported, ['relu', 'add'])
  t.true(near(latencyMs, KERNELS_MS + 2.5 - (15 * MAP) / 2000))
  t.true(near(energyMj, 0.05 * latencyMs + 0.5))
  const { id, ...relu } = layers[1]!
  t.truthy(id)
  t.deepEqual(relu, { kind: 'relu', latencyMs: 0, energyMj: 0, basis: 'unsupported', macs: 0 })
  t.true(near(basis.extrapolated, 1))
})

test('power by kernel: its own, or by how much of its time works', (t) => {
  const own = withModels((model, kernel) => (kernel === 'dense' ? { ...model, powerMw: 500 } : model))
  const before = createCostModel(MADE_UP).price(graph).energyMj
  t.true(near(createCostModel(own).price(graph).energyMj, before + (0.45 * 120) / 2000))
  // 1×1 and 3×1 convolutions start for 1000 cycles and then compute: idle power and 48 mW times that share.
  const starting = mapped((table) =>
    table.kernel === 'conv2d'
      ? { kernel: 'conv2d', models: [{ ...termOf('one', 1000), compute: [{ feature: 'macs', coefficient: 2 }] }] }
      : table,
  )
  const energyOf = (utilisation: boolean | undefined) =>
    createCostModel({
      ...starting,
      energy: { ...MADE_UP.energy, ...(utilisation === undefined ? {} : { utilisation }) },
    }).price(graph).energyMj
  const started = before + (0.05 * 2 * 1000) / 2000
  t.true(near(energyOf(undefined), started))
  t.true(near(energyOf(false), started))
  t.true(near(energyOf(true), started - (0.048 * 2 * 1000) / 2000))
})

test('streamed weights are waited for at active power, with an error that is shared', (t) => {
  const { weightBytes, biasBytes } = MADE_UP.memory
  const bytes = (9 * 4 + 9 * 4 + 16 + 40) * weightBytes + 10 * biasBytes
  const weightStream = { cacheBytes: 100, usPerByte: 50, error90: 0.4, provenance }
  const model = createCostModel({ ...MADE_UP, weightStream })
  const streamMs = 0.05 * (bytes - 100)
  const { latencyMs, latencyHighMs, energyMj, basis } = model.price(graph)
  t.true(near(latencyMs, KERNELS_MS + 2.5 + streamMs), `${latencyMs}`)
  t.true(near(energyMj, 0.05 * latencyMs + 0.5))
  t.true(near(latencyHighMs, latencyMs + Math.hypot(0.1 * KERNELS_MS + 0.4 * streamMs, 0.05 * latencyMs)))
  t.true(near(basis.extrapolated, 1))
  const [inference, stream, ...more] = model.onceCosts(graph)
  t.deepEqual([inference!.id, stream!.id, more], ['inference', 'weight-stream', []])
  t.true(near(stream!.latencyMs, streamMs) && near(stream!.energyMj, 0.05 * streamMs))
  const known = createCostModel({ ...MADE_UP, weightStream: { cacheBytes: 100, usPerByte: 50, provenance } })
  t.true(near(known.price(graph).latencyHighMs, latencyMs + Math.hypot(0.1 * KERNELS_MS, 0.05 * latencyMs)))
  const free = { ...MADE_UP, inferenceOverhead: 0, energy: { ...MADE_UP.energy, wakeUpEnergyMj: 0 } }
  t.deepEqual(createCostModel(free).onceCosts(graph), [])
})
