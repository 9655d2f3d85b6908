/** The error of one network on a rung and on the next. */
export interface ErrorPair {
  readonly lower: number
  readonly upper: number
}

/**
 * What an error on a rung is expected to become on the next: a straight line in logarithms, which keeps the order of
 * networks. Beyond `limit`, the largest error seen on both rungs, the line is at least as steep as 1: the worse
 * networks of a rung do not go up, so nothing was seen of how little training helps them.
 */
export interface ErrorCurve {
  readonly intercept: number
  readonly slope: number
  /** Logarithm of an error. */
  readonly limit: number
}

/** An error of 0 has no logarithm. */
const LEAST_ERROR = 1e-6
const LEAST_SLOPE = 0.05
/** How much the belief that errors shrink by one factor weighs: as much as so many pairs one standard deviation apart. */
const PRIOR_PAIRS = 2
/** Standard deviation of the logarithms of errors that the belief counts with. */
const PRIOR_SPREAD = 0.25

const logarithm = (error: number): number => Math.log(Math.max(error, LEAST_ERROR))

/**
 * The curve through the pairs by least squares with a belief in slope 1.
 * @param pairs at least one
 */
export function fitErrorCurve(pairs: readonly ErrorPair[]): ErrorCurve {
  const x = pairs.map(({ lower }) => logarithm(lower))
  const y = pairs.map(({ upper }) => logarithm(upper))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanX, meanY] = [mean(x), mean(y)]
  const belief = PRIOR_PAIRS * PRIOR_SPREAD ** 2
  const covariance = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i]! - meanY), belief)
  const variance = x.reduce((sum, value) => sum + (value - meanX) ** 2, belief)
  const slope = Math.max(LEAST_SLOPE, covariance / variance)
  return { intercept: meanY - slope * meanX, slope, limit: Math.max(...x) }
}

/** The error expected on the next rung. */
export function correctedError(error: number, { intercept, slope, limit }: ErrorCurve): number {
  const x = logarithm(error)
  return Math.exp(intercept + slope * Math.min(x, limit) + Math.max(slope, 1) * Math.max(0, x - limit))
}
