import type { Genome } from '../../spaces/genome.ts'
import { residualModel } from './residual-model.ts'

/** The error of one network on a rung and on the next. */
export interface ErrorPair {
  readonly genome: Genome
  readonly lower: number
  readonly upper: number
}

/** What a network's error on a rung is expected to become on the next. */
export type Correction = (error: number, genome: Genome) => number

/**
 * A straight line in logarithms, which keeps the order of networks. Beyond `limit`, the largest error seen on both rungs,
 * the line is at least as steep as 1: the worse networks of a rung do not go up, so nothing was seen of how little
 * training helps them.
 */
interface ErrorCurve {
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

/** More pairs would take too long to fit; the latest are the ones most like what is to come. */
const MOST_PAIRS = 160

/**
 * Learns from networks that were measured on both rungs: a curve by least squares, with a belief in slope 1, and what
 * similar networks missed the curve by.
 * @param pairs at least one, the latest last
 * @param distance of genomes, 0 to 1
 */
export function fitCorrection(pairs: readonly ErrorPair[], distance: (a: Genome, b: Genome) => number): Correction {
  const recent = pairs.slice(-MOST_PAIRS)
  const curve = fitCurve(recent)
  const missed = residualModel(
    recent.map(({ genome, lower, upper }) => ({ genome, value: logarithm(upper) - onCurve(logarithm(lower), curve) })),
    distance,
  )
  return (error, genome) => Math.exp(onCurve(logarithm(error), curve) + missed(genome))
}

function fitCurve(pairs: readonly ErrorPair[]): ErrorCurve {
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

/** Logarithms of errors, of a rung and of the next. */
const onCurve = (x: number, { intercept, slope, limit }: ErrorCurve): number =>
  intercept + slope * Math.min(x, limit) + Math.max(slope, 1) * Math.max(0, x - limit)
