import test from 'ava'
import { loadCases } from '../../hardware-profiles/cases/cases.ts'
import { compareSuite, foldProfile } from '../../hardware-profiles/cases/validate.ts'
import { emptyFacts, FEATURES } from '../../hardware-profiles/features.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { factsOfRow } from '../../hardware-profiles/table.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'

const profile = loadProfile('gap9-ne16')

const one = (height: number, channels: number, filters: number, kernel: number): NetworkGraph => {
  const b = new GraphBuilder()
  return b.build(b.conv2d(b.input([height, height, channels]), filters, { kernel }))
}

test('passes of the array: 3×3 places, 16 channels read, 32 written; of a depthwise convolution 16 and 16', (t) => {
  const conv = factsOfRow('conv2d', [7, 6, 17, 33, 3, 3, 1, 1, 1, 1])
  // 3 × 2 passes over the map, 2 blocks of results from 2 of the operand.
  t.is(FEATURES.patchStores(conv), 12)
  t.is(FEATURES.patchLoads(conv), 24)
  t.is(FEATURES.patchResults(conv), 6 * 33)
  t.is(FEATURES.patchSweeps(conv), 6 * 33 * 2)
  const depthwise = factsOfRow('depthwiseConv2d', [7, 6, 33, 33, 3, 3, 1, 1, 1, 1])
  t.is(FEATURES.patchStores(depthwise), 18)
  t.is(FEATURES.patchLoads(depthwise), 18)
  t.is(FEATURES.patchSweeps(depthwise), 6 * 33)
  t.is(FEATURES.patchStores({ ...emptyFacts(), kind: 'dense', outChannels: 640, inChannels: 128 }), 20)
})

test('MLPerf Tiny, each network left out: latency within 10 %, energy within 12 %', (t) => {
  const { suites } = loadCases('gap9-ne16')
  for (const [at, bar] of [0.1, 0.12].entries()) {
    const compared = compareSuite(profile, suites[at]!)
    t.is(compared.length, 4)
    for (const { name, measured, predicted } of compared) {
      t.true(Math.abs(predicted / measured - 1) <= bar, `${name}: ${predicted}, measured ${measured}`)
    }
  }
})

test('a fold has powers of its own for kinds that have one, and keeps the profile’s for the others', (t) => {
  const suite = loadCases('gap9-ne16').suites.find((member) => member.name.endsWith('energy'))!
  const fold = suite.folds[0]!
  t.truthy(fold.powersMw?.depthwiseConv2d)
  const powers = foldProfile(profile, { ...fold, powersMw: { depthwiseConv2d: 12 } }).tables.map(
    ({ kernel, models }) => [kernel, models[0]!.powerMw],
  )
  for (const [kernel, power] of powers) t.is(power, kernel === 'depthwiseConv2d' ? 12 : undefined, String(kernel))
})

test('windows that the accelerator lacks are left to the cores, at 16 MACs a cycle', (t) => {
  const model = createCostModel(profile)
  const [accelerated, onCores] = [3, 5].map((kernel) => model.price(one(48, 32, 32, kernel)))
  const macsPerCycle = onCores!.macs / (onCores!.latencyMs * 1e-3 * profile.clockHz)
  t.true(macsPerCycle > 14 && macsPerCycle <= 16, `${macsPerCycle}`)
  t.true(onCores!.latencyMs > 4 * accelerated!.latencyMs)
})
