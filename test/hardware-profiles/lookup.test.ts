import test from 'ava'
import {
  CompiledTable,
  createCostModel,
  loadProfile,
  type ProfileTable,
  parseProfile,
} from '../../hardware-profiles/index.ts'
import { factsOfRow } from '../../hardware-profiles/table.ts'
import { GraphBuilder } from '../../network/build.ts'
import { convBlock, plainNetwork } from './networks.ts'

const provenance = { kind: 'measured', source: 'made up for this test' } as const

/** Cost 2 a MAC for 1×1 windows (rows say so, one of them 10 % more), 3 a MAC for other windows. */
const table: ProfileTable = {
  kernel: 'conv2d',
  models: [
    {
      when: { kernelArea: [1, 1] },
      terms: [{ feature: 'macs', coefficient: 2 }],
      coverage: { inChannels: [8, 64], outChannels: [8, 64] },
      error90: 0.05,
      provenance,
    },
    {
      when: { kernelArea: [2, 30] },
      terms: [{ feature: 'macs', coefficient: 3 }],
      coverage: {},
      error90: 0.2,
      provenance,
    },
  ],
  rows: [4, 4, 16, 16, 1, 1, 1, 1, 1, 1, 2 * 4096 * 1.1],
}
const conv = (inChannels: number, outChannels: number, kernel = 1, size = 4) =>
  factsOfRow('conv2d', [size, size, inChannels, outChannels, kernel, kernel, 1, 1, 1, 1])

test('a measured kernel is exact', (t) => {
  const answer = new CompiledTable(table).lookup(conv(16, 16))!
  t.is(answer.basis, 'exact')
  t.is(answer.cost, 2 * 4096 * 1.1)
  t.true(answer.error90 < 0.05)
})

test('inside the coverage the model is corrected by its neighbours', (t) => {
  const lookup = new CompiledTable(table)
  const near = lookup.lookup(conv(16, 17))!
  t.is(near.basis, 'interpolated')
  const ratio = near.cost / (2 * 16 * 16 * 17)
  t.true(ratio > 1.02 && ratio < 1.1)
  const far = lookup.lookup(conv(64, 64))!
  t.is(far.basis, 'interpolated')
  t.is(Math.round(far.cost), 2 * 16 * 64 * 64)
})

test('outside the coverage the error grows with the distance', (t) => {
  const lookup = new CompiledTable(table)
  const answer = lookup.lookup(conv(128, 64))!
  const further = lookup.lookup(conv(512, 64))!
  t.is(answer.basis, 'extrapolated')
  t.true(0.05 < answer.error90 && answer.error90 < further.error90)
})

test('the first model that applies prices the kernel; without one it is not supported', (t) => {
  const lookup = new CompiledTable(table)
  const square = lookup.lookup(conv(8, 8, 3))!
  t.is(square.cost, 3 * 16 * 8 * 8 * 9)
  t.is(square.basis, 'extrapolated')
  t.is(lookup.lookup(conv(8, 8, 7)), undefined)
})

test('a floor hides work that is shorter, and tells the utilisation', (t) => {
  const gpu = new CompiledTable({
    kernel: 'conv2d',
    models: [
      {
        terms: [],
        floor: [{ feature: 'one', coefficient: 100 }],
        compute: [{ feature: 'macs', coefficient: 1 }],
        memory: [{ feature: 'outputs', coefficient: 1 }],
        coverage: {},
        error90: 0,
        provenance,
      },
    ],
  })
  const small = gpu.lookup(conv(1, 2, 1, 5))!
  t.is(small.cost, 100)
  t.is(small.utilisation, 0.5)
  const large = gpu.lookup(conv(8, 8, 1, 5))!
  t.is(large.cost, 1600)
  t.is(large.utilisation, 1)
})

test('fallbacks and kernels without a table show in the costs', (t) => {
  const efr32 = loadProfile('efr32xg24-mvp')
  const b = new GraphBuilder()
  const graph = b.build(convBlock(b, b.input([8, 8, 4]), 8, 3, 1, 'hardSwish'))
  const costs = createCostModel(efr32).price(graph, { layers: true })
  t.true(costs.basis.fallback > 0)
  t.is(costs.layers.find(({ kind }) => kind === 'hardSwish')?.basis, 'fallback')
  const without = parseProfile(
    { ...efr32, tables: efr32.tables.filter(({ kernel }) => kernel !== 'hardSwish') },
    'test',
  )
  t.deepEqual(createCostModel(without).price(graph).unsupported, ['hardSwish'])
})

test('a profile prices its own measured kernel exactly, whatever was asked before', (t) => {
  const profile = loadProfile('stm32f446-tflm-cmsisnn')
  const rows = profile.tables.find(({ kernel }) => kernel === 'conv2d')!.rows!
  const [height, width, inChannels, filters, kh, kw, sh, sw, , , cycles] = rows.slice(0, 11) as number[]
  const b = new GraphBuilder()
  const x = b.input([height!, width!, inChannels!])
  const graph = b.build(
    b.activation(b.conv2d(x, filters!, { kernel: [kh!, kw!], stride: [sh!, sw!], bias: true }), 'relu'),
  )
  const model = createCostModel(profile)
  for (let i = 0; i < 20; i++) model.price(plainNetwork(4 + i, 16))
  const { latencyMs, basis } = model.price(graph)
  t.is(basis.exact, 1)
  t.true(Math.abs(latencyMs - ((cycles! + profile.inferenceOverhead) * 1000) / profile.clockHz) < 1e-9)
})

test('windows with gaps and split channels are never exact, and less certain', (t) => {
  const model = createCostModel(loadProfile('stm32l552-tflm-cmsisnn'))
  const price = (unusual: { dilation?: [number, number]; groups?: number }) => {
    const b = new GraphBuilder()
    const window = { kernel: [3, 3], stride: [1, 1], padding: 'same', bias: true } as const
    const node = b.node({ kind: 'conv2d', filters: 32, ...window, ...unusual }, b.input([16, 16, 32]))
    return model.price(b.build(node), { layers: true })
  }
  const relativeError = ({ latencyMs, latencyHighMs }: { latencyMs: number; latencyHighMs: number }) =>
    latencyHighMs / latencyMs - 1
  const usual = price({})
  const dilated = price({ dilation: [2, 2] })
  const grouped = price({ groups: 4 })
  const gaps = dilated.latencyMs / usual.latencyMs - 1
  t.true(gaps > 0 && gaps < 0.01, 'gaps only move more positions of the window onto the padding')
  t.true(grouped.latencyMs < usual.latencyMs)
  for (const costs of [dilated, grouped]) {
    t.is(costs.layers[0]!.basis, 'extrapolated')
    t.true(relativeError(costs) > relativeError(usual) + 0.1)
  }
  t.not(usual.layers[0]!.basis, 'extrapolated')
})
