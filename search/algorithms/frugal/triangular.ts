/** Rows of a lower triangular matrix, packed: row i starts at i(i+1)/2. */
export const rowStart = (row: number): number => (row * (row + 1)) / 2

/**
 * Appends row `n` to a Cholesky factor whose rows 0…n−1 are in place, from the covariances of the new point with the
 * earlier ones (entries 0…n−1 of `covariances`) and its own variance. Rows never change when more are appended.
 */
export function appendCholeskyRow(factor: Float64Array, n: number, covariances: Float64Array, variance: number): void {
  const start = rowStart(n)
  let rest = variance
  for (let j = 0; j < n; j++) {
    const other = rowStart(j)
    let sum = covariances[j]!
    for (let k = 0; k < j; k++) sum -= factor[start + k]! * factor[other + k]!
    const entry = sum / factor[other + j]!
    factor[start + j] = entry
    rest -= entry * entry
  }
  factor[start + n] = Math.sqrt(Math.max(rest, 1e-10))
}

/** Solves L x = b in place for the first `n` rows. */
export function solveLower(factor: Float64Array, n: number, b: Float64Array): void {
  for (let i = 0, start = 0; i < n; i++) {
    let sum = b[i]!
    for (let k = 0; k < i; k++) sum -= factor[start + k]! * b[k]!
    b[i] = sum / factor[start + i]!
    start += i + 1
  }
}

/** Solves Lᵀ x = b in place for the first `n` rows. */
export function solveUpper(factor: Float64Array, n: number, b: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    const start = rowStart(i)
    const value = b[i]! / factor[start + i]!
    b[i] = value
    for (let k = 0; k < i; k++) b[k]! -= factor[start + k]! * value
  }
}
