/** Ranks found by comparing every pair for each front peeled off. */
export function naiveRanks(points: Float64Array, count: number, objectives: number): Int32Array {
  const ranks = new Int32Array(count).fill(-1)
  let open = Array.from({ length: count }, (_, i) => i)
  for (let rank = 0; open.length > 0; rank++) {
    const front = open.filter((i) => !open.some((other) => dominates(points, objectives, other, i)))
    for (const i of front) ranks[i] = rank
    open = open.filter((i) => ranks[i] === -1)
  }
  return ranks
}

/** Rows that no other row dominates, every pair compared. */
export function naiveFront(points: Float64Array, count: number, objectives: number): number[] {
  const all = Array.from({ length: count }, (_, i) => i)
  return all.filter((i) => !all.some((other) => dominates(points, objectives, other, i)))
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

/** Cuts along the last objective at every point and adds up the slices, down to one objective. */
export function naiveHypervolume(rows: readonly (readonly number[])[], reference: readonly number[]): number {
  const last = reference.length - 1
  if (last === 0) return Math.max(0, ...rows.map((row) => reference[0]! - row[0]!))
  const sorted = [...rows].sort((a, b) => a[last]! - b[last]!)
  let sum = 0
  for (let k = 0; k < sorted.length; k++) {
    const depth = (sorted[k + 1]?.[last] ?? reference[last]!) - sorted[k]![last]!
    if (depth > 0) sum += depth * naiveHypervolume(sorted.slice(0, k + 1), reference.slice(0, last))
  }
  return sum
}

/** Every pair of a target and a point. */
export function naiveIgdPlus(points: Float64Array, targets: Float64Array, objectives: number): number {
  let sum = 0
  for (let target = 0; target < targets.length; target += objectives) {
    let nearest = Number.POSITIVE_INFINITY
    for (let at = 0; at < points.length; at += objectives) {
      const excess = Array.from({ length: objectives }, (_, j) => Math.max(0, points[at + j]! - targets[target + j]!))
      nearest = Math.min(nearest, Math.hypot(...excess))
    }
    sum += nearest
  }
  return (sum * objectives) / targets.length
}
