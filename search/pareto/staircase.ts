/** More steps than this are moved by copyWithin, fewer by a loop, which begins sooner. */
const LONG_MOVE = 100

/**
 * The lower-left staircase of a growing set of points in the plane: x rises while y falls. Tells in O(log n)
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

  /** Where a point belongs among the steps, or −1 when one of them is no larger in both coordinates. */
  placeOf(x: number, y: number): number {
    const steps = this.#stepsUpTo(x)
    return steps > 0 && this.#y[steps - 1]! <= y ? -1 : steps
  }

  /** Adds a point at its place and drops the steps that it covers. */
  insert(place: number, x: number, y: number): void {
    const start = place > 0 && this.#x[place - 1] === x ? place - 1 : place
    let next = place
    while (next < this.#size && this.#y[next]! >= y) next++
    if (this.#size + 1 > this.#x.length) this.#grow()
    this.#move(start + 1 - next, next)
    this.#x[start] = x
    this.#y[start] = y
    this.#size += start + 1 - next
  }

  /** Moves all steps from one on. */
  #move(by: number, from: number): void {
    const end = this.#size
    if (by === 0) return
    if (end - from > LONG_MOVE) {
      this.#x.copyWithin(from + by, from, end)
      this.#y.copyWithin(from + by, from, end)
      return
    }
    const xs = this.#x
    const ys = this.#y
    if (by > 0) {
      for (let at = end - 1; at >= from; at--) {
        xs[at + by] = xs[at]!
        ys[at + by] = ys[at]!
      }
    } else {
      for (let at = from; at < end; at++) {
        xs[at + by] = xs[at]!
        ys[at + by] = ys[at]!
      }
    }
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
