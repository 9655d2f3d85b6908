import { ascendingOrder } from './order.ts'

/** Points that all others are compared with. */
const MOST_PIVOTS = 24
/** Sets with fewer points are not worth thinning out. */
const FEW = 64

/**
 * Ascending rows of a set without most of those that another one dominates: the ones dominated by the point with the
 * least sum of scaled objectives and, if those were many, by up to two dozen more points with small sums. A front loses
 * nothing and costs little; of points scattered at random few are left. Equal points stay.
 * @param mostPivots how many more points, for those who do quickly with what is left
 */
export function thinOut(
  points: Float64Array,
  count: number,
  objectives: number,
  mostPivots = MOST_PIVOTS,
): Uint32Array {
  const all = new Uint32Array(count)
  for (let i = 0; i < count; i++) all[i] = i
  if (count < FEW || objectives < 2) return all
  const sums = scaledSums(points, count, objectives)
  let least = 0
  for (let i = 1; i < count; i++) if (sums[i]! < sums[least]!) least = i
  let kept = 0
  for (let i = 0; i < count; i++) if (!dominates(points, objectives, least, i)) all[kept++] = i
  if (kept > 0.75 * count) return all.subarray(0, kept)
  const left = all.subarray(0, kept)
  const order = ascendingOrder(Float64Array.from(left, (i) => sums[i]!))
  const pivots = new Uint32Array(Math.min(MOST_PIVOTS, mostPivots))
  let pivotCount = 0
  const lost = new Uint8Array(kept)
  for (const place of order) {
    const i = left[place]!
    let at = 0
    while (at < pivotCount && !dominates(points, objectives, pivots[at]!, i)) at++
    if (at < pivotCount) lost[place] = 1
    else if (pivotCount < pivots.length) pivots[pivotCount++] = i
  }
  let most = 0
  for (let place = 0; place < kept; place++) if (lost[place] === 0) left[most++] = left[place]!
  return left.subarray(0, most)
}

/** Sum of the objectives of each point, each scaled to its range; any finite weights would do. */
function scaledSums(points: Float64Array, count: number, objectives: number): Float64Array {
  const sums = new Float64Array(count)
  for (let j = 0; j < objectives; j++) {
    let least = points[j]!
    let most = least
    for (let at = j; at < count * objectives; at += objectives) {
      const value = points[at]!
      if (value < least) least = value
      if (value > most) most = value
    }
    const weight = 1 / (most - least)
    // Without a range, or with one that no number holds, an objective says nothing about which point is best.
    if (!Number.isFinite(weight) || weight === 0) continue
    for (let i = 0; i < count; i++) sums[i]! += (points[i * objectives + j]! - least) * weight
  }
  return sums
}

function dominates(points: Float64Array, objectives: number, a: number, b: number): boolean {
  const atA = a * objectives
  const atB = b * objectives
  let better = false
  for (let j = 0; j < objectives; j++) {
    const difference = points[atA + j]! - points[atB + j]!
    if (difference > 0) return false
    if (difference < 0) better = true
  }
  return better
}
