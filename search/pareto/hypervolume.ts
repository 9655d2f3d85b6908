import { ExclusiveVolume } from './exclusive-volume.ts'
import { ascendingOrder } from './order.ts'
import { checkPoints } from './points.ts'
import { RankSet } from './rank-set.ts'
import { Shell } from './shell.ts'

/**
 * Volume dominated by the points and bounded by the reference point, for minimisation. Points that are not strictly
 * below the reference in every objective add nothing; an empty set has volume 0. Exact: a sweep in 2-D and 3-D
 * (O(n log n)), and above that slices along the last objective, each the exclusive volume of one point among those that
 * are better there: O(n²) in 4-D (after Guerreiro and Fonseca 2018), from 5-D on by recursion (While, Bradstreet and
 * Barone 2012, "WFG").
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function hypervolume(points: Float64Array, count: number, reference: readonly number[]): number {
  const objectives = reference.length
  checkPoints(points, count, objectives)
  checkPoints(Float64Array.from(reference), 1, objectives)
  const inside = new Float64Array(count * objectives)
  let kept = 0
  for (let i = 0; i < count; i++) {
    let j = 0
    while (j < objectives && points[i * objectives + j]! < reference[j]!) j++
    if (j < objectives) continue
    // From here on every coordinate is the distance to the reference: larger is better.
    for (j = 0; j < objectives; j++) inside[kept * objectives + j] = reference[j]! - points[i * objectives + j]!
    kept++
  }
  return volume(inside, objectives > 2 ? withoutDominated(inside, kept, objectives) : kept, objectives)
}

/**
 * Moves the boxes that do not lie within the largest one to the front and returns their number: of scattered points that
 * leaves few, in one pass.
 */
function withoutDominated(boxes: Float64Array, count: number, dimensions: number): number {
  if (count === 0) return 0
  let largest = 0
  let most = 0
  for (let i = 0; i < count; i++) {
    let size = 1
    for (let j = 0; j < dimensions; j++) size *= boxes[i * dimensions + j]!
    if (size <= most) continue
    most = size
    largest = i
  }
  const pivot = boxes.slice(largest * dimensions, (largest + 1) * dimensions)
  boxes.copyWithin(largest * dimensions, 0, dimensions)
  boxes.set(pivot)
  let kept = 1
  for (let i = 1; i < count; i++) {
    let j = 0
    while (j < dimensions && boxes[i * dimensions + j]! <= pivot[j]!) j++
    if (j === dimensions) continue
    if (kept < i) for (j = 0; j < dimensions; j++) boxes[kept * dimensions + j] = boxes[i * dimensions + j]!
    kept++
  }
  return kept
}

/**
 * Volume that `point` would add to that of the points: 0 when it is dominated, equal or not below the reference.
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function hypervolumeGain(
  points: Float64Array,
  count: number,
  point: readonly number[],
  reference: readonly number[],
): number {
  const objectives = reference.length
  checkPoints(points, count, objectives)
  checkPoints(Float64Array.from(point), 1, objectives)
  let own = 1
  for (let j = 0; j < objectives; j++) own *= Math.max(0, reference[j]! - point[j]!)
  if (own === 0) return 0
  const limited = new Float64Array(count * objectives)
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < objectives; j++) {
      limited[i * objectives + j] = Math.max(points[i * objectives + j]!, point[j]!)
    }
  }
  return Math.max(0, own - hypervolume(limited, count, reference))
}

/** Volume of the union of the boxes from the origin to each row. All coordinates are positive. */
function volume(boxes: Float64Array, count: number, dimensions: number): number {
  if (count === 0) return 0
  if (dimensions === 1) return boxes.subarray(0, count).reduce((most, value) => Math.max(most, value), 0)
  if (dimensions === 2) return area(boxes, count)
  if (dimensions === 3) return sweep(boxes, count)
  return slices(boxes, count, dimensions)
}

