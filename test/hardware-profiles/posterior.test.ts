import test from 'ava'
import { posteriorOf } from '../../hardware-profiles/calibration/posterior.ts'
import { randomStream } from '../../lib/random.ts'
import { eliminated } from '../lib/eliminated.ts'

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

test('coefficients and left-out predictions are those of Gaussian regression, averaged over noise and doubt', (t) => {
  const random = randomStream(1, 'posterior')
  const mean = [2, 1, 0.5]
  const covariance = [
    [0.4, 0.1, 0],
    [0.1, 0.3, 0],
    [0, 0, 0.05],
  ]
  const all = Array.from({ length: 7 }, () => [1 + 4 * random.float(), 1 + 4 * random.float(), 1])
  // Three times as slow as believed, with another mix, and 2 % of noise.
  const times = all.map((row) => 3 * dot(row, [2.5, 1.3, 2]) * (1 + 0.02 * random.normal()))

  // Errors are relative, and the unit makes the geometric mean of the guesses that of the times.
  const unit = Math.exp(all.reduce((sum, row, i) => sum + Math.log(times[i]! / dot(row, mean)), 0) / 7)
  const rows = all.map((row, i) => row.map((value) => (unit * value) / times[i]!))
  const residual = rows.map((row) => 1 - dot(row, mean))
  const settings = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2].flatMap((noise) =>
    [0.1, 0.3, 1, 3, 10, 30].map((doubt) => {
      const prior = covariance.map((line, i) => line.map((value, j) => doubt * value + (i === 2 && j === 2 ? 1 : 0)))
      const toRows = rows.map((row) => prior.map((line) => dot(line, row)))
      const spread = rows.map((row, i) => toRows.map((column, j) => dot(row, column) + (i === j ? noise : 0)))
      const { solution, logDeterminant } = eliminated(spread, residual)
      const likelihood = Math.exp(-0.5 * (dot(residual, solution) + logDeterminant))
      const coefficients = mean.map(
        (value, j) => value + rows.reduce((sum, _, i) => sum + toRows[i]![j]! * solution[i]!, 0),
      )
      const leftOut = rows.map((_, out) => {
        const others = rows.map((__, i) => i).filter((i) => i !== out)
        const { solution: without } = eliminated(
          others.map((i) => others.map((j) => spread[i]![j]!)),
          others.map((i) => residual[i]!),
        )
        return (
          times[out]! * (1 - residual[out]! + others.reduce((sum, i, k) => sum + spread[out]![i]! * without[k]!, 0))
        )
      })
      return { likelihood, coefficients, leftOut }
    }),
  )
  const everything = settings.reduce((sum, { likelihood }) => sum + likelihood, 0)
  const kept = settings.filter(({ likelihood }) => likelihood >= 0.02 * everything)
  t.true(kept.length > 3 && kept.length < settings.length)
  const total = kept.reduce((sum, { likelihood }) => sum + likelihood, 0)
  const averaged = (value: (one: (typeof kept)[number]) => number) =>
    kept.reduce((sum, one) => sum + (one.likelihood / total) * value(one), 0)

  // Around the mean of the known devices alone.
  const prior = { mean, covariance, near: [] }
  const found = posteriorOf(prior, all, times)
  for (let j = 0; j < 3; j++) {
    const expected = unit * averaged(({ coefficients }) => coefficients[j]!)
    t.true(
      expected > 0 && Math.abs(found.coefficients[j]! / expected - 1) < 1e-6,
      `${found.coefficients[j]} for ${expected}`,
    )
  }
  t.deepEqual(
    found.leftOut.map(({ at }) => at),
    [0, 1, 2, 3, 4, 5, 6],
  )
  for (const { at, predicted } of found.leftOut) {
    const expected = averaged(({ leftOut }) => leftOut[at]!)
    t.true(Math.abs(predicted / expected - 1) < 1e-6, `${predicted} for ${expected}`)
  }
})

test('of many measurements every second or third is left out in turn', (t) => {
  const all = Array.from({ length: 250 }, (_, i) => [1 + (i % 7), 1])
  const times = all.map((row) => dot(row, [2, 1]))
  const covariance = [
    [0.1, 0],
    [0, 0.1],
  ]
  const prior = { mean: [1, 1], covariance, near: [] }
  const { leftOut, coefficients } = posteriorOf(prior, all, times)
  t.deepEqual([leftOut.length, leftOut[1]!.at, leftOut.at(-1)!.at], [84, 3, 249])
  t.true(Math.abs(coefficients[0]! - 2) < 1e-3 && Math.abs(coefficients[1]! - 1) < 1e-3)
})
