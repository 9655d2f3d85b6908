import { hypervolumeShare } from '../front.ts'
import { type Run, type Spending, vectorsOf } from './runs.ts'

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

/** Mean, least and greatest dominated share of the box up to `reference` over the runs, at each of the places. */
export function hypervolumeCurve(
  runs: readonly Run[],
  places: readonly number[],
  reference: readonly number[],
): readonly CurvePoint[] {
  return places.map((spent) => {
    const values = runs.map((run) => hypervolumeShare(vectorsOf(run, spent), reference))
    return {
      spent,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      least: Math.min(...values),
      greatest: Math.max(...values),
    }
  })
}
