import { ascendingOrder, columnOrder } from './order.ts'

/** Throws a RangeError when a row-major matrix cannot hold the points. */
export function checkShape(points: Float64Array, count: number, objectives: number): void {
  if (!Number.isInteger(objectives) || objectives < 1) {
    throw new RangeError(`the number of objectives must be a positive integer, not ${objectives}`)
  }
  if (!Number.isInteger(count) || count < 0 || points.length < count * objectives) {
    throw new RangeError(`${points.length} values cannot hold ${count} points of ${objectives} objectives`)
  }
}

/** Checks a row-major matrix of points. Throws a RangeError for a bad shape or a value that is not finite. */
export function checkPoints(points: Float64Array, count: number, objectives: number): void {
  checkShape(points, count, objectives)
  for (let i = 0; i < count * objectives; i++) {
    if (!Number.isFinite(points[i]!)) {
      throw new RangeError(`objective ${i % objectives} of point ${Math.floor(i / objectives)} is ${points[i]}`)
    }
  }
}

/** Points that agree so far are sorted by insertion up to this number. */
const SHORT_RUN = 16

/** Point indices in lexicographic order of their objectives; a point comes after every point that dominates it. */
export function lexicographicOrder(points: Float64Array, count: number, objectives: number): Uint32Array {
  const order = columnOrder(points, count, objectives, 0)
  sortTies(points, objectives, order, 0)
  return order
}

/** Sorts runs of rows that agree in the objectives up to `objective` by the following ones. */
function sortTies(points: Float64Array, objectives: number, order: Uint32Array, objective: number): void {
  if (objective + 1 === objectives) return
  const count = order.length
  for (let start = 0; start < count; ) {
    const value = points[order[start]! * objectives + objective]!
    let end = start + 1
    while (end < count && points[order[end]! * objectives + objective] === value) end++
    if (end - start > SHORT_RUN) {
      const run = order.subarray(start, end)
      const rows = run.slice()
      const inner = ascendingOrder(Float64Array.from(rows, (i) => points[i * objectives + objective + 1]!))
      for (let at = 0; at < rows.length; at++) run[at] = rows[inner[at]!]!
      sortTies(points, objectives, run, objective + 1)
    } else if (end - start > 1) insertTies(points, objectives, order, start, end, objective + 1)
    start = end
  }
}

function insertTies(
  points: Float64Array,
  objectives: number,
  order: Uint32Array,
  start: number,
  end: number,
  from: number,
): void {
  for (let place = start + 1; place < end; place++) {
    const i = order[place]!
    let at = place
    for (; at > start; at--) {
      const other = order[at - 1]!
      let j = from
      while (j < objectives && points[other * objectives + j] === points[i * objectives + j]) j++
      if (j === objectives || points[other * objectives + j]! < points[i * objectives + j]!) break
      order[at] = other
    }
    order[at] = i
  }
}

/** Whether rows `a` and `b` are equal in every objective. */
export function samePoint(points: Float64Array, objectives: number, a: number, b: number): boolean {
  for (let j = 0; j < objectives; j++) {
    if (points[a * objectives + j] !== points[b * objectives + j]) return false
  }
  return true
}
