import { UserError } from '../../lib/errors.ts'
import { formatNumber } from '../../lib/units.ts'
import { hypervolume, nonDominatedIndices } from '../pareto/index.ts'

export type NormalisationKind = 'roi' | 'full'

/** The box that hypervolumes are shares of: one value per objective, the error in percent first. */
export interface Normalisation {
  readonly ideal: readonly number[]
  readonly reference: readonly number[]
}

/** Columns of a minimisation problem, one value per architecture; the error in percent first. */
export type ObjectiveColumns = readonly Float64Array[]

/** The region of interest leaves out the worst networks; this share of all is let in. */
const INTERESTING_SHARE = 0.85
/** Two digits of an error are enough while they let in a share between these. */
const [LEAST_SHARE, MOST_SHARE] = [0.75, 0.95]
/** Room beyond the dearest network of the front, as a share of its cost, so that it counts for something. */
const COST_MARGIN = 0.05

/**
 * The error that bounds the region of interest where nobody gives one: 85 % of the architectures are at least as good,
 * rounded to two digits where that lets in about as many. This gives the limits that the published baselines of
 * NAS-Bench-201 use, 15 % on CIFAR-10 and 45 % on CIFAR-100. Where so many are as good as the best one, it is the worst error.
 */
export function interestingError(errors: Float64Array): number {
  const sorted = errors.slice().sort()
  const quantile = sorted[Math.ceil(INTERESTING_SHARE * sorted.length) - 1]!
  if (quantile === sorted[0]) return sorted.at(-1)!
  const rounded = Number(quantile.toPrecision(2))
  const share = sorted.filter((error) => error <= rounded).length / sorted.length
  return share >= LEAST_SHARE && share <= MOST_SHARE ? rounded : quantile
}

/** From the least to the greatest value of every column. */
export const fullRange = (columns: ObjectiveColumns): Normalisation => ({
  ideal: columns.map(least),
  reference: columns.map((column) => column.reduce((most, value) => Math.max(most, value))),
})

/**
 * The region of interest: errors up to `errorLimit`, costs from the cheapest architecture within it to 1.05 times the
 * dearest one on the front of those within it (a twentieth above it, where a cost is negative).
 * @throws UserError when no architecture is within the limit.
 */
export function regionOfInterest(columns: ObjectiveColumns, errorLimit: number): Normalisation {
  const inside = [...columns[0]!.keys()].filter((i) => columns[0]![i]! <= errorLimit)
  if (inside.length === 0) {
    throw new UserError(
      `no network has an error of at most ${formatNumber(errorLimit)}: the lowest is ${formatNumber(least(columns[0]!))}`,
    )
  }
  const chosen = columns.map((column) => Float64Array.from(inside, (i) => column[i]!))
  const front = nonDominatedIndices(rowsOf(chosen), inside.length, columns.length)
  return {
    ideal: chosen.map(least),
    reference: chosen.map((column, j) => {
      if (j === 0) return errorLimit
      const dearest = front.reduce((most, i) => Math.max(most, column[i]!), Number.NEGATIVE_INFINITY)
      return dearest < 0 ? (1 - COST_MARGIN) * dearest : (1 + COST_MARGIN) * dearest
    }),
  }
}

/** Volume that some architectures dominate in the normalised box, as a share of it. */
export function normalisedVolume(
  columns: ObjectiveColumns,
  architectures: readonly number[],
  { ideal, reference }: Normalisation,
): number {
  const scaled = architectures.flatMap((i) =>
    columns.map((column, j) => Math.max(0, (column[i]! - ideal[j]!) / (reference[j]! - ideal[j]!))),
  )
  return hypervolume(
    Float64Array.from(scaled),
    architectures.length,
    columns.map(() => 1),
  )
}

/** Those architectures that no other of them dominates, in their order. */
export function frontOf(columns: ObjectiveColumns, architectures: readonly number[]): readonly number[] {
  const chosen = columns.map((column) => Float64Array.from(architectures, (i) => column[i]!))
  return Array.from(
    nonDominatedIndices(rowsOf(chosen), architectures.length, columns.length),
    (position) => architectures[position]!,
  )
}

const least = (column: Float64Array): number => column.reduce((lowest, value) => Math.min(lowest, value))

/** Columns as rows, one after another. */
function rowsOf(columns: ObjectiveColumns): Float64Array {
  const rows = new Float64Array(columns.length * columns[0]!.length)
  columns.forEach((column, j) => {
    column.forEach((value, i) => {
      rows[i * columns.length + j] = value
    })
  })
  return rows
}
