import { checkPoints } from './points.ts'

/**
 * Crowding distance of every point within the set given (normally one front): the sum over objectives of the gap between
 * its two neighbours, each divided by the objective's range (Deb et al. 2002). The ends of an objective that varies get
 * `Infinity`, an objective without range adds nothing, and of several equal end points only the first row is an end.
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function crowdingDistance(points: Float64Array, count: number, objectives: number): Float64Array {
  checkPoints(points, count, objectives)
  const distance = new Float64Array(count)
  if (count <= 2) return distance.fill(Number.POSITIVE_INFINITY)
  const order = new Uint32Array(count)
  for (let j = 0; j < objectives; j++) {
    for (let i = 0; i < count; i++) order[i] = i
    order.sort((a, b) => points[a * objectives + j]! - points[b * objectives + j]! || a - b)
    const value = (position: number) => points[order[position]! * objectives + j]!
    const range = value(count - 1) - value(0)
    if (range === 0) continue
    let last = count - 1
    while (value(last - 1) === value(count - 1)) last--
    for (let position = 0; position < count; position++) {
      const i = order[position]!
      const end = position === 0 || position === last
      const next = Math.min(position + 1, count - 1)
      distance[i]! += end ? Number.POSITIVE_INFINITY : (value(next) - value(position - 1)) / range
    }
  }
  return distance
}
