import { eliminated } from './eliminated.ts'

/**
 * The x ≥ 0 that minimises Σ w·(1 − row·x ÷ measured)²: of all sets of columns that may be above zero, the one whose own
 * solution is not negative and errs least. For a handful of columns.
 */
export function nonNegativeByTrial(
  design: readonly (readonly number[])[],
  measured: readonly number[],
  weights: readonly number[] = measured.map(() => 1),
): number[] {
  const rows = design.map((row, i) => row.map((value) => (value * Math.sqrt(weights[i]!)) / measured[i]!))
  const goal = weights.map(Math.sqrt)
  const columns = design[0]!.map((_, j) => j)
  const solutionOf = (used: readonly number[]): number[] => {
    const gram = used.map((j) => used.map((k) => rows.reduce((sum, row) => sum + row[j]! * row[k]!, 0)))
    const target = used.map((j) => rows.reduce((sum, row, i) => sum + row[j]! * goal[i]!, 0))
    const { solution } = eliminated(gram, target)
    return columns.map((j) => (used.includes(j) ? solution[used.indexOf(j)]! : 0))
  }
  const free = solutionOf(columns)
  // The error is convex: its least point is the answer wherever it is allowed.
  if (free.every((value) => value >= 0)) return free
  let best = columns.map(() => 0)
  let least = squaredError(rows, goal, best)
  for (let set = 1; set < 2 ** columns.length - 1; set++) {
    const x = solutionOf(columns.filter((j) => Math.floor(set / 2 ** j) % 2 === 1))
    if (!x.every((value) => value >= 0)) continue
    const error = squaredError(rows, goal, x)
    if (error < least) [best, least] = [x, error]
  }
  return best
}

const squaredError = (rows: readonly (readonly number[])[], goal: readonly number[], x: readonly number[]): number =>
  rows.reduce((total, row, i) => total + (goal[i]! - row.reduce((sum, value, j) => sum + value * x[j]!, 0)) ** 2, 0)
