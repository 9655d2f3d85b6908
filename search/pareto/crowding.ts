import { ascendingOrder } from './order.ts'
import { checkPoints, checkShape } from './points.ts'
import { wasmPoints } from './wasm-points.ts'

/**
 * Crowding distance of every point within the set given (normally one front): the sum over objectives of the gap between
 * its two neighbours, each divided by the objective's range (Deb et al. 2002). The ends of an objective that varies get
 * `Infinity`, an objective without range adds nothing, and of several equal end points only the first row is an end; one or
 * two points alone are ends in any case.
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function crowdingDistance(points: Float64Array, count: number, objectives: number): Float64Array {
  checkShape(points, count, objectives)
  return fastDistance(points, count, objectives) ?? plainDistance(points, count, objectives)
}

/** Undefined for few or too many points and whenever an objective is not sorted fast. */
function fastDistance(points: Float64Array, count: number, objectives: number): Float64Array | undefined {
  const fast = count > 2 ? wasmPoints(count, objectives) : undefined
  if (fast === undefined) return undefined
  fast.load(points, count, objectives)
  fast.clearGaps()
  for (let j = 0; j < objectives; j++) {
    if (!fast.sort(j)) return undefined
    fast.addGaps()
  }
  return fast.gaps()
}

/** The same for any points, and without WebAssembly if need be. */
export function plainDistance(points: Float64Array, count: number, objectives: number): Float64Array {
  checkPoints(points, count, objectives)
  const distance = new Float64Array(count)
  if (count <= 2) return distance.fill(Number.POSITIVE_INFINITY)
  const column = new Float64Array(count)
  const values = new Float64Array(count)
  for (let j = 0; j < objectives; j++) {
    for (let i = 0; i < count; i++) column[i] = points[i * objectives + j]!
    const order = ascendingOrder(column, values)
    const range = values[count - 1]! - values[0]!
    if (range === 0) continue
    let last = count - 1
    while (values[last - 1] === values[count - 1]) last--
    for (let position = 1; position < count - 1; position++) {
      distance[order[position]!]! += (values[position + 1]! - values[position - 1]!) / range
    }
    // With equal last points the very last row has no gap after it.
    distance[order[count - 1]!]! += (values[count - 1]! - values[count - 2]!) / range
    distance[order[0]!] = Number.POSITIVE_INFINITY
    distance[order[last]!] = Number.POSITIVE_INFINITY
  }
  return distance
}
