import { checkPoints } from './points.ts'

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
  let sum = 0
  for (let r = 0; r < referenceCount; r++) {
    let nearest = Number.POSITIVE_INFINITY
    for (let i = 0; i < count; i++) {
      let squared = 0
      for (let j = 0; j < objectives; j++) {
        const excess = Math.max(0, points[i * objectives + j]! - referenceFront[r * objectives + j]!)
        squared += excess * excess
      }
      nearest = Math.min(nearest, squared)
    }
    sum += Math.sqrt(nearest)
  }
  return sum / referenceCount
}
