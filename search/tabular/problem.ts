import { errorsOf, numbersOf, type Table } from '../../evaluators/tabular/table.ts'
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
}

/** A table as a search: plain arrays with one value per architecture, which threads can be given. */
export interface TabularProblem {
  readonly space: TableSpace
  readonly architectureCount: number
  /** Errors in percent that a search sees, per rung. */
  readonly errors: readonly Float64Array[]
  /** Errors in percent that count in the end. */
  readonly scoreErrors: Float64Array
  /** Per device and cost column. */
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
  return {
    space,
    architectureCount: measurements.length,
    errors: columns.accuracies.map((column) => ofArchitectures(errorsOf(table, column))),
    scoreErrors: ofArchitectures(errorsOf(table, columns.scoreAccuracy)),
    costs: columns.costs.map((device) => device.map((column) => ofArchitectures(numbersOf(table, column)))),
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
