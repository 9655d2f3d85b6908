/**
 * The lower-left staircase of a growing set of points in the plane: x rises while y falls. Answers in O(log n)
 * whether a point is covered; an insertion shifts the steps to its right.
 */
export class Staircase {
  #x = new Float64Array(8)
  #y = new Float64Array(8)
  #size = 0

  /** Number of steps whose x is at most `x`. */
  #stepsUpTo(x: number): number {
    let low = 0
    let high = this.#size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#x[middle]! <= x) low = middle + 1
      else high = middle
    }
    return low
  }

  /** True when a step is no larger than (x, y) in both coordinates. */
  covers(x: number, y: number): boolean {
    const steps = this.#stepsUpTo(x)
    return steps > 0 && this.#y[steps - 1]! <= y
  }

  /** Adds a point and drops the steps it covers. A covered point changes nothing. */
  insert(x: number, y: number): void {
    const end = this.#stepsUpTo(x)
    if (end > 0 && this.#y[end - 1]! <= y) return
    const start = end > 0 && this.#x[end - 1] === x ? end - 1 : end
    let next = end
    while (next < this.#size && this.#y[next]! >= y) next++
    if (this.#size + 1 > this.#x.length) this.#grow()
    this.#x.copyWithin(start + 1, next, this.#size)
    this.#y.copyWithin(start + 1, next, this.#size)
    this.#x[start] = x
    this.#y[start] = y
    this.#size += start + 1 - next
  }

  #grow(): void {
    const x = new Float64Array(this.#x.length * 2)
    const y = new Float64Array(this.#x.length * 2)
    x.set(this.#x)
    y.set(this.#y)
    this.#x = x
    this.#y = y
  }
}
