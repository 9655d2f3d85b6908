import { nonDominatedIndices } from '../../search/pareto/index.ts'
import { hypervolumeShare } from '../front.ts'
import type { Run, Spending } from './runs.ts'

/** Hypervolume of a group of runs after so much was spent. A run that ended earlier counts with what it ended with. */
export interface CurvePoint {
  /** Trials or processor seconds. */
  readonly spent: number
  readonly mean: number
  readonly least: number
  readonly greatest: number
}

/** At most so many points on a curve: more would not be seen. */
const MOST_POINTS = 100

/** Evenly spread places of a curve's points, the last one at the end; trials are whole. */
export function curvePlaces(most: number, spending: Spending): readonly number[] {
  if (spending === 'cpuSeconds') return Array.from({ length: MOST_POINTS }, (_, i) => ((i + 1) / MOST_POINTS) * most)
  const points = Math.min(most, MOST_POINTS)
  return [...new Set(Array.from({ length: points }, (_, i) => Math.ceil(((i + 1) * most) / points)))]
}

/** Mean, least and greatest dominated share of the box up to `reference` over the runs, at each of the ascending places. */
export function hypervolumeCurve(
  runs: readonly Run[],
  places: readonly number[],
  reference: readonly number[],
): readonly CurvePoint[] {
  const shares = runs.map((run) => sharesOf(run, places, reference))
  return places.map((spent, i) => {
    const values = shares.map((of) => of[i]!)
    return {
      spent,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      least: Math.min(...values),
      greatest: Math.max(...values),
    }
  })
}

/** The share at each place: of all that came before only the front is kept, which dominates as much. */
function sharesOf({ trials }: Run, places: readonly number[], reference: readonly number[]): readonly number[] {
  let front: readonly (readonly number[])[] = []
  let share = 0
  let next = 0
  return places.map((spent) => {
    const fresh: (readonly number[])[] = []
    for (; next < trials.length && trials[next]!.spent <= spent; next++) {
      const { objectives } = trials[next]!
      if (objectives !== undefined) fresh.push(objectives)
    }
    if (fresh.length === 0) return share
    const all = [...front, ...fresh]
    const kept = nonDominatedIndices(Float64Array.from(all.flat()), all.length, reference.length)
    front = Array.from(kept, (index) => all[index]!)
    share = hypervolumeShare(front, reference)
    return share
  })
}
