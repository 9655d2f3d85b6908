import test from 'ava'
import {
  expectedError90,
  kendallTauOf,
  percentile90Of,
  spearman,
  summariseCases,
  withIntervals,
} from '../../hardware-profiles/cases/statistics.ts'

const cases = (measured: readonly number[], predicted: readonly number[]) =>
  measured.map((value, i) => ({ name: `case ${i}`, measured: value, predicted: predicted[i]! }))

test('rank correlations with ties, to five digits', (t) => {
  // Two of three pairs agree, one is tied in the predictions: 2 ÷ √(3 · 2).
  t.is(kendallTauOf(cases([1, 2, 3], [1, 1, 2])), 0.8165)
  t.is(kendallTauOf(cases([1, 2, 3], [3, 2, 1])), -1)
  t.is(kendallTauOf(cases([1, 2], [3, 4])), 1)
  t.is(kendallTauOf(cases([1, 2, 3], [5, 5, 5])), 0)
  // Ranks 0 1 2 3 and ½ ½ 2 3: 4.5 ÷ √(5 · 4.5).
  t.is(spearman(cases([1, 2, 3, 4], [1, 1, 2, 3])), 0.94868)
  t.is(spearman(cases([10, 20, 30, 40], [1, 8, 27, 64])), 1)
  t.is(spearman(cases([1, 2, 3], [5, 5, 5])), 0)
})

test('the error that nine of ten do not exceed', (t) => {
  t.is(percentile90Of([0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8, -0.9, 1]), 0.9)
  t.is(percentile90Of([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), 10)
  t.is(percentile90Of([-3]), 3)
  t.is(percentile90Of([]), 0)
})

test('one more case is judged by Student’s t of the errors about zero', (t) => {
  // Two-sided 90 %: 6.31375 with one degree of freedom, 2.91999 with two, 1.83311 with nine.
  t.is(expectedError90([0.1]), 0.63138)
  t.is(expectedError90([0.1, -0.1]), 0.63138)
  t.is(expectedError90([0.3, -0.4, 0]), Number((2.919986 * Math.sqrt(0.25 / 3)).toPrecision(5)))
  t.is(expectedError90(new Array<number>(10).fill(-0.1)), 0.18331)
  t.is(expectedError90([]), 0)
})

test('an interval is about the measurement, and made without the case itself', (t) => {
  // Measured ÷ predicted − 1 is 0.25, 0.25 and −0.5: the others of the last one allow 6.31 · 0.25.
  const covered = (measured: readonly number[]) =>
    withIntervals(
      cases(
        measured,
        measured.map(() => 4),
      ),
    )
  t.deepEqual(
    covered([5, 5, 2]).map((one) => one.covered),
    [true, true, true],
  )
  t.deepEqual(
    covered([4.4, 4.4, 8]).map((one) => one.covered),
    [true, true, false],
    '1 is more than 6.31 · 0.1',
  )
})

test('a summary counted by hand', (t) => {
  const found = summariseCases([
    { name: 'a', measured: 10, predicted: 11.25 },
    { name: 'b', measured: 20, predicted: 18.75, covered: true },
    { name: 'c', measured: 40, predicted: 33, covered: false },
    { name: 'd', measured: 80, predicted: 100, covered: true },
  ])
  t.deepEqual(found, {
    cases: 4,
    mape: 0.15313,
    within10: 0.25,
    within15: 0.5,
    within20: 0.75,
    worst: { name: 'd', measured: 80, predicted: 100 },
    coverage90: 0.66667,
  })
  const edges = summariseCases(cases([16, 16, 16, 16, 16], [16, 18, 19, 20, 20]))
  t.like(edges, { within10: 0.2, within15: 0.4, within20: 0.6, kendallTau: 0 })
  t.deepEqual(summariseCases([]), { cases: 0, mape: 0, within10: 0, within15: 0, within20: 0 })
})
