/** Rows of a lower triangular matrix, packed: row i starts at i(i+1)/2. */
export const rowStart = (row: number): number => (row * (row + 1)) / 2

/** Scalar product of two stretches. Four sums run side by side, because additions to one sum wait for each other. */
export function product(a: Float64Array, aStart: number, b: Float64Array, bStart: number, length: number): number {
  let sum0 = 0
  let sum1 = 0
  let sum2 = 0
  let sum3 = 0
  let k = 0
  for (const end = length - 3; k < end; k += 4) {
    sum0 += a[aStart + k]! * b[bStart + k]!
    sum1 += a[aStart + k + 1]! * b[bStart + k + 1]!
    sum2 += a[aStart + k + 2]! * b[bStart + k + 2]!
    sum3 += a[aStart + k + 3]! * b[bStart + k + 3]!
  }
  for (; k < length; k++) sum0 += a[aStart + k]! * b[bStart + k]!
  return sum0 + sum1 + (sum2 + sum3)
}

/**
 * Appends row `n` to a Cholesky factor whose rows 0…n−1 are in place, from the covariances of the new point with the
 * earlier ones (entries 0…n−1 of `covariances`) and its own variance. Rows never change when more are appended.
 */
export function appendCholeskyRow(factor: Float64Array, n: number, covariances: Float64Array, variance: number): void {
  const start = rowStart(n)
  let rest = variance
  for (let j = 0; j < n; j++) {
    const other = rowStart(j)
    const entry = (covariances[j]! - product(factor, start, factor, other, j)) / factor[other + j]!
    factor[start + j] = entry
    rest -= entry * entry
  }
  factor[start + n] = Math.sqrt(Math.max(rest, 1e-10))
}

/** Solves L x = b in place for the first `n` rows, of which those before `from` are solved, or 0, already. */
export function solveLower(factor: Float64Array, n: number, b: Float64Array, from = 0): void {
  for (let i = from, start = rowStart(from); i < n; i++) {
    b[i] = (b[i]! - product(factor, start, b, 0, i)) / factor[start + i]!
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
