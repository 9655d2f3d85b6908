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

test('the base is spent in any case, beside the floor or the work, whichever is longer', (t) => {
  const model: ProfileTable['models'][number] = {
    terms: [{ feature: 'one', coefficient: 50 }],
    floor: [{ feature: 'one', coefficient: 100 }],
    compute: [{ feature: 'macs', coefficient: 1 }],
    memory: [{ feature: 'outputs', coefficient: 3 }],
    coverage: {},
    error90: 0.1,
    provenance,
  }
  const lookup = new CompiledTable({ kernel: 'conv2d', models: [model] })
  // 1 × 2 channels at 25 places: 50 MACs and 50 values of 3 each.
  t.like(lookup.lookup(conv(1, 2, 1, 5)), { cost: 50 + 150, utilisation: 150 / 200, error90: 0.1 })
  t.like(lookup.lookup(conv(8, 8, 1, 5)), { cost: 50 + 1600, utilisation: 1600 / 1650, basis: 'extrapolated' })
  t.like(lookup.lookup(conv(1, 1, 1, 1)), { cost: 150, utilisation: 3 / 150 })
  const free = { ...model, terms: [], floor: [], memory: [] }
  const idle = new CompiledTable({ kernel: 'conv2d', models: [free] }).lookup({ ...conv(1, 1), macs: 0 })
  t.like(idle, { cost: 0, utilisation: 1 }, 'where nothing is to be done')
  const { compute: _, memory: __, ...plain } = model
  t.like(new CompiledTable({ kernel: 'conv2d', models: [plain] }).lookup(conv(8, 8)), { cost: 150, utilisation: 1 })
})

test('the error grows by a tenth for each factor of e beyond what was measured, on either side', (t) => {
  const lookup = new CompiledTable(table)
  const errorOf = (inChannels: number, outChannels: number) => lookup.lookup(conv(inChannels, outChannels))!.error90
  t.is(errorOf(64, 64), 0.05)
  t.true(Math.abs(errorOf(129, 64) - (0.05 + 0.1 * Math.log(130 / 65))) < 1e-12)
  t.true(Math.abs(errorOf(2, 64) - (0.05 + 0.1 * Math.log(9 / 3))) < 1e-12)
  t.true(Math.abs(errorOf(2, 129) - (0.05 + 0.1 * Math.log((9 / 3) * 2))) < 1e-12, 'both add')
  const gapped = lookup.lookup({ ...conv(32, 32), dilation: 2 })!
  t.deepEqual([gapped.basis, gapped.error90], ['extrapolated', 0.05 + 0.3])
  const split = lookup.lookup({ ...conv(32, 32), inputs: 2 * conv(32, 32).inputs })!
  t.deepEqual([split.basis, split.error90], ['extrapolated', 0.05 + 0.3])
})

test('what a row says of a kernel', (t) => {
  // A map of 9 × 12, windows of 3 × 5 in steps of 2 × 1.
  const same = factsOfRow('conv2d', [9, 12, 4, 6, 3, 5, 2, 1, 1, 1])
  t.like(same, { outHeight: 5, outWidth: 12, outputs: 360, inputs: 432, weightElements: 360, biasElements: 6 })
  t.is(same.macs, 60 * 360)
  const valid = factsOfRow('depthwiseConv2d', [9, 12, 4, 8, 3, 5, 2, 1, 0, 1])
  t.like(valid, { outHeight: 4, outWidth: 8, outputs: 256, weightElements: 120, biasElements: 8, macs: 32 * 120 })
  t.like(factsOfRow('dense', [1, 1, 64, 10, 1, 1, 1, 1, 1, 1]), { macs: 640, weightElements: 640, biasElements: 10 })
  const sum = factsOfRow('add', [9, 12, 4, 4, 1, 1, 1, 1, 1, 2])
  t.like(sum, { outputs: 432, inputs: 864, macs: 0, weightElements: 0, biasElements: 0 })
  t.like(factsOfRow('globalAveragePool', [9, 12, 4, 4, 1, 1, 1, 1, 1, 1]), {
    outHeight: 1,
    outWidth: 1,
    outputs: 4,
    inputs: 432,
  })
})

test('measured kernels are told apart by every one of their facts', (t) => {
  const row = [9, 12, 4, 6, 3, 5, 2, 1, 1, 1]
  const terms: ProfileTable['models'][number]['terms'] = [{ feature: 'one', coefficient: 7 }]
  const model = { terms, coverage: {}, error90: 0.1, provenance }
  const lookup = new CompiledTable({
    kernel: 'conv2d',
    models: [model],
    rows: [...row, 1000, ...row.with(3, 60), 2000],
  })
  t.like(lookup.lookup(factsOfRow('conv2d', row)), { cost: 1000, basis: 'exact' })
  t.like(lookup.lookup(factsOfRow('conv2d', row.with(3, 60))), { cost: 2000, basis: 'exact' })
  for (const at of row.keys()) {
    const other = lookup.lookup(factsOfRow('conv2d', row.with(at, at === 8 ? 0 : row[at]! + 1)))!
    t.not(other.basis, 'exact', `fact ${at}`)
  }
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
