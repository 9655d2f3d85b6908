import type { RandomStream } from '../lib/random.ts'

/**
 * `cloud`: uniform in the unit cube, many fronts. The others are one front each: `sphere` bulges away from the origin,
 * `convex` is the same turned inside out, `linear` has a constant sum of objectives.
 */
export type Shape = 'cloud' | 'sphere' | 'convex' | 'linear'

/** Row-major points to minimise, all within the unit cube. */
export function pointSet(shape: Shape, count: number, objectives: number, random: RandomStream): Float64Array {
  const points = new Float64Array(count * objectives)
  for (let i = 0; i < count; i++) {
    const row = points.subarray(i * objectives, (i + 1) * objectives)
    for (let j = 0; j < objectives; j++) {
      if (shape === 'cloud') row[j] = random.float()
      else row[j] = shape === 'linear' ? -Math.log(1 - random.float()) : Math.abs(random.normal())
    }
    if (shape === 'cloud') continue
    const length = shape === 'linear' ? row.reduce((sum, value) => sum + value, 0) : Math.hypot(...row)
    for (let j = 0; j < objectives; j++) row[j] = shape === 'convex' ? 1 - row[j]! / length : row[j]! / length
  }
  return points
}
