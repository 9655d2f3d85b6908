import { mean, populationSd } from '../../lib/statistics.ts'

/** A network whose error on a rung is known. */
export interface SizedError {
  readonly error: number
  /** Such as its MACs; undefined when not known. */
  readonly size: number | undefined
}

/**
 * How sizes of networks compare with their errors on a rung, so that what size has to say can be told without units: sizes
 * count by their logarithms, less the mean, and stretched to the spread of the logarithms of the errors.
 */
export interface SizeScale {
  /** A size on the scale of logarithms of errors; 0 for a network of middling size. */
  readonly of: (size: number | undefined) => number
  /** Standard deviation of the logarithms of the errors, and so of the sizes. */
  readonly spread: number
}

/** Without sizes: all networks count as equally large. */
export const NO_SIZES: SizeScale = { of: () => 0, spread: 1 }

/** The scale is that of the first so many networks of a rung: the earliest ones are spread over the space. */
export const SCALED_NETWORKS = 16

/** Equal values have a spread of rounding errors. */
const LEAST_SPREAD = 1e-9

/** @param first the first `SCALED_NETWORKS` of a rung */
export function sizeScale(first: readonly SizedError[]): SizeScale {
  if (first.some(({ error, size }) => !(error > 0) || size === undefined || !(size > 0))) return NO_SIZES
  const errors = first.map(({ error }) => Math.log(error))
  const sizes = first.map(({ size }) => Math.log(size!))
  const [middle, spread, stretched] = [mean(sizes), populationSd(errors), populationSd(sizes)]
  if (spread < LEAST_SPREAD || stretched < LEAST_SPREAD) return NO_SIZES
  return {
    of: (size) => (size !== undefined && size > 0 ? ((Math.log(size) - middle) * spread) / stretched : 0),
    spread,
  }
}
