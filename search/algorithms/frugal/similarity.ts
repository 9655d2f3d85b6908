import { choiceDistances } from './choice-groups.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import type { Fit, GaussianProcess } from './gaussian-process.ts'
import { interactionOf, type KernelParameters } from './kernel.ts'

/**
 * How the log likelihood of a fitted process rises with each latent coordinate of the choices: its derivative by every
 * covariance (Rasmussen and Williams 2006, equation 5.9), carried on to the distances between choices and from them to the
 * coordinates.
 * @param rows the points of the process, in order
 */
export function likelihoodGradient(
  encoding: Encoding,
  process: GaussianProcess,
  fit: Fit,
  rows: readonly EncodedGenome[],
  parameters: KernelParameters,
  latents: readonly number[],
): Float64Array {
  const { groups, groupCodes } = encoding
  const distances = choiceDistances(groups, latents)
  const byCovariance = process.covarianceGradient(fit)
  const { weight, rate } = interactionOf(encoding, parameters)
  const byDistance = new Float64Array(latents.length)
  for (let i = 0, at = 0; i < rows.length; i++, at++) {
    const own = rows[i]!.codes
    const { distance } = encoding.tables(rows[i]!, distances)
    for (let j = 0; j < i; j++, at++) {
      const other = rows[j]!.codes
      let apart = 0
      for (let k = 0; k < other.length; k++) apart += distance[other[k]!]!
      const slope = -byCovariance[at]! * rate * weight * Math.exp(-rate * apart)
      groups.forEach(({ size, start }, g) => {
        for (const { column, firstCode } of groupCodes[g]!) {
          const a = own[column]! - firstCode
          const b = other[column]! - firstCode
          // The code after the last choice means that the gene is inactive.
          if (a !== b && a < size && b < size) byDistance[start + a * size + b]! += slope
        }
      })
    }
  }
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
