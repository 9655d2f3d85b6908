import { METRICS, type MetricName } from './report/metrics.ts'
import type { Front, FrontPoint } from './store.ts'

const isMetric = (name: string): name is MetricName => Object.hasOwn(METRICS, name)

/** Scales a metric over the points from 0 (best) to 1 (worst); costs by ratio, as people compare them. */
function scaleOf(name: MetricName, points: readonly FrontPoint[]): (point: FrontPoint) => number {
  const values = points.map((point) => point[name])
  const [least, greatest] = [Math.min(...values), Math.max(...values)]
  if (least === greatest) return () => 0
  if (METRICS[name].better === 'higher') return (point) => (greatest - point[name]) / (greatest - least)
  if (least <= 0) return (point) => (point[name] - least) / (greatest - least)
  return (point) => Math.log(point[name] / least) / Math.log(greatest / least)
}

/**
 * The knee of a front: where it bulges most towards the ideal point. The error and the mean of the costs are each scaled
 * over the front from 0 (best) to 1 (worst), costs by ratio; the knee is the point farthest below the line between the
 * extremes, which is the least sum (Das 1999, "On characterizing the knee of the Pareto curve"). The costs count as one,
 * because they rise and fall together. Of equals the most accurate. Undefined for an empty front.
 */
export function kneeOf({ objectives, points }: Front): FrontPoint | undefined {
  const [error, ...costs] = objectives.filter(isMetric).map((name) => scaleOf(name, points))
  const heightOf = (point: FrontPoint): number =>
    error!(point) + costs.reduce((sum, cost) => sum + cost(point), 0) / costs.length
  const byHeight = points.map((point) => ({ point, height: heightOf(point) }))
  return byHeight.sort((a, b) => a.height - b.height || b.point.accuracy - a.point.accuracy)[0]?.point
}
