/** Rows of a design matrix with 0/1 entries, each as the positions of its ones. */
export type SparseRows = readonly (readonly number[])[]

export interface RidgeFit {
  /** Per column; add `mean of the targets`, and take columns relative to their means. */
  readonly coefficients: Float64Array
  /** Means of the columns. */
  readonly means: Float64Array
  readonly penalty: number
  /** 1 − (leave-one-out squared error ÷ variance of the targets): at most 1, negative when the mean alone is better. */
  readonly leaveOneOutR2: number
}

/** Penalties tried, times the number of rows ÷ 10. */
const PENALTIES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]

/**
 * Ridge regression on indicator columns with an intercept that is not penalised; the penalty with the least
 * leave-one-out error, which needs no refits: residual ÷ (1 − leverage) (Allen 1974, PRESS).
 */
export function fitRidge(rows: SparseRows, targets: readonly number[], columns: number): RidgeFit {
  const means = columnMeans(rows, columns)
  const centred = centredTargets(targets)
  const variance = centred.reduce((sum, value) => sum + value * value, 0)
  let best: RidgeFit | undefined
  for (const factor of PENALTIES) {
    const penalty = (factor * rows.length) / 10
    const inverse = inverted(gramOf(rows, means, penalty))
    const coefficients = multiplied(inverse, projected(rows, means, centred), columns)
    let squared = 0
    rows.forEach((row, i) => {
      const { predicted, leverage } = leaveOut(row, means, coefficients, inverse)
      squared += ((centred[i]! - predicted) / Math.max(1e-6, 1 - leverage - 1 / rows.length)) ** 2
    })
    const leaveOneOutR2 = variance > 0 ? 1 - squared / variance : 0
    if (best === undefined || leaveOneOutR2 > best.leaveOneOutR2) best = { coefficients, means, penalty, leaveOneOutR2 }
  }
  return best!
}

/** Coefficients at a given penalty, for resamples of the rows. */
export function ridgeCoefficients(
  rows: SparseRows,
  targets: readonly number[],
  columns: number,
  penalty: number,
): Float64Array {
  const means = columnMeans(rows, columns)
  const inverse = inverted(gramOf(rows, means, penalty))
  return multiplied(inverse, projected(rows, means, centredTargets(targets)), columns)
}

function centredTargets(targets: readonly number[]): readonly number[] {
  const mean = targets.reduce((sum, value) => sum + value, 0) / targets.length
  return targets.map((value) => value - mean)
}

function columnMeans(rows: SparseRows, columns: number): Float64Array {
  const means = new Float64Array(columns)
  for (const row of rows) for (const column of row) means[column]! += 1 / rows.length
  return means
}

/** Row-major Gram matrix of the centred columns, with the penalty on its diagonal. */
function gramOf(rows: SparseRows, means: Float64Array, penalty: number): Float64Array {
  const n = means.length
  const gram = new Float64Array(n * n)
  for (const row of rows) for (const i of row) for (const j of row) gram[i * n + j]! += 1
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) gram[i * n + j]! -= rows.length * means[i]! * means[j]!
    gram[i * n + i]! += penalty
  }
  return gram
}

/** Centred columns times the centred targets. */
function projected(rows: SparseRows, means: Float64Array, centred: readonly number[]): Float64Array {
  const result = new Float64Array(means.length)
  rows.forEach((row, i) => {
    for (const column of row) result[column]! += centred[i]!
  })
  return result
}

function multiplied(matrix: Float64Array, vector: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    let sum = 0
    for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * vector[j]!
    return sum
  })
}

function leaveOut(row: readonly number[], means: Float64Array, coefficients: Float64Array, inverse: Float64Array) {
  const n = means.length
  const x = Float64Array.from(means, (mean) => -mean)
  for (const column of row) x[column]! += 1
  let predicted = 0
  let leverage = 0
  for (let i = 0; i < n; i++) {
    predicted += x[i]! * coefficients[i]!
    let sum = 0
    for (let j = 0; j < n; j++) sum += inverse[i * n + j]! * x[j]!
    leverage += x[i]! * sum
  }
  return { predicted, leverage }
}

/** Inverse of a symmetric positive definite matrix (Gauss–Jordan; such a matrix needs no pivoting). */
function inverted(matrix: Float64Array): Float64Array {
  const n = Math.sqrt(matrix.length)
  const a = Float64Array.from(matrix)
  for (let k = 0; k < n; k++) {
    const pivot = 1 / a[k * n + k]!
    a[k * n + k] = 1
    for (let j = 0; j < n; j++) a[k * n + j]! *= pivot
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const factor = a[i * n + k]!
      if (factor === 0) continue
      a[i * n + k] = 0
      for (let j = 0; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!
    }
  }
  return a
}
