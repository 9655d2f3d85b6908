import { COUNT_DECAY, type EncodedGenome, type Encoding, TABLE_ENTRIES } from './encoding.ts'
import { decayed } from './exponential.ts'
import { tableSums } from './table-sums.ts'

/** What the covariance of two genomes is made of. All entries but the noise are relative to the interaction part's 1. */
export interface KernelParameters {
  /** Weight of the additive part: each gene on its own. */
  readonly main: number
  /** Weight of the choice counts. */
  readonly count: number
  /** Weight of the known costs. */
  readonly cost: number
  /** How fast the interaction part falls with the share of genes that differ. */
  readonly decay: number
  /** Distance in standard deviations over which costs are alike. */
  readonly costScale: number
  /** Variance of the noise, relative to that of the whole, whose count part is taken as if it fell fast. */
  readonly noise: number
  /** Weight of the smooth part, for spaces with ordinal genes: a normal curve of all genes' distances. */
  readonly smooth: number
  /** How fast the smooth part falls with the squared distance. */
  readonly smoothDecay: number
  /** Power that ordinal scales are bent by: below 1 the first choices lie farther apart than the last ones. */
  readonly bend: number
}

export const INITIAL_PARAMETERS: KernelParameters = {
  main: 0.3,
  count: 3,
  cost: 1,
  decay: 1.7,
  costScale: 1,
  noise: 0.01,
  smooth: 1,
  smoothDecay: 1,
  bend: 1,
}

