import type { FrontPoint } from '../store.ts'
import { METRICS, type MetricName } from './metrics.ts'

/**
 * The points that no other beats in both metrics, from the best to the worst in `x`: the corners of the step line of
 * the two-dimensional front.
 */
export function staircaseOf(points: readonly FrontPoint[], x: MetricName, y: MetricName): readonly FrontPoint[] {
  const cost = (point: FrontPoint, name: MetricName): number =>
    METRICS[name].better === 'lower' ? point[name] : -point[name]
  const ordered = [...points].sort((a, b) => cost(a, x) - cost(b, x) || cost(a, y) - cost(b, y))
  let best = Number.POSITIVE_INFINITY
  return ordered.filter((point) => {
    if (cost(point, y) >= best) return false
    best = cost(point, y)
    return true
  })
}
