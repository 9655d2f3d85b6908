import test from 'ava'
import { casesSchema, type LayerSuite, loadCases } from '../../hardware-profiles/cases/cases.ts'
import { compareSuite, validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { coefficientsOf } from '../../hardware-profiles/coefficients.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { ROW_LENGTH } from '../../hardware-profiles/profile.ts'

const profile = loadProfile('efr32xg24-mvp')
const dense = profile.tables.find(({ kernel }) => kernel === 'dense')!
const row = dense.rows!.slice(0, ROW_LENGTH - 1)
const measured = dense.rows![ROW_LENGTH - 1]! / (profile.clockHz / 1000)

const suite: LayerSuite = {
  ...{ kind: 'layers', name: 'sums', method: 'test', source: 'test', leftOut: true },
  folds: [{ coefficients: coefficientsOf(profile.tables) }],
  cases: [{ name: 'twice', measured: 2 * measured, fold: 0, kernels: [1, 2].map(() => ({ kind: 'dense', row })) }],
}

test('a network is the sum of its kernels, and its own measured rows are left out', (t) => {
  const [once] = compareSuite(profile, { ...suite, cases: [{ ...suite.cases[0]!, kernels: [{ kind: 'dense', row }] }] })
  const [twice] = compareSuite(profile, suite)
  t.true(Math.abs(twice!.predicted - 2 * once!.predicted) < 1e-9)
  // Were the row not left out, the answer would be exact.
  t.true(Math.abs(once!.predicted / measured - 1) > 1e-4)
})

test('whole networks of the layer table are validated again', (t) => {
  const cases = loadCases(profile.id)
  const found = validateProfile(profile, { ...cases, suites: cases.suites.filter(({ kind }) => kind === 'layers') })
  t.is(found.length, 1)
  t.is(found[0]!.quantity, 'latency')
  t.true(found[0]!.cases > 15 && found[0]!.mape > 0 && found[0]!.mape < 0.06)
})

test('a kernel of a wrong length is refused', (t) => {
  const broken = { ...suite, cases: [{ ...suite.cases[0]!, kernels: [{ kind: 'dense', row: [1, 2] }] }] }
  t.false(casesSchema.safeParse({ format: 'frugal-cases/1', profile: 'x', suites: [broken] }).success)
  t.true(casesSchema.safeParse({ format: 'frugal-cases/1', profile: 'x', suites: [suite] }).success)
})
