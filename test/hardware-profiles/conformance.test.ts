import { statSync } from 'node:fs'
import test from 'ava'
import { checkLimits, createCostModel, listProfiles, loadProfile, parseProfile } from '../../hardware-profiles/index.ts'
import { randomStream } from '../../lib/random.ts'
import { plainNetwork, randomNetwork } from './networks.ts'

const profiles = listProfiles()

test('there is a profile for each family', (t) => {
  const families = new Set(profiles.map(({ id }) => loadProfile(id).family))
  t.deepEqual([...families].sort(), ['cortex-m', 'gpu', 'npu'])
})

for (const { id, file } of profiles) {
  const profile = loadProfile(id)
  const model = createCostModel(profile)

  test(`${id}: file is small, complete and survives JSON`, (t) => {
    t.true(statSync(file).size <= 300 * 1024)
    t.is(profile.id, id)
    t.deepEqual(parseProfile(JSON.parse(JSON.stringify(profile)), id), profile)
    for (const table of profile.tables) {
      for (const { provenance } of table.models) t.true(provenance.source.length > 10, `${table.kernel} has no source`)
    }
  })

  test(`${id}: unknown members are refused, outside and inside`, (t) => {
    t.throws(() => parseProfile({ ...profile, colour: 'red' }, id), { message: /colour/ })
    const [first, ...rest] = profile.tables
    t.throws(() => parseProfile({ ...profile, tables: [{ ...first, colour: 'red' }, ...rest] }, id), {
      message: /colour/,
    })
    t.throws(() => parseProfile({ ...profile, memory: { ...profile.memory, colour: 1 } }, id), { message: /colour/ })
  })

  test(`${id}: costs of random networks are finite, not negative and add up`, (t) => {
    const random = randomStream(7, 'profiles', id)
    for (let i = 0; i < 60; i++) {
      const graph = randomNetwork(random)
      const costs = model.price(graph, { layers: true })
      const { latencyMs, latencyLowMs, latencyHighMs, energyMj, peakRamBytes, flashBytes, basis, layers } = costs
      for (const value of [latencyMs, latencyLowMs, energyMj, peakRamBytes, flashBytes, ...Object.values(basis)]) {
        t.true(Number.isFinite(value) && value >= 0)
      }
      t.true(latencyLowMs <= latencyMs && latencyMs <= latencyHighMs && latencyMs > 0)
      t.deepEqual(costs.unsupported, [])
      const shares = basis.exact + basis.interpolated + basis.extrapolated + basis.fallback
      t.true(Math.abs(shares - 1) < 1e-9)
      const parts = [...layers, ...model.onceCosts(graph)]
      const sum = (figure: 'latencyMs' | 'energyMj') => parts.reduce((total, part) => total + part[figure], 0)
      t.true(Math.abs(sum('latencyMs') / latencyMs - 1) < 1e-9)
      t.true(Math.abs(sum('energyMj') / energyMj - 1) < 1e-9)
      t.is(layers.length, model.schedule(graph).kernels.length)
      t.deepEqual(model.price(graph), { ...costs, layers: [] })
    }
  })

  test(`${id}: wider costs more, larger inputs need more memory`, (t) => {
    const widths = [4, 8, 16, 32, 64].map((filters) => model.price(plainNetwork(filters, 24)))
    for (let i = 1; i < widths.length; i++) {
      t.true(widths[i]!.latencyMs >= 0.98 * widths[i - 1]!.latencyMs)
      t.true(widths[i]!.flashBytes > widths[i - 1]!.flashBytes)
      t.true(widths[i]!.peakRamBytes > widths[i - 1]!.peakRamBytes)
    }
    const sizes = [16, 24, 32, 48].map((size) => model.price(plainNetwork(16, size)))
    for (let i = 1; i < sizes.length; i++) {
      t.true(sizes[i]!.peakRamBytes > sizes[i - 1]!.peakRamBytes)
      t.true(sizes[i]!.latencyMs >= sizes[i - 1]!.latencyMs)
      t.true(sizes[i]!.energyMj >= sizes[i - 1]!.energyMj)
      t.is(sizes[i]!.flashBytes, sizes[i - 1]!.flashBytes)
    }
    t.deepEqual(checkLimits(widths[0]!, profile), [])
  })
}
