import type { EncodedGenome, Encoding } from './encoding.ts'
import { decayed } from './exponential.ts'
import type { Fit, GaussianProcess } from './gaussian-process.ts'
import { interactionOf, type KernelParameters } from './kernel.ts'
import { rowStart } from './triangular.ts'

/**
 * How the log likelihoods of a process's fits, added up, rise with each latent coordinate of the choices: their derivative
 * by every covariance (Rasmussen and Williams 2006, equation 5.9), carried on to the distances between choices and from
 * them to the coordinates.
 * @param rows the points of the process, in order
 * @param apart their distances with the choices where `latents` has them, packed like the factor
 */
export function likelihoodGradient(
  encoding: Encoding,
  process: GaussianProcess,
  fits: readonly Fit[],
  rows: readonly EncodedGenome[],
  apart: Float64Array,
  parameters: KernelParameters,
  latents: readonly number[],
): Float64Array {
  const { groups, groupCodes } = encoding
  const byCovariance = process.covarianceGradient(fits)
  const { weight, rate } = interactionOf(encoding, parameters)
  const slopes = byCovariance.map((slope, at) => -slope * rate * weight * decayed(rate * apart[at]!))
  const byDistance = new Float64Array(latents.length)
  groups.forEach(({ size, start }, g) => {
    for (const { column, firstCode } of groupCodes[g]!) {
      for (let i = 0; i < rows.length; i++) {
        const a = rows[i]!.codes[column]! - firstCode
        // The code after the last choice means that the gene is inactive.
        if (a === size) continue
        for (let j = 0, at = rowStart(i); j < i; j++, at++) {
          const b = rows[j]!.codes[column]! - firstCode
          if (a === b || b === size) continue
          byDistance[start + a * size + b]! += slopes[at]!
        }
      }
    }
  })
  const gradient = new Float64Array(latents.length)
  for (const { size, start } of groups) {
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) {
        const slope = 2 * byDistance[start + a * size + b]!
        if (slope === 0) continue
        for (let k = 0; k < size; k++) {
          const pull = slope * (latents[start + a * size + k]! - latents[start + b * size + k]!)
          gradient[start + a * size + k]! += pull
          gradient[start + b * size + k]! -= pull
        }
      }
    }
  }
  return gradient
}
