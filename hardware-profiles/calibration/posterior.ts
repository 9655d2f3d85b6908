import {
  cholesky,
  dot,
  inverseFactored,
  type Matrix,
  solveFactored,
  solveNonNegative,
} from '../../lib/linear-systems.ts'
import type { Prior } from './prior.ts'

/**
 * Variance of a measurement, and factors on the prior's covariance, around the mean of all devices and around a single one,
 * relative to the mean network's time squared.
 */
const NOISES: readonly number[] = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
const DOUBTS: readonly number[] = [0.1, 0.3, 1, 3, 10, 30]
const DOUBTS_AROUND_ONE: readonly number[] = [0.003, 0.01, 0.03, 0.1, 0.3]
/** How likely it is, before anything was timed, that the device is near a known one. */
const NEAR_ONE = 0.5
/** Doubt about what an inference costs once. */
const ONCE_DOUBT = 1
/** Settings that explain the measurements less than this well, against all, are left out. */
const LEAST_WEIGHT = 0.02
/** Noise and doubt are chosen, and networks left out, with at most so many networks. */
const MAX_FOR_CHOICE = 120

export interface Posterior {
  /** A coefficient for each column, in the unit of the measurements; none is negative. */
  readonly coefficients: readonly number[]
  /** What measurement `at` would be predicted as by the others. */
  readonly leftOut: readonly { readonly at: number; readonly predicted: number }[]
}

/** A place to start from, noise and doubt. */
interface Setting {
  readonly noise: number
  readonly doubt: number
  readonly mean: readonly number[]
  /** Time unit in which the mean takes as long as the measured networks. */
  readonly unit: number
}

const product = (rows: Matrix, covariance: Matrix, others: Matrix): number[][] => {
  const right = others.map((row) => covariance.map((line) => dot(line, row)))
  return rows.map((row) => right.map((column) => dot(row, column)))
}

/**
 * Coefficients from measured networks: Bayesian linear regression with the known devices as prior, around the mean of all of
 * them, or a mixture with one around each, whichever predicts left-out networks better. Start, noise and doubt are weighted
 * by the marginal likelihood (closed form); for each the coefficients are the most probable that are not negative.
 */
export function posteriorOf(prior: Prior, all: Matrix, times: readonly number[]): Posterior {
  const step = Math.ceil(all.length / MAX_FOR_CHOICE)
  const chosen = all.map((_, i) => i).filter((i) => i % step === 0)
  const own = chosen.map((i) => all[i]!)
  const spread = product(own, prior.covariance, own)
  const evidenceOf = (mean: readonly number[], doubts: readonly number[], share: number): readonly Tried[] => {
    const guesses = all.map((row) => dot(row, mean))
    const unit = Math.exp(times.reduce((sum, value, i) => sum + Math.log(value / guesses[i]!), 0) / times.length)
    // Relative errors count: each network is divided by its own time.
    const factors = chosen.map((i) => unit / times[i]!)
    const relative: Relative = {
      spread: spread.map((line, i) => line.map((value, j) => value * factors[i]! * factors[j]!)),
      once: own.map((row, i) => row[row.length - 1]! * factors[i]!),
      residual: chosen.map((at, i) => 1 - guesses[at]! * factors[i]!),
    }
    return NOISES.flatMap((noise) =>
      doubts.map((doubt) => {
        const setting = { noise, doubt, mean, unit }
        return { setting, relative, evidence: logEvidence(relative, setting) + Math.log(share / doubts.length) }
      }),
    )
  }
  const averaged = (tried: readonly Tried[]): Posterior => {
    const coefficients = prior.mean.map(() => 0)
    const predicted = chosen.map(() => 0)
    for (const { setting, relative, weight } of weightedBy(tried)) {
      const rows = all.map((row, i) => row.map((value) => (value * setting.unit) / times[i]!))
      mostProbable(prior.covariance, rows, setting).forEach((value, i) => {
        coefficients[i]! += weight * setting.unit * value
      })
      inverseFactored(cholesky(withNoise(relative, setting))).forEach((line, i) => {
        predicted[i]! += weight * times[chosen[i]!]! * (1 - dot(line, relative.residual) / line[i]!)
      })
    }
    return { coefficients, leftOut: chosen.map((at, i) => ({ at, predicted: predicted[i]! })) }
  }
  const errorOf = ({ leftOut }: Posterior): number =>
    leftOut.reduce((sum, { at, predicted }) => sum + Math.abs(predicted / times[at]! - 1), 0)
  const aroundAll = evidenceOf(prior.mean, DOUBTS, 1 - NEAR_ONE)
  const aroundOne = prior.near.flatMap((vector) => evidenceOf(vector, DOUBTS_AROUND_ONE, NEAR_ONE / prior.near.length))
  const plain = averaged(aroundAll)
  if (aroundOne.length === 0) return plain
  const mixed = averaged([...aroundAll, ...aroundOne])
  return errorOf(mixed) < errorOf(plain) ? mixed : plain
}

/** The measured networks relative to their times, as seen from one start. */
interface Relative {
  /** Covariance of the networks under the prior. */
  readonly spread: Matrix
  readonly once: readonly number[]
  /** What the start's guesses leave. */
  readonly residual: readonly number[]
}

interface Tried {
  readonly setting: Setting
  readonly relative: Relative
  readonly evidence: number
}

const withNoise = ({ spread, once }: Relative, { noise, doubt }: Setting): number[][] =>
  spread.map((row, i) =>
    row.map((value, j) => doubt * value + ONCE_DOUBT * once[i]! * once[j]! + (i === j ? noise : 0)),
  )

/** Logarithm of the marginal likelihood, up to a constant. */
function logEvidence(relative: Relative, setting: Setting): number {
  const factor = cholesky(withNoise(relative, setting))
  const halfLogDeterminant = factor.reduce((sum, row, i) => sum + Math.log(row[i]!), 0)
  return -0.5 * dot(relative.residual, solveFactored(factor, relative.residual)) - halfLogDeterminant
}

/** The likely ones of the settings, with weights that add up to 1. */
function weightedBy(tried: readonly Tried[]): readonly (Tried & { readonly weight: number })[] {
  const best = Math.max(...tried.map(({ evidence }) => evidence))
  const likely = tried.map((one) => ({ ...one, weight: Math.exp(one.evidence - best) }))
  const all = likely.reduce((sum, { weight }) => sum + weight, 0)
  const kept = likely.filter(({ weight, evidence }) => weight >= LEAST_WEIGHT * all || evidence === best)
  const total = kept.reduce((sum, { weight }) => sum + weight, 0)
  return kept.map((one) => ({ ...one, weight: one.weight / total }))
}

function mostProbable(covariance: Matrix, rows: Matrix, { noise, doubt, mean }: Setting): readonly number[] {
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
