import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { roundEven } from '../../lib/round-even.ts'
import {
  argmax,
  confidenceInterval95,
  mean,
  populationSd,
  studentQuantile,
  wilcoxonSignedRank,
} from '../../lib/statistics.ts'

const near = (a: number, b: number, tolerance = 1e-9) => Math.abs(a - b) <= tolerance

test('mean and population standard deviation', (t) => {
  t.is(mean([1, 2, 6]), 3)
  t.true(near(populationSd([2, 4, 4, 4, 5, 5, 7, 9]), 2))
})

test('quantiles of Student are those of the tables', (t) => {
  for (const [degrees, quantile] of [
    [1, 12.7062],
    [2, 4.30265],
    [3, 3.18245],
    [4, 2.77645],
    [9, 2.26216],
    [29, 2.04523],
    [120, 1.97993],
  ] as const) {
    t.true(near(studentQuantile(0.95, degrees), quantile, 1e-4), `${degrees}`)
  }
})

test('the confidence interval needs two values and is symmetric', (t) => {
  t.is(confidenceInterval95([1]), undefined)
  const [low, high] = confidenceInterval95([1, 2, 3, 4])!
  // 2.5 ± 3.18245 · sd(n − 1) ÷ √4, sd = 1.290994
  t.true(near(low, 2.5 - 2.05426, 1e-4) && near(high, 2.5 + 2.05426, 1e-4))
})

/** All sign patterns, one by one. */
function bruteForce(a: readonly number[], b: readonly number[]): number {
  const differences = a.map((value, i) => value - b[i]!).filter((value) => value !== 0)
  const sizes = differences.map(Math.abs)
  const rank = (size: number) =>
    sizes.filter((other) => other < size).length + (sizes.filter((other) => other === size).length + 1) / 2
  const ranks = sizes.map(rank)
  const total = ranks.reduce((sum, value) => sum + value, 0)
  const extreme = (sum: number) => Math.min(sum, total - sum)
  const observed = extreme(ranks.reduce((sum, value, i) => (differences[i]! > 0 ? sum + value : sum), 0))
  let count = 0
  for (let signs = 0; signs < 2 ** ranks.length; signs++) {
    const sum = ranks.reduce((partial, value, i) => ((signs >> i) & 1 ? partial + value : partial), 0)
    if (extreme(sum) <= observed + 1e-12) count++
  }
  return count / 2 ** ranks.length
}

test('the signed-rank test is exact, with ties and equal pairs too', (t) => {
  const random = randomStream(1)
  for (let repeat = 0; repeat < 40; repeat++) {
    const n = 1 + random.int(10)
    const a = Array.from({ length: n }, () => random.int(6))
    const b = Array.from({ length: n }, () => random.int(6))
    t.true(near(wilcoxonSignedRank(a, b), Math.min(1, bruteForce(a, b))), `${a} against ${b}`)
  }
  t.is(wilcoxonSignedRank([1, 2], [1, 2]), 1)
  // The tables: 30 pairs, all in one direction.
  const thirty = Array.from({ length: 30 }, (_, i) => i + 1)
  t.true(
    near(
      wilcoxonSignedRank(
        thirty,
        thirty.map(() => 0),
      ),
      2 ** -29,
      1e-18,
    ),
  )
})

test('beyond a hundred pairs the normal approximation goes on where the exact distribution ends', (t) => {
  let small = 0
  for (let seed = 0; seed < 20; seed++) {
    const random = randomStream(seed)
    const a = Array.from({ length: 101 }, () => random.normal() + 0.2)
    // One pair of 101 that is almost equal moves the p value by next to nothing.
    a[100] = 1e-9
    const zeros = a.map(() => 0)
    const exact = wilcoxonSignedRank(a.slice(0, 100), zeros.slice(0, 100))
    t.true(near(wilcoxonSignedRank(a, zeros), exact, 0.02), `seed ${seed}`)
    if (exact < 0.1) small++
  }
  t.true(small >= 8 && small < 20, `${small}`)
})

test('halves are rounded to even, below zero too', (t) => {
  const given = [-2.5, -1.5, -1.4, -0.5, 0.5, 0.49999999999999994, 1.5, 2.5, 3.2]
  t.deepEqual(given.map(roundEven), [-2, -2, -1, -0, 0, 0, 2, 2, 3])
})

test('the first of equal largest values counts', (t) => {
  t.is(argmax([1, 3, 2, 3]), 1)
  t.is(argmax(Int8Array.of(9, -5, -2, -2, 8), 1, 3), 1)
})
