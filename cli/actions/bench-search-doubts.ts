import { kendallTau } from '../../search/pareto/index.ts'
import type { TabularProblem } from '../../search/tabular/problem.ts'
import type { NamedColumns } from './bench-search-columns.ts'

/**
 * Rank correlation of error and cost from which on a column is doubted: what costs more is the better network, if anything,
 * wherever there is something to trade. In the tables that we have it is 0.05 at most.
 */
const DOUBTFUL = 0.15
/** Networks that are compared. */
const COMPARED = 1000

/** What looks like a column the other way round, one sentence for each cost whose direction nobody has said. */
export function doubtsOf(
  { scoreErrors, costs }: TabularProblem,
  { costs: names, scoreAccuracy, directions }: NamedColumns,
): readonly string[] {
  const step = Math.ceil(scoreErrors.length / COMPARED)
  const some = (column: Float64Array): Float64Array => column.filter((_, i) => i % step === 0)
  const errors = some(scoreErrors)
  return names.flatMap((device, i) =>
    device.flatMap((name, j) => {
      const tau = directions.has(name) && directions.has(scoreAccuracy) ? 0 : kendallTau(errors, some(costs[i]![j]!))
      if (!(tau >= DOUBTFUL)) return []
      const ways = [
        ...(directions.has(name) ? [] : [`${name}:max where more of it is better`]),
        ...(directions.has(scoreAccuracy) ? [] : [`--error ${scoreAccuracy} where less of that is`]),
      ]
      return [
        `networks that are better by '${scoreAccuracy}' have less '${name}' on the whole (rank correlation ` +
          `${tau.toFixed(2)}), so there is little to trade: write ${ways.join(', or ')}`,
      ]
    }),
  )
}
