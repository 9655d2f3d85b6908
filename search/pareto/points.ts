import { ascendingOrder } from './order.ts'

/** Checks a row-major matrix of points. Throws a RangeError for a bad shape or a value that is not finite. */
export function checkPoints(points: Float64Array, count: number, objectives: number): void {
  if (!Number.isInteger(objectives) || objectives < 1) {
    throw new RangeError(`the number of objectives must be a positive integer, not ${objectives}`)
  }
  if (!Number.isInteger(count) || count < 0 || points.length < count * objectives) {
    throw new RangeError(`${points.length} values cannot hold ${count} points of ${objectives} objectives`)
  }
  for (let i = 0; i < count * objectives; i++) {
    if (!Number.isFinite(points[i]!)) {
      throw new RangeError(`objective ${i % objectives} of point ${Math.floor(i / objectives)} is ${points[i]}`)
    }
  }
}

/** Point indices in lexicographic order of their objectives; a point comes after every point that dominates it. */
export function lexicographicOrder(points: Float64Array, count: number, objectives: number): Uint32Array {
  const first = new Float64Array(count)
  for (let i = 0; i < count; i++) first[i] = points[i * objectives]!
  const order = ascendingOrder(first)
  const byRest = (a: number, b: number): number => {
    for (let j = 1; j < objectives; j++) {
      const difference = points[a * objectives + j]! - points[b * objectives + j]!
      if (difference !== 0) return difference
    }
    return a - b
  }
  for (let start = 0; start < count; ) {
    let end = start + 1
    while (end < count && first[order[end]!] === first[order[start]!]) end++
    if (end - start > 1) order.subarray(start, end).sort(byRest)
    start = end
  }
  return order
}

/** Whether rows `a` and `b` are equal in every objective. */
export function samePoint(points: Float64Array, objectives: number, a: number, b: number): boolean {
  for (let j = 0; j < objectives; j++) {
    if (points[a * objectives + j] !== points[b * objectives + j]) return false
  }
  return true
}
