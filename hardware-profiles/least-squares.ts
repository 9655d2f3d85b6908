import { cholesky, solveFactored } from '../lib/linear-systems.ts'

/**
 * Coordinate descent from a solution: where columns are nearly alike, the active set can stop early or lose digits; each
 * step here can only lower the error.
 */
function polish(gram: readonly (readonly number[])[], target: readonly number[], x: number[]): void {
  for (let sweep = 0; sweep < 1000; sweep++) {
    let moved = 0
    for (let j = 0; j < x.length; j++) {
      const row = gram[j]!
      if (!(row[j]! > 0)) continue
      let gradient = target[j]!
      for (let k = 0; k < x.length; k++) gradient -= row[k]! * x[k]!
      const next = Math.max(x[j]! + gradient / row[j]!, 0)
      moved = Math.max(moved, Math.abs(next - x[j]!) / (Math.abs(x[j]!) + 1e-9))
      x[j] = next
    }
    if (moved < 1e-7) return
  }
}

/**
 * Non-negative least squares of relative errors: minimises Σ w·(1 − prediction / measured)², every coefficient ≥ 0
 * (a part of a kernel cannot take negative time). Lawson and Hanson's active set on the normal equations.
 */
export function fitNonNegative(
  design: readonly (readonly number[])[],
  measured: readonly number[],
  weights: readonly number[] = measured.map(() => 1),
): number[] {
  const n = design[0]!.length
  const scale = Array.from({ length: n }, (_, j) => Math.max(...design.map((row, i) => row[j]! / measured[i]!), 1e-300))
  const gram = Array.from({ length: n }, () => new Array<number>(n).fill(0))
  const target = new Array<number>(n).fill(0)
  design.forEach((row, i) => {
    for (let j = 0; j < n; j++) {
      const a = row[j]! / measured[i]! / scale[j]!
      target[j]! += weights[i]! * a
      for (let k = 0; k < n; k++) gram[j]![k]! += (weights[i]! * a * row[k]!) / measured[i]! / scale[k]!
    }
  })
  for (let j = 0; j < n; j++) gram[j]![j]! += 1e-12 * (gram[j]![j]! + 1e-12)
  const x = new Array<number>(n).fill(0)
  const free = new Set<number>()
  for (let round = 0; round < 10 * n; round++) {
    const gradient = target.map((t, j) => t - gram[j]!.reduce((sum, g, k) => sum + g * x[k]!, 0))
    const enter = gradient
      .map((g, j) => ({ g, j }))
      .filter(({ g, j }) => !free.has(j) && g > 1e-9 * design.length)
      .sort((a, b) => b.g - a.g)[0]
    if (enter === undefined) break
    free.add(enter.j)
    for (;;) {
      const indices = [...free].sort((a, b) => a - b)
      const trial = solveFactored(
        cholesky(indices.map((j) => indices.map((k) => gram[j]![k]!))),
        indices.map((j) => target[j]!),
      )
      if (trial.every((value) => value > 0)) {
        x.fill(0)
        indices.forEach((j, i) => {
          x[j] = trial[i]!
        })
        break
      }
      const step = Math.min(
        ...indices.map((j, i) => (trial[i]! > 0 ? Number.POSITIVE_INFINITY : x[j]! / (x[j]! - trial[i]! + 1e-300))),
      )
      indices.forEach((j, i) => {
        x[j]! += step * (trial[i]! - x[j]!)
        if (x[j]! <= 1e-12) {
          x[j] = 0
          free.delete(j)
        }
      })
    }
  }
  polish(gram, target, x)
  return x.map((value, j) => value / scale[j]!)
}
