import { choiceDistances, initialLatents } from './choice-groups.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { createKernel, EncodedRows, type Kernel, type KernelParameters } from './kernel.ts'
import { appendCholeskyRow, product, rowStart, solveLower, solveUpper } from './triangular.ts'

export interface Prediction {
  readonly mean: number
  readonly sd: number
}

/** What fitting one list of targets gave. */
export interface Fit {
  readonly mean: number
  readonly variance: number
  readonly weights: Float64Array
  /** Up to a constant. */
  readonly logLikelihood: number
  /** Root of the mean squared error that the latest points were predicted with from those before them. */
  readonly recentError: number
}

/** Points that the recent error is the mean of. */
const RECENT = 30

/**
 * Gaussian process regression with an unknown constant mean and scale, both estimated by maximum likelihood (Rasmussen
 * and Williams 2006). Adding a point costs O(n²), fitting a list of targets too, and several lists can share the points.
 */
export class GaussianProcess {
  readonly #kernel: Kernel
  readonly #noise: number
  readonly #rows: EncodedRows
  #factor = new Float64Array(rowStart(32))

  /** @param latents of the choices; by default all are equally far from each other */
  constructor(encoding: Encoding, parameters: KernelParameters, latents = initialLatents(encoding.groups)) {
    this.#kernel = createKernel(encoding, parameters, choiceDistances(encoding.groups, latents))
    this.#noise = parameters.noise
    this.#rows = new EncodedRows(encoding)
  }

  get size(): number {
    return this.#rows.size
  }

  add(row: EncodedGenome): void {
    const n = this.#rows.size
    if (rowStart(n + 1) > this.#factor.length) {
      const larger = new Float64Array(rowStart(2 * n + 32))
      larger.set(this.#factor)
      this.#factor = larger
    }
    appendCholeskyRow(this.#factor, n, this.covariances(row), 1 + this.#noise)
    this.#rows.add(row)
  }

  /** Forgets all but the first `size` points. */
  truncate(size: number): void {
    this.#rows.size = Math.min(this.#rows.size, size)
  }

  /** Fits targets, one per point in order; at least one. */
  fit(targets: Float64Array): Fit {
    const n = this.#rows.size
    const ones = new Float64Array(n).fill(1)
    const weights = Float64Array.from(targets)
    solveLower(this.#factor, n, ones)
    solveLower(this.#factor, n, weights)
    let onesSquared = 0
    let product = 0
    for (let i = 0; i < n; i++) {
      onesSquared += ones[i]! * ones[i]!
      product += ones[i]! * weights[i]!
    }
    const mean = product / onesSquared
    let squared = 0
    let logDeterminant = 0
    for (let i = 0; i < n; i++) {
      weights[i]! -= mean * ones[i]!
      squared += weights[i]! * weights[i]!
      logDeterminant += Math.log(this.#factor[rowStart(i) + i]!)
    }
    const variance = Math.max(squared / n, 1e-12)
    const recent = Math.max(1, n - RECENT)
    let missed = 0
    for (let i = recent; i < n; i++) missed += (weights[i]! * this.#factor[rowStart(i) + i]!) ** 2
    const recentError = n > 1 ? Math.sqrt(missed / (n - recent)) : 0
    solveUpper(this.#factor, n, weights)
    return { mean, variance, weights, recentError, logLikelihood: -0.5 * n * Math.log(variance) - logDeterminant }
  }

  /** Derivative of the log likelihood by the covariance of points i and j < i, both ways, packed like the factor: O(n³). */
  covarianceGradient(fit: Fit): Float64Array {
    const n = this.#rows.size
    const columns = Array.from({ length: n }, (_, i) => {
      const unit = new Float64Array(n)
      unit[i] = 1
      solveLower(this.#factor, n, unit)
      return unit
    })
    const gradient = new Float64Array(rowStart(n))
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const inverse = product(columns[i]!, i, columns[j]!, i, n - i)
        gradient[rowStart(i) + j] = (fit.weights[i]! * fit.weights[j]!) / fit.variance - inverse
      }
    }
    return gradient
  }

  /** Covariances of a point with every training point. */
  covariances(row: EncodedGenome): Float64Array {
    return this.#kernel(this.#rows, row)
  }

  /** Expected value at a point: O(n). */
  mean(fit: Fit, covariances: Float64Array): number {
    let mean = fit.mean
    for (let i = 0; i < covariances.length; i++) mean += covariances[i]! * fit.weights[i]!
    return mean
  }

  /** Standard deviation of what will be measured at a point, noise included, for luck counts too: O(n²). */
  sd(fit: Fit, covariances: Float64Array): number {
    const solved = Float64Array.from(covariances)
    solveLower(this.#factor, solved.length, solved)
    let explained = 0
    for (let i = 0; i < solved.length; i++) explained += solved[i]! * solved[i]!
    return Math.sqrt(fit.variance * Math.max(1e-9, 1 + this.#noise - explained))
  }

  /** An upper estimate of `sd` from the nearest training point alone: O(n). */
  roughSd(fit: Fit, covariances: Float64Array): number {
    let nearest = 0
    for (let i = 0; i < covariances.length; i++) nearest = Math.max(nearest, covariances[i]!)
    return Math.sqrt(fit.variance * Math.max(1e-9, 1 + this.#noise - (nearest * nearest) / (1 + this.#noise)))
  }
}
