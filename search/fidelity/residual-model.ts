import { cholesky, dot, type Matrix, solveFactored } from '../../lib/linear-systems.ts'
import type { Genome } from '../../spaces/genome.ts'

/** What the curve missed by, at a genome. */
export interface Residual {
  readonly genome: Genome
  readonly value: number
}

/** Ranges over which networks are alike, as distances of genomes from 0 to 1. */
const RANGES = [0.4, 0.8, 1.6]
/** Variance that no similarity explains, as a share of what it does explain; the last one all but turns the model off. */
const NOISES = [0.1, 0.3, 1, 3, 30]

/**
 * Regression of residuals on the genome: a Gaussian process with an exponential kernel and mean 0 whose range and noise
 * are those of the largest likelihood (Rasmussen and Williams 2006). Networks of one kind often gain more from further
 * training than others, and this is how their like profits from it.
 * @returns the residual expected at a genome
 */
export function residualModel(
  residuals: readonly Residual[],
  distance: (a: Genome, b: Genome) => number,
): (genome: Genome) => number {
  const apart = residuals.map((a, i) => residuals.slice(0, i).map((b) => distance(a.genome, b.genome)))
  const values = residuals.map(({ value }) => value)
  let best = { likelihood: Number.NEGATIVE_INFINITY, range: 1, weights: values.map(() => 0) as readonly number[] }
  for (const range of RANGES) {
    const kernel = apart.map((row) => row.map((d) => Math.exp(-d / range)))
    for (const noise of NOISES) {
      const fit = weightsOf(kernel, noise, values)
      if (fit.likelihood > best.likelihood) best = { ...fit, range }
    }
  }
  const { range, weights } = best
  return (genome) =>
    residuals.reduce((sum, other, i) => sum + weights[i]! * Math.exp(-distance(genome, other.genome) / range), 0)
}

/** Solves (K + noise · I) w = values by Cholesky. `kernel` is the part of K below its diagonal of ones. */
function weightsOf(
  kernel: Matrix,
  noise: number,
  values: readonly number[],
): { readonly weights: readonly number[]; readonly likelihood: number } {
  const factor = cholesky(kernel.map((row) => [...row, 1 + noise]))
  const weights = solveFactored(factor, values)
  const scale = dot(values, weights) / values.length
  const logDeterminant = factor.reduce((sum, row, i) => sum + 2 * Math.log(row[i]!), 0)
  // Up to constants, with the scale of the process at its most likely value.
  const likelihood = scale > 0 ? -values.length * Math.log(scale) - logDeterminant : Number.NEGATIVE_INFINITY
  return { weights, likelihood }
}