/** Rows from the largest value of one coordinate to the smallest. */
function orderBy(boxes: Float64Array, count: number, dimensions: number, coordinate: number): Uint32Array {
  const keys = new Float64Array(count)
  for (let i = 0; i < count; i++) keys[i] = -boxes[i * dimensions + coordinate]!
  return ascendingOrder(keys)
}

function area(boxes: Float64Array, count: number): number {
  let sum = 0
  let height = 0
  for (const i of orderBy(boxes, count, 2, 0)) {
    const y = boxes[i * 2 + 1]!
    if (y <= height) continue
    sum += boxes[i * 2]! * (y - height)
    height = y
  }
  return sum
}

/**
 * Sweeps z downwards over the union, in the x-y plane, of the boxes met so far. Their upper staircase is a set of
 * x-ranks (rank 0 has the largest x), along which y rises.
 */
function sweep(boxes: Float64Array, count: number): number {
  const xOrder = orderBy(boxes, count, 3, 0)
  const xRank = new Uint32Array(count)
  const x = new Float64Array(count)
  const y = new Float64Array(count)
  for (let rank = 0; rank < count; rank++) {
    const i = xOrder[rank]!
    xRank[i] = rank
    x[rank] = boxes[i * 3]!
    y[rank] = boxes[i * 3 + 1]!
  }
  const zOrder = orderBy(boxes, count, 3, 2)
  const stairs = new RankSet(count)
  // The rank of the next stair after each; that of the first one stands at the end.
  const following = new Int32Array(count + 1).fill(-1)
  let planeArea = 0
  let sum = 0
  for (let position = 0; position < count; position++) {
    const i = zOrder[position]!
    const rank = xRank[i]!
    const own = y[rank]!
    const before = stairs.below(rank)
    let height = before < 0 ? 0 : y[before]!
    if (own > height) {
      const link = before < 0 ? count : before
      let next = following[link]!
      while (next >= 0 && y[next]! <= own) {
        planeArea += (y[next]! - height) * (x[rank]! - x[next]!)
        height = y[next]!
        stairs.remove(next)
        next = following[next]!
      }
      planeArea += (own - height) * (x[rank]! - (next < 0 ? 0 : x[next]!))
      stairs.add(rank)
      following[link] = rank
      following[rank] = next
    }
    const z = boxes[i * 3 + 2]!
    const nextZ = position + 1 < count ? boxes[zOrder[position + 1]! * 3 + 2]! : 0
    sum += planeArea * (z - nextZ)
  }
  return sum
}

/**
 * Sweeps the last coordinate downwards: each box adds its depth times the volume that it alone covers of all met so far,
 * in one dimension less.
 */
function slices(boxes: Float64Array, count: number, dimensions: number): number {
  const last = dimensions - 1
  const rows = new Int32Array(count * dimensions)
  const keys = new Float64Array(count)
  const values: Float64Array[] = []
  let order: Uint32Array = new Uint32Array()
  for (let j = 0; j < dimensions; j++) {
    for (let i = 0; i < count; i++) keys[i] = -boxes[i * dimensions + j]!
    // The reference comes after the last rank, with 0.
    const column = new Float64Array(count + 1)
    order = ascendingOrder(keys, column)
    if (j < last) for (let rank = 0; rank < count; rank++) rows[order[rank]! * dimensions + j] = rank
    values.push(column)
  }
  let sum = 0
  if (dimensions === 4) {
    const shell = new Shell(values, count)
    shell.reset(count, count, count)
    for (const i of order) {
      sum += boxes[i * 4 + 3]! * shell.add(rows[i * 4]!, rows[i * 4 + 1]!, rows[i * 4 + 2]!)
    }
    return sum
  }
  const exclusive = new ExclusiveVolume(values, last, count)
  exclusive.reset(new Int32Array(last).fill(count))
  for (const i of order) sum += boxes[i * dimensions + last]! * exclusive.add(rows, i * dimensions)
  return sum
}
