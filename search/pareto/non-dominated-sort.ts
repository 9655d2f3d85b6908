import { checkPoints, lexicographicOrder, samePoint } from './points.ts'
import { Staircase } from './staircase.ts'

export interface NonDominatedSort {
  /** Rank per point: 0 for the non-dominated ones, 1 for those dominated by rank 0 only, and so on. */
  readonly ranks: Uint32Array
  readonly frontCount: number
}

/** Tells whether a front holds a point that dominates row `i`; remembers the rows put into each front. */
interface Fronts {
  dominates(front: number, i: number): boolean
  add(front: number, i: number): void
}

/**
 * Non-dominated sorting for minimisation. `points` holds `count` rows of `objectives` values; equal points share a rank.
 * Points are visited in lexicographic order and put by binary search into the first front that does not dominate them
 * (Zhang et al. 2015, "An Efficient Approach to Nondominated Sorting"): O(n log n) in 2-D, O(n log² n) in 3-D but for
 * array shifts, O(m n²) at worst above.
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function nonDominatedSort(points: Float64Array, count: number, objectives: number): NonDominatedSort {
  checkPoints(points, count, objectives)
  const order = lexicographicOrder(points, count, objectives)
  const ranks = new Uint32Array(count)
  const fronts = frontsFor(points, count, objectives)
  let frontCount = 0
  for (let position = 0; position < count; position++) {
    const i = order[position]!
    const previous = position > 0 ? order[position - 1]! : -1
    if (previous >= 0 && samePoint(points, objectives, previous, i)) {
      ranks[i] = ranks[previous]!
      continue
    }
    let low = 0
    let high = frontCount
    while (low < high) {
      const middle = (low + high) >>> 1
      if (fronts.dominates(middle, i)) low = middle + 1
      else high = middle
    }
    ranks[i] = low
    if (low === frontCount) frontCount++
    fronts.add(low, i)
  }
  return { ranks, frontCount }
}

/**
 * Row indices of the non-dominated points, ascending. Of equal points all are kept.
 * @throws RangeError on a bad shape or a value that is not finite.
 */
export function nonDominatedIndices(points: Float64Array, count: number, objectives: number): Uint32Array {
  checkPoints(points, count, objectives)
  const order = lexicographicOrder(points, count, objectives)
  const front = frontsFor(points, count, objectives)
  const kept: number[] = []
  let previous = -1
  let previousKept = false
  for (const i of order) {
    if (previous < 0 || !samePoint(points, objectives, previous, i)) {
      previousKept = !front.dominates(0, i)
      if (previousKept) front.add(0, i)
    }
    if (previousKept) kept.push(i)
    previous = i
  }
  return Uint32Array.from(kept).sort()
}

/** Rows arrive in lexicographic order and no row twice, so the first objective never needs to be compared. */
function frontsFor(points: Float64Array, count: number, objectives: number): Fronts {
  if (objectives <= 2) {
    const lowest: number[] = []
    const last = objectives - 1
    return {
      dominates: (front, i) => lowest[front] !== undefined && lowest[front] <= points[i * objectives + last]!,
      add: (front, i) => {
        lowest[front] = points[i * objectives + last]!
      },
    }
  }
  if (objectives === 3) {
    const stairs: Staircase[] = []
    return {
      dominates: (front, i) => stairs[front]?.covers(points[i * 3 + 1]!, points[i * 3 + 2]!) ?? false,
      add: (front, i) => {
        stairs[front] ??= new Staircase()
        stairs[front].insert(points[i * 3 + 1]!, points[i * 3 + 2]!)
      },
    }
  }
  const newest: number[] = []
  const older = new Int32Array(count).fill(-1)
  return {
    dominates: (front, i) => {
      for (let member = newest[front] ?? -1; member >= 0; member = older[member]!) {
        let j = 1
        while (j < objectives && points[member * objectives + j]! <= points[i * objectives + j]!) j++
        if (j === objectives) return true
      }
      return false
    },
    add: (front, i) => {
      older[i] = newest[front] ?? -1
      newest[front] = i
    },
  }
}
