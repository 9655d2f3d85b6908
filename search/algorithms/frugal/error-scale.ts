import type { Prediction } from './gaussian-process.ts'

/**
 * Share of the way from the best error to the reference that the logarithm is shifted by: errors near the best one are
 * usually close together, for there is a floor.
 */
export const USUAL_SHIFT = 0.3
/** The same for scores whose good end is the long one; the scale is next to linear then. */
export const LONG_TAIL_SHIFT = 3
/** The usual shift is left only where the log likelihood of the errors is greater by so much with the other one. */
const MARGIN = 8
/** Observations from and up to which that is looked at: fewer say little, and later ones lie where the search went. */
const FIRST_LOOK = 20
const LAST_LOOK = 40
/** Errors beyond this quantile are all alike: how bad a hopeless candidate is must not shape the model. */
const CAP_QUANTILE = 0.85

/** The scale errors are modelled on: a shifted logarithm that spreads the good ones and caps the bad ones. */
export interface ErrorScale {
  toModel(error: number): number
  toError(value: number): number
  /** E[(level − e)⁺] of an error whose model value is normally distributed. */
  shortfall(prediction: Prediction, level: number): number
}

/**
 * @param errors at least one
 * @param share of the way from the best error to the reference that the logarithm is shifted by
 */
export function errorScale(errors: readonly number[], referenceError: number, share = USUAL_SHIFT): ErrorScale {
  const sorted = [...errors].sort((a, b) => a - b)
  const least = sorted[0]!
  const spread = referenceError - least
  const shift = (spread > 0 ? share * spread : 1) - least
  const cap = Math.max(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * CAP_QUANTILE))]!, referenceError)
  return {
    toModel: (error) => Math.log(Math.min(error, cap) + shift),
    toError: (value) => Math.exp(value) - shift,
    shortfall: ({ mean, sd }, level) => {
      const strike = level + shift
      if (strike <= 0) return 0
      const depth = (Math.log(strike) - mean) / sd
      return strike * normalCdf(depth) - Math.exp(mean + 0.5 * sd * sd) * normalCdf(depth - sd)
    },
  }
}

/**
 * The shift of the error scale, or undefined while the errors are too few to say. The likelihoods of the errors under both
 * shifts are compared as Box and Cox (1964) do: that of the transformed errors, with mean and variance at their best, times
 * the derivative of the transformation at each error, which for a logarithm is e^−value. Capped errors count as errors at
 * the cap.
 * @param logLikelihood of values under the model, one per error
 */
export function chosenShift(
  errors: readonly number[],
  referenceError: number,
  logLikelihood: (values: Float64Array) => number,
): number | undefined {
  if (errors.length < FIRST_LOOK) return undefined
  if (errors.length > LAST_LOOK) return USUAL_SHIFT
  const judge = (share: number): number => {
    const values = Float64Array.from(errors, errorScale(errors, referenceError, share).toModel)
    return logLikelihood(values) - values.reduce((sum, value) => sum + value, 0)
  }
  if (judge(LONG_TAIL_SHIFT) - judge(USUAL_SHIFT) > MARGIN) return LONG_TAIL_SHIFT
  return errors.length === LAST_LOOK ? USUAL_SHIFT : undefined
}

/** Distribution function of the standard normal (Abramowitz and Stegun 26.2.17, error below 1e-7). */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const tail =
    Math.exp(-0.5 * x * x) *
    0.3989422804014327 *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return x >= 0 ? 1 - tail : tail
}
