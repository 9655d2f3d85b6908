import { cholesky, dot, inverseFactored, type Matrix, solveFactored, solveNonNegative } from '../linear-systems.ts'
import type { Prior } from './prior.ts'

/** Variance of a measurement, and factors on the prior's covariance, relative to the mean network's time squared. */
const NOISES: readonly number[] = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
const DOUBTS: readonly number[] = [0.1, 0.3, 1, 3, 10, 30]
/** Doubt about what an inference costs once. */
const ONCE_DOUBT = 1
/** Pairs of noise and doubt that explain the measurements less than this well, against all, are left out. */
const LEAST_WEIGHT = 0.02
/** Noise and doubt are chosen, and networks left out, with at most so many networks. */
const MAX_FOR_CHOICE = 120

export interface Posterior {
  /** A coefficient for each column, in the unit of the measurements; none is negative. */
  readonly coefficients: readonly number[]
  /** What measurement `at` would be predicted as by the others. */
  readonly leftOut: readonly { readonly at: number; readonly predicted: number }[]
}

interface Setting {
  readonly noise: number
  readonly doubt: number
  readonly weight: number
}

const product = (rows: Matrix, covariance: Matrix, others: Matrix): number[][] => {
  const right = others.map((row) => covariance.map((line) => dot(line, row)))
  return rows.map((row) => right.map((column) => dot(row, column)))
}

/**
 * Coefficients from measured networks: Bayesian linear regression with the known devices as prior. Noise and doubt are
 * weighted by the marginal likelihood (closed form); for each the coefficients are the most probable that are not negative.
 */
export function posteriorOf(prior: Prior, all: Matrix, times: readonly number[]): Posterior {
  const guesses = all.map((row) => dot(row, prior.mean))
  const unit = Math.exp(times.reduce((sum, value, i) => sum + Math.log(value / guesses[i]!), 0) / times.length)
  // Relative errors count: each network is divided by its own time.
  const rows = all.map((row, i) => row.map((value) => (value * unit) / times[i]!))
  const expected = rows.map((row) => dot(row, prior.mean))
  const step = Math.ceil(rows.length / MAX_FOR_CHOICE)
  const chosen = rows.map((_, i) => i).filter((i) => i % step === 0)
  const own = chosen.map((i) => rows[i]!)
  const spread = product(own, prior.covariance, own)
  const once = own.map((row) => row[row.length - 1]!)
  const residual = chosen.map((i) => 1 - expected[i]!)
  const coefficients = prior.mean.map(() => 0)
  const predicted = chosen.map(() => 0)
  for (const setting of weightedSettings(spread, once, residual)) {
    mostProbable(prior, rows, setting).forEach((value, i) => {
      coefficients[i]! += setting.weight * unit * value
    })
    inverseFactored(cholesky(withNoise(spread, once, setting))).forEach((line, i) => {
      predicted[i]! += setting.weight * times[chosen[i]!]! * (1 - dot(line, residual) / line[i]!)
    })
  }
  return { coefficients, leftOut: chosen.map((at, i) => ({ at, predicted: predicted[i]! })) }
}

const withNoise = (spread: Matrix, once: readonly number[], { noise, doubt }: Omit<Setting, 'weight'>): number[][] =>
  spread.map((row, i) =>
    row.map((value, j) => doubt * value + ONCE_DOUBT * once[i]! * once[j]! + (i === j ? noise : 0)),
  )

function weightedSettings(spread: Matrix, once: readonly number[], residual: readonly number[]): readonly Setting[] {
  const tried = NOISES.flatMap((noise) =>
    DOUBTS.map((doubt) => {
      const factor = cholesky(withNoise(spread, once, { noise, doubt }))
      const halfLogDeterminant = factor.reduce((sum, row, i) => sum + Math.log(row[i]!), 0)
      const evidence = -0.5 * dot(residual, solveFactored(factor, residual)) - halfLogDeterminant
      return { noise, doubt, evidence }
    }),
  )
  const best = Math.max(...tried.map(({ evidence }) => evidence))
  const likely = tried.map((one) => ({ ...one, weight: Math.exp(one.evidence - best) }))
  const all = likely.reduce((sum, { weight }) => sum + weight, 0)
  const kept = likely.filter(({ weight, evidence }) => weight >= LEAST_WEIGHT * all || evidence === best)
  const total = kept.reduce((sum, { weight }) => sum + weight, 0)
  return kept.map(({ noise, doubt, weight }) => ({ noise, doubt, weight: weight / total }))
}

function mostProbable({ mean, covariance }: Prior, rows: Matrix, { noise, doubt }: Setting): readonly number[] {
  const last = mean.length - 1
  const precision = inverseFactored(
    cholesky(
      covariance.map((row, i) => row.map((value, j) => doubt * value + (i === last && j === last ? ONCE_DOUBT : 0))),
    ),
  )
  const gram = precision.map((row) => [...row])
  const target = precision.map((row) => dot(row, mean))
  for (const row of rows) {
    row.forEach((a, i) => {
      target[i]! += a / noise
      const line = gram[i]!
      for (let j = 0; j < row.length; j++) line[j]! += (a * row[j]!) / noise
    })
  }
  return solveNonNegative(gram, target)
}
