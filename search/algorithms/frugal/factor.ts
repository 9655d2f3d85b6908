import { grown } from './grown.ts'
import { appendCholeskyRow, rowStart, solveLower, solveUpper } from './triangular.ts'
import { MOST_ROWS, TriangularMemory } from './triangular-code.ts'

/** Multiplications below which handing over the vector takes longer than it saves. */
const LEAST_WORK = 256

let memory: TriangularMemory | undefined
let missing = false
let factors = 0

/** A Cholesky factor that grows by rows. Sums run in WebAssembly where there is some, with the same results to the last bit. */
export class Factor {
  readonly #id = ++factors
  #entries = new Float64Array(rowStart(32))

  /** Entry of the diagonal. */
  diagonal(row: number): number {
    return this.#entries[rowStart(row) + row]!
  }

  /** Writes row `n`, as `appendCholeskyRow` does. Rows after it are no longer valid. */
  append(n: number, covariances: Float64Array, variance: number): void {
    this.#entries = grown(this.#entries, rowStart(n + 1), rowStart(2 * n + 32))
    memory?.forget(this.#id, n)
    const fast = this.#memoryFor(0, n)
    if (fast === undefined) {
      appendCholeskyRow(this.#entries, n, covariances, variance)
      return
    }
    const { vector } = fast
    vector.set(covariances.subarray(0, n))
    fast.solveLower(fast.placeOf(this.#id, this.#entries, n), 0, n)
    const start = rowStart(n)
    let rest = variance
    for (let j = 0; j < n; j++) {
      const entry = vector[j]!
      this.#entries[start + j] = entry
      rest -= entry * entry
    }
    this.#entries[start + n] = Math.sqrt(Math.max(rest, 1e-10))
  }

  /** Solves L x = b in place for the rows before `to`, of which those before `from` are solved, or 0, already. */
  solveLower(to: number, b: Float64Array, from = 0): void {
    const fast = this.#memoryFor(from, to)
    if (fast === undefined) {
      solveLower(this.#entries, to, b, from)
      return
    }
    fast.vector.set(b.subarray(0, to))
    fast.solveLower(fast.placeOf(this.#id, this.#entries, to), from, to)
    b.set(fast.vector.subarray(from, to), from)
  }

  /** Solves Lᵀ x = b in place for the first `n` rows. */
  solveUpper(n: number, b: Float64Array): void {
    const fast = this.#memoryFor(0, n)
    if (fast === undefined) {
      solveUpper(this.#entries, n, b)
      return
    }
    fast.vector.set(b.subarray(0, n))
    fast.solveUpper(fast.placeOf(this.#id, this.#entries, n), n)
    b.set(fast.vector.subarray(0, n))
  }

  #memoryFor(from: number, to: number): TriangularMemory | undefined {
    if ((to - from) * (to + from) < 2 * LEAST_WORK || to > MOST_ROWS || missing) return undefined
    memory ??= TriangularMemory.create()
    missing = memory === undefined
    return memory
  }
}
