import { CornerTree } from './corner-tree.ts'
import { checkPoints } from './points.ts'
import { thinOut } from './thin-out.ts'

/**
 * Inverted generational distance plus (Ishibuchi et al. 2015) for minimisation: the mean, over the reference front, of
 * the shortest distance to the points counting only the objectives in which a point is worse. 0 when every reference
 * point is reached or surpassed; `Infinity` when there is no point at all. Scale the objectives first.
 * @throws RangeError on a bad shape, a value that is not finite, or an empty reference front.
 */
export function igdPlus(
  points: Float64Array,
  count: number,
  referenceFront: Float64Array,
  referenceCount: number,
  objectives: number,
): number {
  checkPoints(points, count, objectives)
  checkPoints(referenceFront, referenceCount, objectives)
  if (referenceCount === 0) throw new RangeError('the reference front is empty')
  if (count === 0) return Number.POSITIVE_INFINITY
  // A point that another one dominates is never nearer.
  const left = thinOut(points, count, objectives)
  const rows = new Float64Array(left.length * objectives)
  for (let k = 0; k < left.length; k++) {
    for (let j = 0; j < objectives; j++) rows[k * objectives + j] = points[left[k]! * objectives + j]!
  }
  const tree = new CornerTree(rows, objectives)
  let sum = 0
  for (let target = 0; target < referenceCount; target++) {
    sum += Math.sqrt(tree.leastExcess(referenceFront, target * objectives))
  }
  return sum / referenceCount
}
