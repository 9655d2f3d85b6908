import { hypervolumeShare } from '../front.ts'
import { type Run, vectorsOf } from './runs.ts'

/** Hypervolume of a group of runs after so many trials. A run that ended earlier counts with what it ended with. */
export interface CurvePoint {
  readonly trials: number
  readonly mean: number
  readonly least: number
  readonly greatest: number
}

/** At most so many points on a curve: more would not be seen. */
const MOST_POINTS = 100

/** Trial counts from 1 to the most, evenly spread, the last one always there. */
export function curveCounts(most: number): readonly number[] {
  const points = Math.min(most, MOST_POINTS)
  return [...new Set(Array.from({ length: points }, (_, i) => Math.ceil(((i + 1) * most) / points)))]
}

/** Mean, least and greatest dominated share of the box up to `reference` over the runs, at each of the trial counts. */
export function hypervolumeCurve(
  runs: readonly Run[],
  counts: readonly number[],
  reference: readonly number[],
): readonly CurvePoint[] {
  return counts.map((trials) => {
    const values = runs.map((run) => hypervolumeShare(vectorsOf(run, trials), reference))
    return {
      trials,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      least: Math.min(...values),
      greatest: Math.max(...values),
    }
  })
}
