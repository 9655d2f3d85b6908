/** Slow, obvious versions of the kernels, written from the definitions, to compare the fast ones with. */

export type Point = readonly number[]

export const flat = (points: readonly Point[]): Float64Array => Float64Array.from(points.flat())

export const naiveDominates = (a: Point, b: Point): boolean =>
  a.every((value, j) => value <= b[j]!) && a.some((value, j) => value < b[j]!)

/** Peels off one front after the other. */
export function naiveRanks(points: readonly Point[]): number[] {
  const ranks = new Array<number>(points.length).fill(-1)
  for (let rank = 0; ranks.includes(-1); rank++) {
    const open = ranks.flatMap((value, i) => (value === -1 ? [i] : []))
    for (const i of open) {
      if (!open.some((other) => naiveDominates(points[other]!, points[i]!))) ranks[i] = rank
    }
  }
  return ranks
}

/** Cuts the box below the reference along every coordinate that occurs and adds up the dominated cells. */
export function naiveHypervolume(points: readonly Point[], reference: Point): number {
  const below = points.filter((point) => point.every((value, j) => value < reference[j]!))
  const cuts = reference.map((end, j) => [...new Set([...below.map((point) => point[j]!), end])].sort((a, b) => a - b))
  let sum = 0
  const visit = (corner: number[], size: number): void => {
    const j = corner.length
    if (j === reference.length) {
      if (below.some((point) => point.every((value, k) => value <= corner[k]!))) sum += size
      return
    }
    const axis = cuts[j]!
    for (let k = 0; k + 1 < axis.length; k++) visit([...corner, axis[k]!], size * (axis[k + 1]! - axis[k]!))
  }
  visit([], 1)
  return sum
}

/** Counts every pair. */
export function naiveKendallTau(x: readonly number[], y: readonly number[]): number {
  let score = 0
  let untiedX = 0
  let untiedY = 0
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < i; j++) {
      const signX = Math.sign(x[i]! - x[j]!)
      const signY = Math.sign(y[i]! - y[j]!)
      score += signX * signY
      untiedX += Math.abs(signX)
      untiedY += Math.abs(signY)
    }
  }
  return untiedX === 0 || untiedY === 0 ? 0 : score / Math.sqrt(untiedX * untiedY)
}

export function naiveIgdPlus(points: readonly Point[], front: readonly Point[]): number {
  const distances = front.map((target) =>
    Math.min(
      ...points.map((point) => Math.hypot(...point.map((value, j) => (value > target[j]! ? value - target[j]! : 0)))),
    ),
  )
  return distances.reduce((sum, distance) => sum + distance, 0) / front.length
}

/** Neighbour gaps found by scanning all other points; only for points without equal coordinates. */
export function naiveCrowding(points: readonly Point[]): number[] {
  return points.map((point) => {
    let distance = 0
    for (let j = 0; j < point.length; j++) {
      const column = points.map((other) => other[j]!)
      const lower = column.filter((value) => value < point[j]!)
      const upper = column.filter((value) => value > point[j]!)
      if (lower.length === 0 || upper.length === 0) return Number.POSITIVE_INFINITY
      distance += (Math.min(...upper) - Math.max(...lower)) / (Math.max(...column) - Math.min(...column))
    }
    return distance
  })
}
