import test from 'ava'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { loadCases } from '../../hardware-profiles/cases/cases.ts'
import { expectedError90, spearman, summariseCases, withIntervals } from '../../hardware-profiles/cases/statistics.ts'
import { compareSuite, foldProfile, validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { coefficientsOf, withCoefficients } from '../../hardware-profiles/coefficients.ts'
import { createCostModel, listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { randomStream } from '../../lib/random.ts'
import { countMacs, countParams } from '../../network/measure.ts'

const profiles = listProfiles().map(({ id }) => loadProfile(id))

test('the summaries in the profiles are what the stored cases give', (t) => {
  for (const profile of profiles) {
    for (const report of validateProfile(profile)) {
      const stored = profile.validation.find(
        ({ name, quantity }) => quantity === report.quantity && name === `${report.name} (${report.source})`,
      )
      t.truthy(stored, `${profile.id}: ${report.name}`)
      const { mape, cases, within15, kendallTau, worst } = report
      const figures = [stored!.mape, stored!.within15, stored!.kendallTau ?? 2, stored!.worst]
      const farthest = Math.abs(worst!.predicted / worst!.measured - 1)
      for (const [i, figure] of [mape, within15, kendallTau ?? 2, farthest].entries()) {
        t.true(Math.abs(figure - figures[i]!) < 1e-4, `${profile.id}: ${report.name}, ${i}`)
      }
      t.is(stored!.cases, cases)
    }
  }
})

test('predictions are computed, not stored: a slower profile is found out', (t) => {
  const profile = loadProfile('stm32h747-xcubeai8')
  const { suites } = loadCases(profile.id)
  const slower = suites.map((suite) => ({
    ...suite,
    folds: suite.folds.map((fold) => ({ ...fold, coefficients: fold.coefficients.map((value) => 2 * value) })),
  }))
  const [before, after] = [suites[0]!, slower[0]!].map((suite) => compareSuite(profile, suite))
  before!.forEach(({ predicted }, i) => {
    t.true(Math.abs(after![i]!.predicted / predicted - 2) < 1e-6)
  })
})

test('a left-out family is priced by a fold that did not see it', (t) => {
  const profile = loadProfile('stm32h747-xcubeai8')
  const suite = loadCases(profile.id).suites[0]!
  if (suite.kind !== 'networks') return t.fail()
  const [name, , fold] = suite.cases.find(([network]) => network.startsWith('mobilenetV2'))!
  const own = createCostModel(foldProfile(profile, suite.folds[fold])).price(caseNetwork(name)).latencyMs
  const shipped = createCostModel(profile).price(caseNetwork(name)).latencyMs
  t.not(own, shipped)
  t.is(compareSuite(profile, suite).find((one) => one.name === name)!.predicted, own)
})

test('the bars that the profiles meet', (t) => {
  const mape = (id: string, quantity = 'latency'): number =>
    validateProfile(loadProfile(id)).find((report) => report.leftOut && report.quantity === quantity)!.mape
  for (const id of ['stm32f446-tflm-cmsisnn', 'stm32l552-tflm-cmsisnn']) t.true(mape(id, 'operatorLatency') <= 0.06, id)
  for (const id of ['stm32h747-xcubeai8', 'stm32h747-xcubeai10', 'stm32n6-neuralart']) t.true(mape(id) <= 0.07, id)
  t.true(mape('nrf5340-tflm') <= 0.04)
  const gpus = ['2080ti', 'titan-rtx', 'titan-rtx-batch64', 'v100-batch64', 'a100-throughput', 'rtx3090-throughput']
  for (const id of gpus) t.true(mape(id) <= 0.05, id)
  const inMemory = ['nrf5340-tflm', 'stm32h747-xcubeai8', 'stm32n6-neuralart3']
  for (const id of inMemory) t.true(mape(id, 'peakRam') <= 0.05, id)
  for (const id of [...inMemory.slice(1), 'stm32h747-xcubeai10', 'stm32n6-neuralart', 'stm32u575-xcubeai'])
    t.true(mape(id, 'flash') <= 0.05, id)
})

test('coefficients go out and in again', (t) => {
  for (const { id, tables } of profiles) {
    const coefficients = coefficientsOf(tables)
    t.deepEqual(withCoefficients(tables, coefficients), tables, id)
    t.throws(() => withCoefficients(tables, coefficients.slice(1)), { message: /coefficients/ })
  }
})

test('networks of cases are the published ones', (t) => {
  t.is(countMacs(caseNetwork('mobilenetV2 0.35 224 1000')), 59_285_808)
  // Two rows of Accel-NASBench: millions of parameters and, without those of batch norms and the mean over the map, MACs.
  t.is(countParams(caseNetwork('mnasnet 6310452063306530652013201320')), 2_501_160)
  t.is(countMacs(caseNetwork('mnasnet 6310452063306530652013201320')), 375_723_888)
  t.is(countParams(caseNetwork('mnasnet 6330652115111531132045104331')), 4_503_722)
  t.is(countMacs(caseNetwork('fdMobilenet 0.25 224 5')), 11_783_232)
  t.is(countMacs(caseNetwork('mobilenetV1 0.25 96 5 1')), 7_158_656)
  // With channels cut to whole numbers as in the zoo's PyTorch variants: 64 weights and 8 batch norms lie in the first 1×1.
  const [plain, expanded] = ['', ' expanded'].map((first) =>
    countParams(caseNetwork(`mobilenetV2Cut 0.25 224 1000${first}`)),
  )
  t.is(expanded! - plain!, 8 * 8 + 2 * 8)
  t.throws(() => caseNetwork('alexnet 227'), { message: /'alexnet 227' names no network/ })
})

test('error statistics of cases', (t) => {
  const cases = [1, 2, 3, 4, 5].map((measured, i) => ({
    name: `${measured}`,
    measured,
    predicted: measured * (1 + 0.11 * i),
    covered: i < 3,
  }))
  const { mape, within10, within20, kendallTau, worst, coverage90 } = summariseCases(cases)
  t.true(Math.abs(mape - 0.22) < 1e-9)
  t.deepEqual([within10, within20, kendallTau, worst?.name, coverage90], [0.2, 0.4, 1, '5', 0.6])
  t.is(spearman([...cases].map((one, i) => ({ ...one, predicted: -i }))), -1)
})

test('an interval from ten errors holds nine tenths of further ones', (t) => {
  const random = randomStream(3, 'intervals')
  const draw = (count: number) => Array.from({ length: count }, () => 0.1 * random.normal())
  let held = 0
  for (let i = 0; i < 4000; i++) if (Math.abs(draw(1)[0]!) <= expectedError90(draw(10))) held++
  t.true(held > 0.885 * 4000 && held < 0.93 * 4000, `${held}`)
  t.true(Math.abs(expectedError90(draw(4000)) - 0.1645) < 0.005)
  const cases = [1, 1, 1, 1, 2].map((predicted, i) => ({ name: `${i}`, measured: 1 + i / 100, predicted }))
  t.deepEqual(
    withIntervals(cases).map(({ covered }) => covered),
    [true, true, true, true, false],
    'the one that is far off does not make room for itself',
  )
})
