export type Matrix = readonly (readonly number[])[]

export const dot = (a: readonly number[], b: readonly number[]): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/**
 * Lower triangle L of the symmetric positive definite `a` = L·Lᵀ, of which only the lower triangle is read; pivots that
 * rounding made negative count as tiny.
 */
export function cholesky(a: Matrix): number[][] {
  const l = a.map((row, i) => row.slice(0, i + 1))
  for (let i = 0; i < l.length; i++) {
    const row = l[i]!
    for (let j = 0; j <= i; j++) {
      const pivot = l[j]!
      let rest = row[j]!
      for (let k = 0; k < j; k++) rest -= row[k]! * pivot[k]!
      row[j] = j < i ? rest / pivot[j]! : Math.sqrt(Math.max(rest, 1e-14))
    }
  }
  return l
}

/** Solves L·Lᵀ·x = b. */
export function solveFactored(l: Matrix, b: readonly number[]): number[] {
  const x = [...b]
  for (let i = 0; i < x.length; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i]![k]! * x[k]!
    x[i]! /= l[i]![i]!
  }
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) x[i]! -= l[k]![i]! * x[k]!
    x[i]! /= l[i]![i]!
  }
  return x
}

/** Inverse of a matrix from its Cholesky factor. */
export const inverseFactored = (l: Matrix): number[][] =>
  l.map((_, at) =>
    solveFactored(
      l,
      l.map((__, i) => (i === at ? 1 : 0)),
    ),
  )

/**
 * Minimises ½·xᵀ·gram·x − targetᵀ·x over x ≥ 0: the active set of Lawson and Hanson, begun where the unconstrained
 * solution is positive. `gram` is positive definite.
 */
export function solveNonNegative(gram: Matrix, target: readonly number[]): number[] {
  const scale = gram.map((row, i) => 1 / Math.sqrt(Math.max(row[i]!, 1e-300)))
  const unit = gram.map((row, i) => row.map((value, j) => value * scale[i]! * scale[j]!))
  const goal = target.map((value, i) => value * scale[i]!)
  const tolerance = 1e-9 * Math.max(...goal.map(Math.abs), 1e-300)
  let x = solveFactored(cholesky(unit), goal).map((value) => Math.max(value, 0))
  const free = new Set(x.flatMap((value, j) => (value > 0 ? [j] : [])))
  for (let round = 0; round < 10 * x.length; round++) {
    for (;;) {
      const indices = [...free].sort((a, b) => a - b)
      const sub = indices.map((j) => indices.map((k) => unit[j]![k]!))
      const trial = solveFactored(
        cholesky(sub),
        indices.map((j) => goal[j]!),
      )
      const blocked = indices.filter((_, i) => !(trial[i]! > 0))
      const next = new Array<number>(x.length).fill(0)
      if (blocked.length === 0) {
        indices.forEach((j, i) => {
          next[j] = trial[i]!
        })
        x = next
        break
      }
      const step = Math.min(...indices.map((j, i) => (trial[i]! > 0 ? 1 : x[j]! / Math.max(x[j]! - trial[i]!, 1e-300))))
      indices.forEach((j, i) => {
        next[j] = Math.max(x[j]! + step * (trial[i]! - x[j]!), 0)
      })
      for (const j of blocked) if (next[j]! <= 1e-12 * (x[j]! + 1e-12)) free.delete(j)
      if (blocked.every((j) => free.has(j))) free.delete(blocked.reduce((a, b) => (next[b]! < next[a]! ? b : a)))
      for (const j of blocked) if (!free.has(j)) next[j] = 0
      x = next
    }
    const gradient = goal.map((value, j) => (free.has(j) ? Number.NEGATIVE_INFINITY : value - dot(unit[j]!, x)))
    const enter = gradient.indexOf(Math.max(...gradient))
    if (!(gradient[enter]! > tolerance)) break
    free.add(enter)
  }
  return x.map((value, j) => value * scale[j]!)
}
