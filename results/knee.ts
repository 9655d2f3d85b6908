import { METRICS, type MetricName } from './report/metrics.ts'
import type { Front, FrontPoint } from './store.ts'

const isMetric = (name: string): name is MetricName => Object.hasOwn(METRICS, name)

/**
 * The knee of a front: where it bulges most towards the ideal point. With every objective scaled over the front from 0
 * (best) to 1 (worst), it is the point farthest below the plane through the extremes, which is the least sum
 * (Das 1999, "On characterizing the knee of the Pareto curve", with the plane Σ = 1). Of equals the quickest. Undefined
 * for an empty front.
 */
export function kneeOf(front: Front): FrontPoint | undefined {
  const { points } = front
  const scales = front.objectives.filter(isMetric).map((name) => {
    const values = points.map((point) => point[name])
    const [least, greatest] = [Math.min(...values), Math.max(...values)]
    const best = METRICS[name].better === 'lower' ? least : greatest
    const span = greatest - least
    return (point: FrontPoint): number => (span > 0 ? Math.abs(point[name] - best) / span : 0)
  })
  let knee: FrontPoint | undefined
  let leastSum = Number.POSITIVE_INFINITY
  for (const point of points) {
    const sum = scales.reduce((total, scale) => total + scale(point), 0)
    if (sum < leastSum) [knee, leastSum] = [point, sum]
  }
  return knee
}
