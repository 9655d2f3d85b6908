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
  const values = Float64Array.from(residuals, ({ value }) => value)
  let best = { likelihood: Number.NEGATIVE_INFINITY, range: 1, weights: new Float64Array(residuals.length) }
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
  kernel: readonly (readonly number[])[],
  noise: number,
  values: Float64Array,
): { readonly weights: Float64Array<ArrayBuffer>; readonly likelihood: number } {
  const n = values.length
  const factor: Float64Array[] = []
  let logDeterminant = 0
  for (let i = 0; i < n; i++) {
    const row = new Float64Array(i + 1)
    for (let j = 0; j <= i; j++) {
      const other = j === i ? row : factor[j]!
      let rest = j === i ? 1 + noise : kernel[i]![j]!
      for (let k = 0; k < j; k++) rest -= row[k]! * other[k]!
      row[j] = j === i ? Math.sqrt(rest) : rest / other[j]!
    }
    factor.push(row)
    logDeterminant += 2 * Math.log(row[i]!)
  }
  const weights = new Float64Array(values)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) weights[i]! -= factor[i]![k]! * weights[k]!
    weights[i]! /= factor[i]![i]!
  }
  const scale = weights.reduce((sum, value) => sum + value * value, 0) / n
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) weights[i]! -= factor[k]![i]! * weights[k]!
    weights[i]! /= factor[i]![i]!
  }
  // Up to constants, with the scale of the process at its most likely value.
  return { weights, likelihood: scale > 0 ? -n * Math.log(scale) - logDeterminant : Number.NEGATIVE_INFINITY }
}
