import { type Run, vectorsOf } from './runs.ts'

/** A corner of an attainment surface: from this cost on, errors up to this are attained. */
export interface AttainmentCorner {
  readonly cost: number
  readonly error: number
}

/**
 * Empirical attainment surface (Fonseca and Fleming 1996) of error against one cost: at each cost, the least error that
 * at least `share` of the runs reach at that cost or less. With one run, its own two-dimensional front. Corners by cost.
 * @param cost index of the cost in the objective vectors; the error is entry 0
 */
export function attainmentSurface(runs: readonly Run[], cost: number, share: number): readonly AttainmentCorner[] {
  const needed = Math.max(1, Math.ceil(share * runs.length))
  const events = runs
    .flatMap((run, index) => vectorsOf(run).map((vector) => ({ index, cost: vector[cost]!, error: vector[0]! })))
    .sort((a, b) => a.cost - b.cost)
  const best = runs.map(() => Number.POSITIVE_INFINITY)
  const corners: AttainmentCorner[] = []
  let attained = Number.POSITIVE_INFINITY
  for (let i = 0; i < events.length; i++) {
    const event = events[i]!
    best[event.index] = Math.min(best[event.index]!, event.error)
    // Points of equal cost count together.
    if (events[i + 1]?.cost === event.cost) continue
    const error = best.toSorted((a, b) => a - b)[needed - 1]!
    if (error < attained) {
      corners.push({ cost: event.cost, error })
      attained = error
    }
  }
  return corners
}
