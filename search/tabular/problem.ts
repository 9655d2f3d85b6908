import type { Direction } from '../../evaluators/tabular/direction.ts'
import { errorsOf, minimisedOf, type Table } from '../../evaluators/tabular/table.ts'
import { type GeneColumns, genomeLookup, type TableSpace, tableSpace } from '../../evaluators/tabular/table-space.ts'
import { mean } from '../../lib/statistics.ts'
import type { Genome, KnownCosts, Told } from '../algorithm.ts'

/** Which columns of a table are searched for. */
export interface ProblemColumns {
  readonly genes: GeneColumns
  /** Accuracies that a search sees, one column per rung of a ladder of trainings; the last one is the full training. */
  readonly accuracies: readonly string[]
  /** The accuracy that counts in the end. */
  readonly scoreAccuracy: string
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
  /** Per device and cost column; negatives for `max`. */
  readonly costs: readonly (readonly Float64Array[])[]
}

/** @throws UserError when a column holds what it should not. */
export function tabularProblem(table: Table, columns: ProblemColumns): TabularProblem {
  const { space, measurements } = tableSpace(table, columns.genes)
  const ofArchitectures = (values: Float64Array): Float64Array => {
    const shared = new Float64Array(new SharedArrayBuffer(8 * measurements.length))
    measurements.forEach((rows, architecture) => {
      shared[architecture] = mean(rows.map((row) => values[row]!))
    })
    return shared
  }
  const directionOf = (column: string) => columns.directions?.get(column)
  const errorsIn = (column: string): Float64Array => {
    const direction = directionOf(column)
    return ofArchitectures(direction === undefined ? errorsOf(table, column) : minimisedOf(table, column, direction))
  }
  const costsIn = (column: string) => ofArchitectures(minimisedOf(table, column, directionOf(column)))
  return {
    space,
    architectureCount: measurements.length,
    errors: columns.accuracies.map(errorsIn),
    scoreErrors: errorsIn(columns.scoreAccuracy),
    costs: columns.costs.map((device) => device.map(costsIn)),
  }
}

/** How far from feasible a genome is that the table lacks: nothing is known, so all are as bad as this. */
const MISSING_VIOLATION = 1

/** What a table says of genomes: the evaluator of tabular searches. */
export interface TabularEvaluation {
  /** Undefined for a genome that the table lacks: infeasible, and never counted as measured. */
  readonly architecture: (genome: Genome) => number | undefined
  /** The result of a measurement on a rung; the last rung where left out. */
  readonly told: (genome: Genome, rung?: number) => Told
  readonly knownCosts: (genome: Genome) => readonly KnownCosts[] | undefined
}

/** @param architecture the lookup of the same table where there is one already: building it takes long. */
export function tabularEvaluation(
  { space, errors, costs }: TabularProblem,
  architecture = genomeLookup(space),
): TabularEvaluation {
  const costsOf = (found: number) => costs.map((device) => device.map((column) => column[found]!))
  return {
    architecture,
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
