import { COUNT_DECAY, type EncodedGenome, type Encoding, TABLE_ENTRIES } from './encoding.ts'
import { decayed } from './exponential.ts'
import { type Area, kernelMemory } from './kernel-memory.ts'

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

let rowsMade = 0

/** Encoded genomes side by side. */
export class EncodedRows {
  /** A number of its own. */
  readonly id = ++rowsMade
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
    kernelMemory()?.forget(this.id, this.size)
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
  /** Where these arrays lie in the memory that all share; undefined when they lie elsewhere. */
  readonly area: Area | undefined
}

/**
 * Room for distances, which others may have used before and will use again: those of one genome, or of all pairs of a sample.
 */
export function distancesFor(what: 'row' | 'sample', count: number): Distances {
  const memory = kernelMemory()
  const area = memory?.areaFor(what, count)
  const [mismatch, apart, squares, counts, costs] = Array.from({ length: 5 }, (_, kind) =>
    area === undefined ? new Float64Array(count) : memory!.distances(area, kind),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]
  return { mismatch, apart, squares, counts, costs, area }
}

/**
 * Writes the distances of a genome from the rows `from`…`rows.size − 1` to the places from `at` on.
 * @param tables of the genome, as `encoding.tables` makes them
 */
export function measureDistances(
  encoding: Encoding,
  rows: EncodedRows,
  row: EncodedGenome,
  tables: Float64Array,
  from: number,
  into: Distances,
  at: number,
): void {
  const { geneCount, costCount } = encoding
  const { area } = into
  if (area !== undefined && kernelMemory()!.measure(rows, geneCount, costCount, row, tables, from, area, at)) return
  const { size, codes, costs, countLengths } = rows
  for (let i = from, to = at; i < size; i++, to++) {
    let mismatch = 0
    let apart = 0
    let product = 0
    let squares = 0
    for (let gene = i * geneCount, end = gene + geneCount; gene < end; gene++) {
      const entry = TABLE_ENTRIES * codes[gene]!
      mismatch += tables[entry]!
      apart += tables[entry + 1]!
      product += tables[entry + 2]!
      squares += tables[entry + 3]!
    }
    into.mismatch[to] = mismatch
    into.apart[to] = apart
    into.squares[to] = squares
    into.counts[to] = row.countLength + countLengths[i]! - 2 * product
    let squared = 0
    for (let k = 0; k < costCount; k++) {
      const difference = costs[i * costCount + k]! - row.costs[k]!
      squared += difference * difference
    }
    into.costs[to] = squared
  }
}

/** Writes the covariances, relative to the variance, that belong to the distances `from`…`to − 1`, to the places from `at` on. */
export type Kernel = (distances: Distances, from: number, to: number, into: Float64Array, at: number) => void

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
  const weightsAndRates = [
    ...[mainWeight, mainRate, weight, rate, countShare, countDecay],
    ...[smoothWeight, smoothRate, costWeight, costRate],
  ]
  return ({ mismatch, apart, squares, counts, costs, area }, from, to, into, at) => {
    const made = area === undefined ? undefined : kernelMemory()!.covariances(area, from, to, weightsAndRates)
    if (made !== undefined) {
      into.set(made, at)
      return
    }
    for (let i = from; i < to; i++) {
      let covariance = mainWeight - mainRate * mismatch[i]! + weight * decayed(rate * apart[i]!)
      // Rounding may leave equal counts a little below 0 apart.
      if (countShare > 0) covariance += countShare * decayed(countDecay * Math.max(0, counts[i]!))
      if (smoothWeight > 0) covariance += smoothWeight * decayed(smoothRate * squares[i]!)
      if (costWeight > 0) covariance += costWeight * decayed(costRate * costs[i]!)
      into[at + i - from] = covariance
    }
  }
}
