import type { Prediction } from './gaussian-process.ts'

/** Share of the way from the best error to the reference that the logarithm is shifted by. */
const SHIFT = 0.3
/** Errors beyond this quantile are all alike: how bad a hopeless candidate is must not shape the model. */
const CAP_QUANTILE = 0.85

/** The scale errors are modelled on: a shifted logarithm that spreads the good ones and caps the bad ones. */
export interface ErrorScale {
  toModel(error: number): number
  toError(value: number): number
  /** E[(level − e)⁺] of an error whose model value is normally distributed. */
  shortfall(prediction: Prediction, level: number): number
}

/** @param errors at least one */
export function errorScale(errors: readonly number[], referenceError: number): ErrorScale {
  const sorted = [...errors].sort((a, b) => a - b)
  const least = sorted[0]!
  const spread = referenceError - least
  const shift = (spread > 0 ? SHIFT * spread : 1) - least
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
