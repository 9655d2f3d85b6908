import type { Prediction } from './gaussian-process.ts'

/**
 * Share of the way from the best error to the reference that the logarithm is shifted by: errors near the best one are
 * usually close together, for there is a floor.
 */
export const USUAL_SHIFT = 0.3
/** The same for scores whose good end is the long one; the scale is next to linear then. */
export const LONG_TAIL_SHIFT = 3
/** Scores that span orders of magnitude: the logarithm is that of how much better than the worst an error is. */
export const MIRRORED = 'mirrored'
/** How the logarithm that errors are modelled by is shifted, or that it is mirrored. */
export type ErrorShift = number | typeof MIRRORED
/** Share of the same way that a mirrored logarithm is shifted by. */
const MIRRORED_SHIFT = 0.03
/** The usual shift is left only where the log likelihood of the errors is greater by so much with the other one. */
const MARGIN = 8
/** The same for the mirrored scale, which is farther away from the usual one. */
const MIRRORED_MARGIN = 16
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
 * @param shift share of the way from the best error to the reference that the logarithm is shifted by, or `MIRRORED`
 * @param spared so many more of the worst errors than usual are not cut off
 */
export function errorScale(
  errors: readonly number[],
  referenceError: number,
  shift: ErrorShift = USUAL_SHIFT,
  spared = 0,
): ErrorScale {
  const sorted = [...errors].sort((a, b) => a - b)
  const least = sorted[0]!
  const spread = referenceError - least
  const last = Math.min(sorted.length - 1, Math.floor(sorted.length * CAP_QUANTILE) + spared)
  const cap = Math.max(sorted[last]!, referenceError)
  const shifted = (share: number): number => (spread > 0 ? share * spread : 1)
  if (shift === MIRRORED) return mirroredScale(cap, cap + shifted(MIRRORED_SHIFT))
  const added = shifted(shift) - least
  return {
    toModel: (error) => Math.log(Math.min(error, cap) + added),
    toError: (value) => Math.exp(value) - added,
    shortfall: ({ mean, sd }, level) => {
      const strike = level + added
      if (strike <= 0) return 0
      const depth = (Math.log(strike) - mean) / sd
      return strike * normalCdf(depth) - Math.exp(mean + 0.5 * sd * sd) * normalCdf(depth - sd)
    },
  }
}

/** The negative logarithm of how far below `end`, which is beyond the cap, an error lies. */
function mirroredScale(cap: number, end: number): ErrorScale {
  return {
    toModel: (error) => -Math.log(end - Math.min(error, cap)),
    toError: (value) => end - Math.exp(-value),
    shortfall: ({ mean, sd }, level) => {
      const expected = Math.exp(0.5 * sd * sd - mean)
      const strike = end - level
      if (strike <= 0) return expected - strike
      const depth = -(mean + Math.log(strike)) / sd
      return expected * normalCdf(depth + sd) - strike * normalCdf(depth)
    },
  }
}

/**
 * The shift of the error scale, or undefined while the errors are too few to say. The likelihoods of the errors under the
 * scales are compared as Box and Cox (1964) do: that of the transformed errors, with mean and variance at their best, times
 * the derivative of the transformation at each error, which for a logarithm is e^−value and for a mirrored one e^value.
 * Capped errors count as errors at the cap. Where a few errors are far worse than all others, the mirrored scale may gain much by
 * all of them being cut off and lose it with one of them on the scale, which says nothing of the good ones: it has to be as far
 * ahead with the cap at the next error.
 * @param logLikelihood of values under the model, one per error
 */
export function chosenShift(
  errors: readonly number[],
  referenceError: number,
  logLikelihood: (values: Float64Array) => number,
): ErrorShift | undefined {
  if (errors.length < FIRST_LOOK) return undefined
  if (errors.length > LAST_LOOK) return USUAL_SHIFT
  const judge = (shift: ErrorShift, spared = 0): number => {
    const values = Float64Array.from(errors, errorScale(errors, referenceError, shift, spared).toModel)
    const sum = values.reduce((total, value) => total + value, 0)
    return logLikelihood(values) + (shift === MIRRORED ? sum : -sum)
  }
  const usual = judge(USUAL_SHIFT)
  if (judge(MIRRORED) - usual > MIRRORED_MARGIN && judge(MIRRORED, 1) - judge(USUAL_SHIFT, 1) > MIRRORED_MARGIN) {
    return MIRRORED
  }
  if (judge(LONG_TAIL_SHIFT) - usual > MARGIN) return LONG_TAIL_SHIFT
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
