import { appendCholeskyRow, rowStart, solveLower, solveUpper } from '../algorithms/frugal/triangular.ts'

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

/** What a regression needs of its data, rows counted as often as their weights say. */
interface Moments {
  readonly means: Float64Array
  /** Row-major Gram matrix of the centred columns. */
  readonly gram: Float64Array
  /** Centred columns times the targets. */
  readonly projected: Float64Array
  readonly targetMean: number
}

/**
 * Ridge regression on indicator columns with an intercept that is not penalised; the penalty with the least
 * leave-one-out error, which needs no refits: residual ÷ (1 − leverage) (Allen 1974, PRESS).
 */
export function fitRidge(rows: SparseRows, targets: readonly number[], columns: number): RidgeFit {
  const moments = momentsOf(rows, targets, columns)
  const { means, gram, projected, targetMean } = moments
  let variance = 0
  for (const target of targets) variance += (target - targetMean) ** 2
  let best: RidgeFit | undefined
  for (const factor of PENALTIES) {
    const penalty = (factor * rows.length) / 10
    const inverse = inverted(penalised(gram, columns, penalty))
    const coefficients = multiplied(inverse, projected, columns)
    const squared = leaveOneOutErrors(rows, targets, moments, coefficients, inverse)
    const leaveOneOutR2 = variance > 0 ? 1 - squared / variance : 0
    if (best === undefined || leaveOneOutR2 > best.leaveOneOutR2) best = { coefficients, means, penalty, leaveOneOutR2 }
  }
  return best!
}

/**
 * Coefficients at a given penalty, for resamples of the rows.
 * @param weights how often each row was drawn
 */
export function ridgeCoefficients(
  rows: SparseRows,
  targets: readonly number[],
  columns: number,
  penalty: number,
  weights: Int32Array,
): Float64Array {
  const { gram, projected } = momentsOf(rows, targets, columns, weights)
  return solved(penalised(gram, columns, penalty), projected)
}

function momentsOf(rows: SparseRows, targets: readonly number[], n: number, weights?: Int32Array): Moments {
  const counts = new Float64Array(n)
  const gram = new Float64Array(n * n)
  const projected = new Float64Array(n)
  let total = 0
  let targetSum = 0
  for (let r = 0; r < rows.length; r++) {
    const weight = weights === undefined ? 1 : weights[r]!
    if (weight === 0) continue
    const row = rows[r]!
    total += weight
    targetSum += weight * targets[r]!
    for (let a = 0; a < row.length; a++) {
      const at = row[a]! * n
      counts[row[a]!]! += weight
      projected[row[a]!]! += weight * targets[r]!
      // Each pair once; the matrix is symmetric.
      for (let b = a + 1; b < row.length; b++) gram[at + row[b]!]! += weight
    }
  }
  const means = counts.map((count) => count / total)
  const targetMean = targetSum / total
  for (let i = 0; i < n; i++) {
    projected[i]! -= counts[i]! * targetMean
    for (let j = 0; j < i; j++) {
      const centred = gram[i * n + j]! + gram[j * n + i]! - counts[i]! * means[j]!
      gram[i * n + j] = centred
      gram[j * n + i] = centred
    }
    gram[i * n + i] = counts[i]! - counts[i]! * means[i]!
  }
  return { means, gram, projected, targetMean }
}

function penalised(gram: Float64Array, n: number, penalty: number): Float64Array {
  const sum = gram.slice()
  for (let i = 0; i < n; i++) sum[i * n + i]! += penalty
  return sum
}

function multiplied(matrix: Float64Array, vector: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => dot(matrix.subarray(i * n, (i + 1) * n), vector))
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/**
 * Sum of the squared leave-one-out errors. A row is its ones less the means, so that its leverage is a sum over the pairs
 * of its ones and two terms that are made once.
 */
function leaveOneOutErrors(
  rows: SparseRows,
  targets: readonly number[],
  { means, targetMean }: Moments,
  coefficients: Float64Array,
  inverse: Float64Array,
): number {
  const n = means.length
  const ofMeans = multiplied(inverse, means, n)
  const meanLeverage = dot(ofMeans, means)
  const meanPrediction = dot(coefficients, means)
  let squared = 0
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r]!
    let predicted = targetMean - meanPrediction
    let leverage = meanLeverage
    for (let a = 0; a < row.length; a++) {
      const column = row[a]!
      predicted += coefficients[column]!
      let pairs = 0
      for (let b = a + 1; b < row.length; b++) pairs += inverse[column * n + row[b]!]!
      leverage += inverse[column * n + column]! + 2 * (pairs - ofMeans[column]!)
    }
    squared += ((targets[r]! - predicted) / Math.max(1e-6, 1 - leverage - 1 / rows.length)) ** 2
  }
  return squared
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

/** x of matrix · x = right, for a symmetric positive definite matrix in rows. */
function solved(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length
  const factor = new Float64Array(rowStart(n))
  for (let i = 0; i < n; i++) appendCholeskyRow(factor, i, matrix.subarray(i * n, i * n + i), matrix[i * n + i]!)
  const x = right.slice()
  solveLower(factor, n, x)
  solveUpper(factor, n, x)
  return x
}
