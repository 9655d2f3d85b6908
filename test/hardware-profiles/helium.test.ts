import test from 'ava'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { FEATURES } from '../../hardware-profiles/features.ts'
import { createCostModel, listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { CompiledTable, factsOfRow } from '../../hardware-profiles/table.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { heliumCycles, heliumProfile } from '../../scripts/fit-profiles/helium.ts'

const profile = loadProfile('ra8d1-helium')
const m7 = loadProfile('stm32f746-tflm-cmsisnn')
/** Two beats a cycle of four int8 MACs each. */
const PEAK_MACS = 8

const cycles = (id: string, kind: KernelKind, row: readonly number[]): number => {
  const table = loadProfile(id).tables.find(({ kernel }) => kernel === kind)!
  return new CompiledTable(table).lookup(factsOfRow(kind, row))!.cost
}

test('is marked derived wherever it states a source, and claims no validation', (t) => {
  for (const { kernel, models } of profile.tables) {
    for (const { provenance, coverage, error90 } of models) {
      t.is(provenance.kind, 'derived', kernel)
      t.deepEqual(coverage, {})
      t.true(error90 >= 0.45)
    }
  }
  t.is(profile.energy.provenance.kind, 'derived')
  t.regex(profile.energy.provenance.source, /^RECALLED/)
  t.is(profile.memory.provenance.kind, 'derived')
  t.regex(profile.title, /derived, not measured/)
  t.deepEqual(profile.validation, [])
  t.true(profile.systematicError90 >= 0.4)
})

test('the file is what the counted kernels and the STM32F746 give', (t) => {
  t.true(listProfiles().some(({ id }) => id === 'ra8d1-helium'))
  t.deepEqual(JSON.parse(JSON.stringify(heliumProfile(m7).profile)), JSON.parse(JSON.stringify(profile)))
})

test('cycles lie between all side by side and nothing side by side', (t) => {
  // Five loads and five sums of products: 10 to 20 cycles.
  t.true(Math.abs(heliumCycles(5, 5, 0) - Math.sqrt(10 * 20)) < 1e-9)
  t.is(heliumCycles(0, 8, 0), 16)
  t.true(Math.abs(heliumCycles(0, 0, 10) - Math.sqrt(50)) < 1e-9)
})

test('accumulations are counted in vectors of 16, the last one whole', (t) => {
  const facts = factsOfRow('conv2d', [4, 4, 17, 5, 1, 1, 1, 1, 1, 1])
  t.is(FEATURES.reductionVectors16(facts), 16 * 5 * 2)
  t.is(FEATURES.filledReduction16(facts), 32)
  t.is(FEATURES.filledReduction16(factsOfRow('conv2d', [4, 4, 3, 5, 3, 3, 1, 1, 1, 1])), 32)
})

const CONVOLUTIONS: readonly (readonly [KernelKind, number])[] = [
  ['conv2d', 1],
  ['conv2d', 3],
  ['conv2d', 5],
  ['depthwiseConv2d', 3],
  ['depthwiseConv2d', 5],
  ['dense', 1],
]

test('no kernel is faster than the multipliers, and none takes more cycles than on a Cortex-M7', (t) => {
  for (const [kind, kernel] of CONVOLUTIONS) {
    for (const size of kind === 'dense' ? [1] : [5, 8, 24, 96]) {
      for (const channels of [8, 16, 64, 256, 1024]) {
        const row = [size, size, channels, channels, kernel, kernel, 1, 1, 1, 1]
        const cost = cycles('ra8d1-helium', kind, row)
        const what = `${kind} ${row}`
        t.true(cost * PEAK_MACS > factsOfRow(kind, row).macs, what)
        t.true(cost <= cycles(m7.id, kind, row), `${what}: ${cost}, Cortex-M7 ${cycles(m7.id, kind, row)}`)
      }
    }
  }
  for (const kind of ['add', 'multiply', 'softmax'] as const) {
    const row = [1, 1, 512, 512, 1, 1, 1, 1, 1, kind === 'softmax' ? 1 : 2]
    t.true(cycles('ra8d1-helium', kind, row) <= 1.02 * cycles(m7.id, kind, row), kind)
  }
})

for (const name of ['ad', 'ic', 'kws', 'vww']) {
  test(`MLPerf Tiny ${name}: fewer cycles than a Cortex-M7, below the peak, a wide interval`, (t) => {
    const graph = caseNetwork(`mlperfTiny ${name}`)
    const here = createCostModel(profile).price(graph)
    const there = createCostModel(m7).price(graph)
    const taken = here.latencyMs * 1e-3 * profile.clockHz
    t.true(taken < there.latencyMs * 1e-3 * m7.clockHz)
    t.true(here.macs < PEAK_MACS * taken)
    t.true(here.latencyLowMs <= 0.5 * here.latencyMs && here.latencyHighMs >= 1.5 * here.latencyMs)
    t.is(here.basis.extrapolated, 1)
    // The arena differs from that of other cores by the kernels' buffers only.
    t.true(here.peakRamBytes >= there.peakRamBytes - 4096 && here.peakRamBytes <= there.peakRamBytes + 16 * 1024)
  })
}
