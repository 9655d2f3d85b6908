import { fastRanks, ranksByBits } from './dominance-bits.ts'
import { checkPoints, lexicographicOrder, samePoint } from './points.ts'
import { Staircase } from './staircase.ts'
import { thinOut } from './thin-out.ts'

export interface NonDominatedSort {
  /** Rank per point: 0 for the non-dominated ones, 1 for those dominated by rank 0 only, and so on. */
  readonly ranks: Uint32Array
  readonly frontCount: number
}

/** Up to this number of points in space, one front is found by bit sets in two thirds of the time. */
const FEW_IN_FRONT = 4096
/** Few points are ranked sooner than they are thinned out. */
const POINTS_PER_PIVOT = 128

/**
 * Non-dominated sorting for minimisation. `points` holds `count` rows of `objectives` values; equal points share a rank.
 * Points are visited in lexicographic order, and with up to three objectives put by binary search into the first front
 * that does not dominate them (Zhang et al. 2015, "An Efficient Approach to Nondominated Sorting"): O(n log n) in 2-D,
 * O(n log² n) in 3-D but for array shifts. With more objectives dominators are found by intersecting bit sets,
 * O(m n² / 32) at worst.
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function nonDominatedSort(points: Float64Array, count: number, objectives: number): NonDominatedSort {
  checkPoints(points, count, objectives)
  const ranks = new Uint32Array(count)
  return { ranks, frontCount: rank(points, count, objectives, ranks, count) }
}

/**
 * Row indices of the non-dominated points, ascending. Of equal points all are kept.
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function nonDominatedIndices(points: Float64Array, count: number, objectives: number): Uint32Array {
  checkPoints(points, count, objectives)
  const left = thinOut(points, count, objectives, Math.floor(count / POINTS_PER_PIVOT))
  let rows = points
  if (left.length < count) {
    rows = new Float64Array(left.length * objectives)
    for (let k = 0; k < left.length; k++) {
      for (let j = 0; j < objectives; j++) rows[k * objectives + j] = points[left[k]! * objectives + j]!
    }
  }
  const ranks = new Uint32Array(left.length)
  rank(rows, left.length, objectives, ranks, 1)
  let kept = 0
  for (let k = 0; k < left.length; k++) if (ranks[k] === 0) left[kept++] = left[k]!
  return left.slice(0, kept)
}

/**
 * Writes the ranks, those above `highest` as `highest`, and returns one more than the highest written. Equal points have
 * equal ranks, so only the first of them is compared.
 */
function rank(points: Float64Array, count: number, objectives: number, ranks: Uint32Array, highest: number): number {
  if (count === 0) return 0
  const order = lexicographicOrder(points, count, objectives)
  const rows = new Float64Array(count * objectives)
  const rowOf = new Uint32Array(count)
  let distinct = 0
  for (let place = 0; place < count; place++) {
    const i = order[place]!
    if (place === 0 || !samePoint(points, objectives, order[place - 1]!, i)) {
      for (let j = 0; j < objectives; j++) rows[distinct * objectives + j] = points[i * objectives + j]!
      distinct++
    }
    rowOf[i] = distinct - 1
  }
  const found =
    objectives <= 2
      ? ranksInPlane(rows, distinct, objectives, highest)
      : objectives === 3
        ? ranksInSpace(rows, distinct, highest)
        : ranksByBits(rows, distinct, objectives, highest)
  let most = 0
  for (let i = 0; i < count; i++) {
    const value = found[rowOf[i]!]!
    ranks[i] = value
    if (value > most) most = value
  }
  return most + 1
}

/** Fronts of one or two objectives, each known by its least last objective. Rows are distinct, in lexicographic order. */
function ranksInPlane(rows: Float64Array, count: number, objectives: number, highest: number): Int32Array {
  const ranks = new Int32Array(count)
  const lowest = new Float64Array(Math.min(highest, count))
  let fronts = 0
  for (let i = 0; i < count; i++) {
    const value = rows[i * objectives + objectives - 1]!
    let low = 0
    let high = fronts
    while (low < high) {
      const middle = (low + high) >>> 1
      if (lowest[middle]! <= value) low = middle + 1
      else high = middle
    }
    ranks[i] = low
    if (low === highest) continue
    lowest[low] = value
    if (low === fronts) fronts++
  }
  return ranks
}

/** The first front of few points by bit sets, all else by staircases. */
function ranksInSpace(rows: Float64Array, count: number, highest: number): Int32Array {
  const fast = highest === 1 && count <= FEW_IN_FRONT ? fastRanks(rows, count, 3, highest) : undefined
  return fast ?? ranksByStairs(rows, count, highest)
}

/** Fronts of three objectives, each known by the staircase of its last two. Rows are distinct, in lexicographic order. */
function ranksByStairs(rows: Float64Array, count: number, highest: number): Int32Array {
  const ranks = new Int32Array(count)
  const fronts: Staircase[] = []
  for (let i = 0; i < count; i++) {
    const y = rows[i * 3 + 1]!
    const z = rows[i * 3 + 2]!
    let low = 0
    let high = fronts.length
    let place = 0
    while (low < high) {
      const middle = (low + high) >>> 1
      const found = fronts[middle]!.placeOf(y, z)
      if (found < 0) low = middle + 1
      else {
        high = middle
        place = found
      }
    }
    ranks[i] = low
    if (low === highest) continue
    if (low === fronts.length) {
      fronts.push(new Staircase())
      place = 0
    }
    fronts[low]!.insert(place, y, z)
  }
  return ranks
}
