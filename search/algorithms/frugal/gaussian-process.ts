import { choiceDistances, initialLatents } from './choice-groups.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { Factor } from './factor.ts'
import { grown } from './grown.ts'
import {
  createKernel,
  type Distances,
  distancesFor,
  EncodedRows,
  type Kernel,
  type KernelParameters,
  measureDistances,
  noiseOf,
} from './kernel.ts'
import { product, rowStart } from './triangular.ts'

export interface Prediction {
  readonly mean: number
  readonly sd: number
}

/** What fitting one list of targets gave. */
export interface Fit {
  readonly mean: number
  readonly variance: number
  readonly weights: Float64Array
  /** How far each point was from its prediction by those before it, in deviations, squared. */
  readonly surprises: Float64Array
  /** Up to a constant. */
  readonly logLikelihood: number
}

/** What was worked out for a genome; more points only add entries. */
interface Known {
  readonly tables: Float64Array
  covariances: Float64Array<ArrayBuffer>
  /** How many covariances hold for good. */
  count: number
  /** The points they were last worked out for. */
  version: number
  /** The covariances divided by the factor, as far as they were asked for. */
  solved: Float64Array<ArrayBuffer>
  solvedCount: number
}

/** Weight, in points, of the belief that deviations are right. */
const CONFIDENCE = 2
/** Points count by the 20th power of their covariance, which is next to nothing below this. */
const LEAST_LIKENESS = 0.7

/**
 * Gaussian process regression with an unknown constant mean and scale, both estimated by maximum likelihood (Rasmussen
 * and Williams 2006). Adding a point costs O(n²), fitting a list of targets too, and several lists can share the points.
 * What was worked out for a genome is kept as long as the genome's row is, because most candidates come back.
 */
export class GaussianProcess {
  readonly #encoding: Encoding
  readonly #parameters: KernelParameters
  readonly #latents: readonly number[]
  readonly #kernel: Kernel
  readonly #tables: (encoded: EncodedGenome) => Float64Array
  readonly #noise: number
  readonly #rows: EncodedRows
  readonly #known = new WeakMap<EncodedGenome, Known>()
  #distances: Distances = distancesFor('row', 32)
  /** Covariances of the points with those before them, packed by rows. */
  #matrix = new Float64Array(rowStart(32))
  readonly #factor = new Factor()
  /** Ones, divided by the factor. */
  #ones = new Float64Array(32)
  /** Their squares added up, and the logarithms of the factor's diagonal, over the points up to each. */
  #onesSquared = new Float64Array(32)
  #logDeterminants = new Float64Array(32)
  /** Counts the changes of the points. */
  #version = 0
  /** Points after these may be taken back. */
  #settled = 0

  /** @param latents of the choices; by default all are equally far from each other */
  constructor(encoding: Encoding, parameters: KernelParameters, latents = initialLatents(encoding.groups)) {
    this.#encoding = encoding
    this.#parameters = parameters
    this.#latents = latents
    this.#kernel = createKernel(encoding, parameters)
    this.#tables = encoding.tables(choiceDistances(encoding.groups, latents), parameters.bend)
    this.#noise = noiseOf(encoding, parameters)
    this.#rows = new EncodedRows(encoding)
  }

  /** Points added for good. */
  get settled(): number {
    return this.#settled
  }

  /**
   * Adds a point for good; those supposed before are taken back.
   * @param covariances of the point with those before it, where the caller knows them
   */
  add(row: EncodedGenome, covariances?: Float64Array): void {
    this.#takeBack()
    this.#append(row, covariances ?? this.covariances(row))
    this.#settled++
    this.#known.delete(row)
  }

  /** Adds points after those added for good, in the place of others supposed before. */
  suppose(rows: readonly EncodedGenome[]): void {
    this.#takeBack()
    for (const row of rows) this.#append(row, this.covariances(row))
  }

