import test from 'ava'
import { createCostModel, loadProfile, type Profile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'

/** Equal convolutions one after the other. */
function chain(length: number) {
  const b = new GraphBuilder()
  let x = b.input([16, 16, 16])
  for (let i = 0; i < length; i++) x = b.conv2d(x, 16, { kernel: 3 })
  return b.build(x)
}

const base = loadProfile('stm32u575-xcubeai')

/** The same profile where convolutions err by a tenth and nothing else does. */
const withCoverage = (coverage: Profile['tables'][number]['models'][number]['coverage']): Profile => ({
  ...base,
  systematicError90: 0,
  inferenceOverhead: 0,
  tables: base.tables.map(({ kernel, models }) => ({
    kernel,
    models: models.map((model) => ({ ...model, error90: 0.1, coverage })),
  })),
})

const relativeWidth = (profile: Profile, length: number): number => {
  const { latencyMs, latencyHighMs } = createCostModel(profile).price(chain(length))
  return latencyHighMs / latencyMs - 1
}

test('errors between measurements are independent: four kernels err half as much as one', (t) => {
  const measured = withCoverage({ inChannels: [1, 64] })
  t.true(Math.abs(relativeWidth(measured, 1) - 0.1) < 1e-9)
  t.true(Math.abs(relativeWidth(measured, 4) - 0.05) < 1e-9)
})

test('kernels beyond what was measured share their error: four err as much as one', (t) => {
  const unmeasured = withCoverage({})
  t.true(Math.abs(relativeWidth(unmeasured, 1) - 0.1) < 1e-9)
  t.true(Math.abs(relativeWidth(unmeasured, 4) - 0.1) < 1e-9)
})
