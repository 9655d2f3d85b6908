import { mean } from '../../lib/statistics.ts'
import type { Genome } from '../../spaces/genome.ts'
import { residualModel } from './residual-model.ts'
import type { SizeScale } from './size-scale.ts'

/** What is known of a network before it is trained. */
export interface UntrainedNetwork {
  readonly genome: Genome
  /** Such as its MACs; undefined when not known. */
  readonly size: number | undefined
}

/** The error of one network on a rung and on the next. */
export interface ErrorPair extends UntrainedNetwork {
  readonly lower: number
  readonly upper: number
}

/** What a network's error on a rung is expected to become on the next. */
export type Correction = (error: number, network: UntrainedNetwork) => number

/** What corrections of a rung are learnt with. */
export interface CorrectionSettings {
  /** How far genomes are apart, 0 to 1. */
  readonly distance: (a: Genome, b: Genome) => number
  readonly sizes: SizeScale
  /**
   * What a network larger by one standard deviation is believed to gain on the way to the next rung, in standard deviations
   * of the errors.
   */
  readonly sizeGain: number
}

/**
 * A straight line in logarithms, which keeps the order of networks of one size. Beyond `limit`, the largest error seen on
 * both rungs, the line is at least as steep as 1: the worse networks of a rung do not go up, so nothing was seen of how
 * little training helps them.
 */
interface ErrorCurve {
  readonly intercept: number
  readonly slope: number
  /** Change with the size, on the scale of `SizeScale`. */
  readonly sizeSlope: number
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
/** How much the belief in what size gains weighs: as much as so many pairs one standard deviation apart. */
const PRIOR_SIZE_PAIRS = 10

const logarithm = (error: number): number => Math.log(Math.max(error, LEAST_ERROR))

/** More pairs would take too long to fit; the latest are the ones most like what is to come. */
const MOST_PAIRS = 160

/**
 * Learns from networks that were measured on both rungs: a curve by least squares, with a belief in slope 1 and in what
 * larger networks gain, and what similar networks missed the curve by.
 * @param pairs the latest last; without any, the belief alone
 */
export function fitCorrection(pairs: readonly ErrorPair[], settings: CorrectionSettings): Correction {
  const { distance, sizes, sizeGain } = settings
  if (pairs.length === 0) return (error, { size }) => error * Math.exp(-sizeGain * sizes.of(size))
  const recent = pairs.slice(-MOST_PAIRS)
  const curve = fitCurve(recent, settings)
  const expected = (error: number, size: number | undefined) =>
    onCurve(logarithm(error), curve) + curve.sizeSlope * sizes.of(size)
  const missed = residualModel(
    recent.map(({ genome, size, lower, upper }) => ({ genome, value: logarithm(upper) - expected(lower, size) })),
    distance,
  )
  return (error, { genome, size }) => Math.exp(expected(error, size) + missed(genome))
}

function fitCurve(pairs: readonly ErrorPair[], { sizes, sizeGain }: CorrectionSettings): ErrorCurve {
  const x = pairs.map(({ lower }) => logarithm(lower))
  const s = pairs.map(({ size }) => sizes.of(size))
  const y = pairs.map(({ upper }) => logarithm(upper))
  const [meanX, meanS, meanY] = [mean(x), mean(s), mean(y)]
  const joint = (a: readonly number[], meanA: number, b: readonly number[], meanB: number) =>
    a.reduce((sum, value, i) => sum + (value - meanA) * (b[i]! - meanB), 0)
  const belief = PRIOR_PAIRS * PRIOR_SPREAD ** 2
  const sizeBelief = PRIOR_SIZE_PAIRS * sizes.spread ** 2
  // The normal equations of both slopes, each belief one more square to be small.
  const [xx, xs] = [joint(x, meanX, x, meanX) + belief, joint(x, meanX, s, meanS)]
  const ss = joint(s, meanS, s, meanS) + sizeBelief
  const [xy, sy] = [joint(x, meanX, y, meanY) + belief, joint(s, meanS, y, meanY) - sizeBelief * sizeGain]
  const determinant = xx * ss - xs * xs
  const slope = Math.max(LEAST_SLOPE, (xy * ss - sy * xs) / determinant)
  const sizeSlope = (sy - xs * slope) / ss
  return { intercept: meanY - slope * meanX - sizeSlope * meanS, slope, sizeSlope, limit: Math.max(...x) }
}

/** Logarithms of errors, of a rung and of the next, at a middling size. */
const onCurve = (x: number, { intercept, slope, limit }: ErrorCurve): number =>
  intercept + slope * Math.min(x, limit) + Math.max(slope, 1) * Math.max(0, x - limit)