/** Values each parameter may take, in order. */
export const PARAMETER_GRIDS: Readonly<Record<keyof KernelParameters, readonly number[]>> = {
  main: [0, 0.3, 1, 3],
  count: [0, 0.3, 1, 3, 10],
  cost: [0, 0.3, 1, 3, 10],
  decay: [0.5, 1, 1.7, 2.5, 3.3],
  costScale: [0.5, 1, 2],
  noise: [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
  smooth: [0, 0.3, 1, 3, 10],
  smoothDecay: [0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
  bend: [0.25, 0.4, 0.65, 1, 1.5],
}

/**
 * Where the smooth part may begin anew, at lengths that single moves of a parameter do not lead to: all of the error's
 * variation but a slow trend is then thought to have one of these lengths.
 */
export const SMOOTH_STARTS: readonly KernelParameters[] = [1, 3, 10, 30].map((smoothDecay) => ({
  main: 0,
  count: 0,
  cost: 10,
  decay: 0.5,
  costScale: 2,
  noise: 0.003,
  smooth: 10,
  smoothDecay,
  bend: 1,
}))

/** Encoded genomes side by side. */
export class EncodedRows {
  size = 0
  codes: Uint16Array
  costs: Float64Array
  /** Squared lengths of the counts. */
  countLengths: Float64Array
  readonly #geneCount: number
  readonly #costCount: number

  constructor({ geneCount, costCount }: Encoding) {
    this.#geneCount = geneCount
    this.#costCount = costCount
    this.codes = new Uint16Array(32 * geneCount)
    this.costs = new Float64Array(32 * costCount)
    this.countLengths = new Float64Array(32)
  }

  add(row: EncodedGenome): void {
    if (this.size === this.countLengths.length) {
      const capacity = 2 * this.size
      const { codes, costs, countLengths } = this
      this.codes = new Uint16Array(capacity * this.#geneCount)
      this.costs = new Float64Array(capacity * this.#costCount)
      this.countLengths = new Float64Array(capacity)
      this.codes.set(codes)
      this.costs.set(costs)
      this.countLengths.set(countLengths)
    }
    this.codes.set(row.codes, this.size * this.#geneCount)
    this.costs.set(row.costs, this.size * this.#costCount)
    this.countLengths[this.size] = row.countLength
    this.size++
  }
}

/** How far a genome is from each of some rows, in the ways that its covariances depend on. */
export interface Distances {
  /** Sum of the genes' mismatches. */
  readonly mismatch: Float64Array
  /** The same with the learned distances of choices. */
  readonly apart: Float64Array
  /** Sum of the genes' squared mismatches. */
  readonly squares: Float64Array
  /** Squared distance of the counts, and of the costs. */
  readonly counts: Float64Array
  readonly costs: Float64Array
}

export const distancesFor = (size: number): Distances => ({
  mismatch: new Float64Array(size),
  apart: new Float64Array(size),
  squares: new Float64Array(size),
  counts: new Float64Array(size),
  costs: new Float64Array(size),
})

/**
 * Writes the distances of a genome from the rows `from`…`rows.size − 1` to those places of `into`.
 * @param tables of the genome, as `encoding.tables` makes them
 */
export function measureDistances(
  encoding: Encoding,
  rows: EncodedRows,
  row: EncodedGenome,
  tables: Float64Array,
  into: Distances,
  from: number,
): void {
  const { geneCount, costCount } = encoding
  const { size, codes, costs, countLengths } = rows
  const sums = tableSums(codes, geneCount, from, size, tables)
  for (let i = from, at = 0; i < size; i++, at += TABLE_ENTRIES) {
    into.mismatch[i] = sums[at]!
    into.apart[i] = sums[at + 1]!
    into.squares[i] = sums[at + 3]!
    into.counts[i] = row.countLength + countLengths[i]! - 2 * sums[at + 2]!
    let squared = 0
    for (let k = 0; k < costCount; k++) {
      const difference = costs[i * costCount + k]! - row.costs[k]!
      squared += difference * difference
    }
    into.costs[i] = squared
  }
}

/** Writes the covariances `from`…`to − 1`, relative to the variance, that belong to distances. */
export type Kernel = (distances: Distances, from: number, to: number, into: Float64Array) => void

/**
 * Weight of the count part. The slower it falls, the closer it is to a sum over the genes and the greater it must be for
 * the same differences.
 */
const countWeight = ({ countCount, countDecay }: Encoding, { count }: KernelParameters): number =>
  countCount > 0 ? count * (COUNT_DECAY / countDecay) : 0

const wholeWeight = (
  { costCount, hasOrdinal }: Encoding,
  { main, cost, smooth }: KernelParameters,
  count: number,
): number => 1 + main + count + (costCount > 0 ? cost : 0) + (hasOrdinal ? smooth : 0)

/** Weight of the interaction part, exp(−rate · distance), in the whole, and its rate. */
export function interactionOf(encoding: Encoding, parameters: KernelParameters): { weight: number; rate: number } {
  const whole = wholeWeight(encoding, parameters, countWeight(encoding, parameters))
  return { weight: 1 / whole, rate: parameters.decay / encoding.typicalMismatch }
}

/** Variance of the noise in the covariances of the kernel: a share of what genomes differ by. */
export function noiseOf(encoding: Encoding, parameters: KernelParameters): number {
  const falling = wholeWeight(encoding, parameters, encoding.countCount > 0 ? parameters.count : 0)
  return parameters.noise * (falling / wholeWeight(encoding, parameters, countWeight(encoding, parameters)))
}

/** Positive definite, 1 for equal genomes. */
export function createKernel(encoding: Encoding, parameters: KernelParameters): Kernel {
  const { geneCount, costCount, countDecay } = encoding
  const { weight, rate } = interactionOf(encoding, parameters)
  const mainWeight = parameters.main * weight
  const mainRate = mainWeight / Math.max(1, geneCount)
  const countShare = countWeight(encoding, parameters) * weight
  const costWeight = costCount > 0 ? parameters.cost * weight : 0
  const costRate = costCount > 0 ? 0.5 / (costCount * parameters.costScale ** 2) : 0
  const smoothWeight = encoding.hasOrdinal ? parameters.smooth * weight : 0
  const smoothRate = smoothWeight > 0 ? parameters.smoothDecay / encoding.typicalSquare : 0
  return ({ mismatch, apart, squares, counts, costs }, from, to, into) => {
    for (let i = from; i < to; i++) {
      let covariance = mainWeight - mainRate * mismatch[i]! + weight * decayed(rate * apart[i]!)
      // Rounding may leave equal counts a little below 0 apart.
      if (countShare > 0) covariance += countShare * decayed(countDecay * Math.max(0, counts[i]!))
      if (smoothWeight > 0) covariance += smoothWeight * decayed(smoothRate * squares[i]!)
      if (costWeight > 0) covariance += costWeight * decayed(costRate * costs[i]!)
      into[i] = covariance
    }
  }
}
