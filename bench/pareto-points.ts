import type { RandomStream } from '../lib/random.ts'

/** `sphere`: the unit sphere's positive part, one front. `cube`: uniform in the unit cube, many fronts. */
export type Shape = 'sphere' | 'cube'

/** Row-major points to minimise. */
export function pointSet(shape: Shape, count: number, objectives: number, random: RandomStream): Float64Array {
  const points = new Float64Array(count * objectives)
  for (let i = 0; i < count; i++) {
    const row = points.subarray(i * objectives, (i + 1) * objectives)
    for (let j = 0; j < objectives; j++) row[j] = shape === 'cube' ? random.float() : Math.abs(random.normal())
    if (shape === 'cube') continue
    const length = Math.hypot(...row)
    // Towards the origin is better, so the sphere is turned inside out to be a convex front.
    for (let j = 0; j < objectives; j++) row[j] = 1 - row[j]! / length
  }
  return points
}

/** Number of fronts, found by comparing every pair for each front peeled off. */
export function naiveSort(points: Float64Array, count: number, objectives: number): number {
  const ranks = new Int32Array(count).fill(-1)
  let open = Array.from({ length: count }, (_, i) => i)
  let rank = 0
  for (; open.length > 0; rank++) {
    const front = open.filter((i) => !open.some((other) => dominates(points, objectives, other, i)))
    for (const i of front) ranks[i] = rank
    open = open.filter((i) => ranks[i] === -1)
  }
  return rank
}

function dominates(points: Float64Array, objectives: number, a: number, b: number): boolean {
  let better = false
  for (let j = 0; j < objectives; j++) {
    const difference = points[a * objectives + j]! - points[b * objectives + j]!
    if (difference > 0) return false
    better ||= difference < 0
  }
  return better
}
