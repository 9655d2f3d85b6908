const BINS = 2048
/** Share of the values cut off at each end. */
const TAIL = 1e-4

interface Observation {
  low: number
  high: number
  readonly counts: Float64Array
}

/** Ranges of named tensors over many batches: first the extremes, then a histogram between them. */
export class RangeObserver {
  readonly #seen = new Map<string, Observation>()

  has = (name: string): boolean => this.#seen.has(name)

  /** @param values `[count, …]`, of which the given rows are looked at. */
  extremes(name: string, values: Float32Array, count: number, rows: readonly number[]): void {
    if (rows.length === 0) return
    const size = values.length / count
    let seen = this.#seen.get(name)
    if (seen === undefined) {
      seen = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY, counts: new Float64Array(BINS) }
      this.#seen.set(name, seen)
    }
    for (const row of rows) {
      for (let i = row * size; i < (row + 1) * size; i++) {
        const value = values[i]!
        if (value < seen.low) seen.low = value
        if (value > seen.high) seen.high = value
      }
    }
  }

  /** The same batches once more, after all went through `extremes`. */
  histogram(name: string, values: Float32Array, count: number, rows: readonly number[]): void {
    if (rows.length === 0) return
    const size = values.length / count
    const { low, high, counts } = this.#seen.get(name)!
    const perUnit = high > low ? BINS / (high - low) : 0
    for (const row of rows) {
      for (let i = row * size; i < (row + 1) * size; i++) {
        counts[Math.min(Math.floor((values[i]! - low) * perUnit), BINS - 1)]!++
      }
    }
  }

  extremesOf(name: string): readonly [number, number] {
    const { low, high } = this.#seen.get(name)!
    return [low, high]
  }

  /** The range without the outermost 0.01 % of the values at each end, to the width of a bin. */
  percentilesOf(name: string): readonly [number, number] {
    const { low, high, counts } = this.#seen.get(name)!
    const allowed = counts.reduce((sum, n) => sum + n, 0) * TAIL
    const width = (high - low) / BINS
    let first = 0
    for (let cut = counts[0]!; cut <= allowed && first < BINS - 1; cut += counts[first]!) first++
    let last = BINS
    for (let cut = counts[BINS - 1]!; cut <= allowed && last > first + 1; cut += counts[last - 1]!) last--
    return [low + first * width, low + last * width]
  }
}
