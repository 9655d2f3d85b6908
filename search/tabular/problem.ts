import type { Direction } from '../../evaluators/tabular/direction.ts'
import { errorsOf, minimisedOf, readTable, type Table } from '../../evaluators/tabular/table.ts'
import { type GeneColumns, genomeLookup, type TableSpace, tableSpace } from '../../evaluators/tabular/table-space.ts'
import type { Genome, GenomeOperations, KnownCosts, Told } from '../algorithm.ts'
import { tableOperations } from './operations.ts'

/** Which columns of a table are searched for. */
export interface ProblemColumns {
  readonly genes: GeneColumns
  /** Accuracies that a search sees, one column per rung of a ladder of trainings; the last one is the full training. */
  readonly accuracies: readonly string[]
  /** The accuracy that counts in the end; by default the last one that a search sees. */
  readonly scoreAccuracy?: string
  /** Per device its cost columns. */
  readonly costs: readonly (readonly string[])[]
  /**
   * Columns whose direction is said: these count in their own unit. Of the others accuracies are percents or shares, of
   * which more is better, and less is better of costs.
   */
  readonly directions?: ReadonlyMap<string, Direction>
}

/** A table as a search: plain arrays with one value per architecture, which threads can be given. */
export interface TabularProblem {
  readonly space: TableSpace
  readonly architectureCount: number
  /** Errors that a search sees, per rung: in percent, or with a direction the column's figures (negatives for `max`). */
  readonly errors: readonly Float64Array[]
  /** Errors that count in the end. */
  readonly scoreErrors: Float64Array
  /** Networks that several rows measure, the mean of which counts; undefined without any. */
  readonly repeats: Repeats | undefined
  /** Networks whose rows, which agree in the column `same`, differ in a figure all the same: the first row counts. */
  readonly differing: number
  /** Per device and cost column; negatives for `max`. */
  readonly costs: readonly (readonly Float64Array[])[]
}

export interface Repeats {
  readonly networks: number
  /** All rows that measure these networks. */
  readonly rows: number
  /** Standard deviation of single measurements of the error that counts in the end about the mean of their network. */
  readonly errorSd: number
}

/**
 * Reads a CSV file, gzip-compressed or not, as a search: the space of its genomes and what was measured of each. With
 * `genes.repeats` rows without a figure are passed over, and rows with the same genes count by their mean.
 * @throws UserError when the file cannot be read or lacks a column, or a column holds what it should not.
 */
export function openTable(
  file: string,
  columns: ProblemColumns,
): { readonly problem: TabularProblem; readonly passedOver: number } {
  const { genes, accuracies, scoreAccuracy, costs } = columns
  const used = [...(genes.columns ?? []), ...(genes.digits ?? []), ...(genes.same === undefined ? [] : [genes.same])]
  const measured = [...accuracies, ...(scoreAccuracy === undefined ? [] : [scoreAccuracy]), ...costs.flat()]
  const table = readTable(file, [...used, ...measured], { complete: genes.repeats === true ? measured : [] })
  return { problem: tabularProblem(table, columns), passedOver: table.passedOver }
}

function tabularProblem(table: Table, columns: ProblemColumns): TabularProblem {
  const { space, architectureCount, measured, ofRows } = tableSpace(table, columns.genes)
  const counts = new Uint32Array(architectureCount)
  for (const architecture of measured) if (architecture >= 0) counts[architecture]!++
  const differs = new Uint8Array(architectureCount)
  /** The mean of the measurements of every architecture. */
  const ofArchitectures = (values: Float64Array): Float64Array => {
    const shared = new Float64Array(new SharedArrayBuffer(8 * architectureCount))
    measured.forEach((architecture, row) => {
      if (architecture >= 0) shared[architecture]! += values[row]!
    })
    counts.forEach((count, architecture) => {
      if (count > 1) shared[architecture]! /= count
    })
    ofRows?.forEach((architecture, row) => {
      if (measured[row]! < 0 && values[row] !== shared[architecture]) differs[architecture] = 1
    })
    return shared
  }
  const directionOf = (column: string) => columns.directions?.get(column)
  const errorsIn = (column: string): Float64Array => {
    const direction = directionOf(column)
    return direction === undefined ? errorsOf(table, column) : minimisedOf(table, column, direction)
  }
  const costsIn = (column: string) => ofArchitectures(minimisedOf(table, column, directionOf(column)))
  const finalErrors = errorsIn(columns.scoreAccuracy ?? columns.accuracies.at(-1)!)
  const scoreErrors = ofArchitectures(finalErrors)
  const errors = columns.accuracies.map((column) => ofArchitectures(errorsIn(column)))
  const costs = columns.costs.map((device) => device.map(costsIn))
  return {
    space,
    architectureCount,
    errors,
    scoreErrors,
    repeats: repeatsOf(measured, counts, finalErrors, scoreErrors),
    differing: differs.reduce((count, differing) => count + differing, 0),
    costs,
  }
}

function repeatsOf(
  measured: Int32Array,
  counts: Uint32Array,
  errors: Float64Array,
  means: Float64Array,
): Repeats | undefined {
  const repeated = counts.filter((count) => count > 1)
  if (repeated.length === 0) return undefined
  const rows = repeated.reduce((sum, count) => sum + count, 0)
  const squares = measured.reduce(
    (sum, architecture, row) =>
      architecture >= 0 && counts[architecture]! > 1 ? sum + (errors[row]! - means[architecture]!) ** 2 : sum,
    0,
  )
  return { networks: repeated.length, rows, errorSd: Math.sqrt(squares / (rows - repeated.length)) }
}

/** How far from feasible a genome is that the table lacks: nothing is known, so all are as bad as this. */
const MISSING_VIOLATION = 1

/** What a table says of genomes: the evaluator of tabular searches. */
export interface TabularEvaluation {
  /** Sampling, mutation and crossover within the table. */
  readonly operations: GenomeOperations
  /** Undefined for a genome that the table lacks: infeasible, and never counted as measured. */
  readonly architecture: (genome: Genome) => number | undefined
  /** The result of a measurement on a rung; the last rung where left out. */
  readonly told: (genome: Genome, rung?: number) => Told
  readonly knownCosts: (genome: Genome) => readonly KnownCosts[] | undefined
}

/** @param whole the evaluation of the same table with other devices where there is one already: making one takes long. */
export function tabularEvaluation(
  { space, errors, costs }: TabularProblem,
  whole?: Pick<TabularEvaluation, 'architecture' | 'operations'>,
): TabularEvaluation {
  const architecture = whole?.architecture ?? genomeLookup(space)
  const operations = whole?.operations ?? tableOperations(space, (genome) => architecture(genome) !== undefined)
  const costsOf = (found: number) => costs.map((device) => device.map((column) => column[found]!))
  return {
    architecture,
    operations,
    told: (genome, rung = errors.length - 1) => {
      const found = architecture(genome)
      if (found === undefined) {
        return { genome, fronts: costs.map(() => ({ objectives: undefined, violation: MISSING_VIOLATION })) }
      }
      const error = errors[rung]![found]!
      return { genome, fronts: costsOf(found).map((vector) => ({ objectives: [error, ...vector], violation: 0 })) }
    },
    knownCosts: (genome) => {
      const found = architecture(genome)
      return found === undefined ? undefined : costsOf(found).map((vector) => ({ costs: vector, violation: 0 }))
    },
  }
}