  /** Takes back the points that were supposed. */
  #takeBack(): void {
    if (this.#rows.size === this.#settled) return
    this.#rows.size = this.#settled
    this.#version++
  }

  #append(row: EncodedGenome, covariances: Float64Array): void {
    const n = this.#rows.size
    this.#matrix = grown(this.#matrix, rowStart(n + 1), rowStart(2 * n + 32))
    this.#matrix.set(covariances.subarray(0, n), rowStart(n))
    this.#factor.append(n, covariances, 1 + this.#noise)
    this.#ones = grown(this.#ones, n + 1, 2 * n + 32)
    this.#ones[n] = 1
    this.#factor.solveLower(n + 1, this.#ones, n)
    this.#onesSquared = grown(this.#onesSquared, n + 1, 2 * n + 32)
    this.#logDeterminants = grown(this.#logDeterminants, n + 1, 2 * n + 32)
    this.#onesSquared[n] = (n > 0 ? this.#onesSquared[n - 1]! : 0) + this.#ones[n]! * this.#ones[n]!
    this.#logDeterminants[n] = (n > 0 ? this.#logDeterminants[n - 1]! : 0) + Math.log(this.#factor.diagonal(n))
    this.#rows.add(row)
    this.#version++
  }

  /** A process with the same parameters and only some of the points, whose covariances need not be worked out again. */
  with(points: readonly { readonly row: EncodedGenome; readonly position: number }[]): GaussianProcess {
    const process = new GaussianProcess(this.#encoding, this.#parameters, this.#latents)
    const covariances = new Float64Array(points.length)
    points.forEach(({ row, position }, i) => {
      for (let j = 0; j < i; j++) covariances[j] = this.#matrix[rowStart(position) + points[j]!.position]!
      process.add(row, covariances)
    })
    return process
  }

  /** Fits targets, one per point in order; at least one. */
  fit(targets: Float64Array): Fit {
    const whitened = Float64Array.from(targets)
    this.whiten(whitened, 0, whitened.length)
    return this.fitWhitened(whitened)
  }

  /** Divides targets `from`…`to − 1` by the factor, in place; those before are divided already. */
  whiten(targets: Float64Array, from: number, to: number): void {
    this.#factor.solveLower(to, targets, from)
  }

  /** Fits targets that are whitened, which stay as they are. */
  fitWhitened(whitened: Float64Array): Fit {
    const n = whitened.length
    const { mean, variance, logLikelihood } = this.#estimate(whitened)
    const weights = Float64Array.from(whitened, (value, i) => value - mean * this.#ones[i]!)
    const surprises = weights.map((residual) => (residual * residual) / variance)
    this.#factor.solveUpper(n, weights)
    return { mean, variance, weights, surprises, logLikelihood }
  }

  /** How far each of some targets, which are whitened, is from its prediction by those before it: O(n). */
  misses(whitened: Float64Array): Float64Array {
    const { mean } = this.#estimate(whitened)
    return whitened.map((value, i) => (value - mean * this.#ones[i]!) * this.#factor.diagonal(i))
  }

  #estimate(whitened: Float64Array): { mean: number; variance: number; logLikelihood: number } {
    const n = whitened.length
    let common = 0
    for (let i = 0; i < n; i++) common += this.#ones[i]! * whitened[i]!
    const mean = common / this.#onesSquared[n - 1]!
    let squared = 0
    for (let i = 0; i < n; i++) squared += (whitened[i]! - mean * this.#ones[i]!) ** 2
    const variance = Math.max(squared / n, 1e-12)
    return { mean, variance, logLikelihood: -0.5 * n * Math.log(variance) - this.#logDeterminants[n - 1]! }
  }

  /**
   * Derivative of the log likelihoods of several fits, added up, by the covariance of points i and j < i, both ways,
   * packed like the factor: O(n³).
   */
  covarianceGradient(fits: readonly Fit[]): Float64Array {
    const n = this.#rows.size
    const columns = Array.from({ length: n }, (_, i) => {
      const unit = new Float64Array(n)
      unit[i] = 1
      this.#factor.solveLower(n, unit, i)
      return unit
    })
    const gradient = new Float64Array(rowStart(n))
    for (let i = 0, at = 0; i < n; i++, at++) {
      for (let j = 0; j < i; j++, at++) {
        let slope = -fits.length * product(columns[i]!, i, columns[j]!, i, n - i)
        for (const { weights, variance } of fits) slope += (weights[i]! * weights[j]!) / variance
        gradient[at] = slope
      }
    }
    return gradient
  }

  /** Covariances of a point with every training point; there may be entries beyond. Valid until the next call. */
  covariances(row: EncodedGenome): Float64Array {
    return this.#of(row).covariances
  }

  #of(row: EncodedGenome): Known {
    let known = this.#known.get(row)
    if (known === undefined) {
      known = {
        tables: this.#tables(row),
        covariances: new Float64Array(0),
        count: 0,
        version: -1,
        solved: new Float64Array(0),
        solvedCount: 0,
      }
      this.#known.set(row, known)
    }
    if (known.version === this.#version) return known
    const n = this.#rows.size
    known.covariances = grown(known.covariances, n, n + 32)
    if (this.#distances.apart.length < n) this.#distances = distancesFor('row', 2 * n)
    measureDistances(this.#encoding, this.#rows, row, known.tables, known.count, this.#distances, 0)
    this.#kernel(this.#distances, 0, n - known.count, known.covariances, known.count)
    known.count = this.#settled
    known.version = this.#version
    return known
  }

  /** Expected value at a point: O(n), or O(1) for each point added since the last time. */
  mean(fit: Fit, row: EncodedGenome): number {
    return this.means([fit], row)[0]!
  }

  means(fits: readonly Fit[], row: EncodedGenome): number[] {
    const covariances = this.covariances(row)
    return fits.map(({ mean, weights }) => mean + product(covariances, 0, weights, 0, this.#rows.size))
  }

  /** Standard deviation of what will be measured at a point, noise included, for luck counts too: O(n²), or O(n) again. */
  sd(fit: Fit, row: EncodedGenome): number {
    return Math.sqrt(fit.variance * this.relativeVariance(row))
  }

  /** Its square, relative to the variance of a fit. */
  relativeVariance(row: EncodedGenome): number {
    const n = this.#rows.size
    const known = this.#of(row)
    known.solved = grown(known.solved, n, n + 32)
    known.solved.set(known.covariances.subarray(known.solvedCount, n), known.solvedCount)
    this.#factor.solveLower(n, known.solved, known.solvedCount)
    known.solvedCount = this.#settled
    const explained = product(known.solved, 0, known.solved, 0, n)
    return Math.max(1e-9, 1 + this.#noise - explained)
  }

  /**
   * By what factor deviations at a point should be larger, or smaller, by how surprising the points most like it were: the
   * root of their mean squared surprise, with some weight on 1. O(n).
   */
  doubt({ surprises }: Fit, row: EncodedGenome): number {
    const covariances = this.covariances(row)
    let above = CONFIDENCE
    let below = CONFIDENCE
    for (let i = 0; i < this.#settled; i++) {
      const covariance = covariances[i]!
      if (covariance < LEAST_LIKENESS) continue
      const square = covariance * covariance
      const eighth = square * square * square * square
      const weight = eighth * eighth * square * square
      above += weight * surprises[i]!
      below += weight
    }
    return Math.sqrt(above / below)
  }

  /** An upper estimate of `sd` from the nearest training point alone: O(n). */
  roughSd(fit: Fit, row: EncodedGenome): number {
    const covariances = this.covariances(row)
    let nearest = 0
    for (let i = 0; i < this.#rows.size; i++) nearest = Math.max(nearest, covariances[i]!)
    return Math.sqrt(fit.variance * Math.max(1e-9, 1 + this.#noise - (nearest * nearest) / (1 + this.#noise)))
  }
}
