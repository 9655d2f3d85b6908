/** More members than this are moved by copyWithin, fewer by a loop, which begins sooner. */
const LONG_MOVE = 100

/**
 * A growing set of points in space, known by ranks, which tells for every new point the volume that only it dominates.
 * After the contributions of Guerreiro and Fonseca (2018, "Computing and Updating Hypervolume Contributions in Up to Four
 * Dimensions"): members are kept by their third rank, and the part of the plane that is the new point's own shrinks while
 * they are swept. One addition takes O(n) steps, nearly all of them a comparison of two pairs of integers.
 *
 * Lower ranks are better; `values[j][rank]` rises with the rank.
 */
export class Shell {
  readonly #aValues: Float64Array
  readonly #bValues: Float64Array
  readonly #cValues: Float64Array
  readonly #a: Int32Array
  readonly #b: Int32Array
  readonly #c: Int32Array
  #size = 0
  readonly #candidates: Int32Array
  /** Steps between the limits, from the left to the right, a rising and b falling. */
  readonly #stepA: Int32Array
  readonly #stepB: Int32Array
  #head = 0
  #tail = 0
  #boxA = 0
  #boxB = 0
  #boxC = 0

  constructor(values: readonly Float64Array[], capacity: number) {
    this.#aValues = values[0]!
    this.#bValues = values[1]!
    this.#cValues = values[2]!
    this.#a = new Int32Array(capacity)
    this.#b = new Int32Array(capacity)
    this.#c = new Int32Array(capacity)
    this.#candidates = new Int32Array(capacity)
    this.#stepA = new Int32Array(capacity + 1)
    this.#stepB = new Int32Array(capacity + 1)
  }

  /** Empties the set; only the part of space below the three ranks counts from now on. */
  reset(a: number, b: number, c: number): void {
    this.#size = 0
    this.#boxA = a
    this.#boxB = b
    this.#boxC = c
  }

  /** Volume of what the point dominates and no member does. The point becomes a member unless one dominates it. */
  add(ownA: number, ownB: number, ownC: number): number {
    if (this.#size === 0) {
      this.#insert(0, 0, ownA, ownB, ownC)
      const depth = this.#cValues[this.#boxC]! - this.#cValues[ownC]!
      return depth * this.#rectangle(ownA, this.#boxA, ownB, this.#boxB)
    }
    const membersA = this.#a
    const membersB = this.#b
    const candidates = this.#candidates
    const cValues = this.#cValues
    const size = this.#size
    const place = this.#membersUpTo(ownC)
    // Members beside the point limit its part of the plane; those within are steps of a staircase.
    let limitA = this.#boxA
    let limitB = this.#boxB
    let count = 0
    for (let k = place - 1; k >= 0; k--) {
      const a = membersA[k]!
      const b = membersB[k]!
      if (((a - limitA) & (b - limitB)) >= 0) continue
      if (a <= ownA) {
        if (b <= ownB) return 0
        limitB = b
      } else if (b <= ownB) limitA = a
      else candidates[count++] = k
    }
    let area = this.#rectangle(ownA, limitA, ownB, limitB)
    this.#head = 0
    this.#tail = 0
    for (let at = 0; at < count; at++) {
      const a = membersA[candidates[at]!]!
      const b = membersB[candidates[at]!]!
      if (a < limitA && b < limitB) area -= this.#step(a, b, limitA, limitB)
    }
    let volume = 0
    let depth = cValues[ownC]!
    let removed = 0
    for (let k = place; k < size; k++) {
      const a = membersA[k]!
      const b = membersB[k]!
      if (((a - limitA) & (b - limitB)) >= 0) continue
      const next = cValues[this.#c[k]!]!
      volume += area * (next - depth)
      depth = next
      if (a >= ownA && b >= ownB) candidates[removed++] = k
      if (a <= ownA) {
        if (b <= ownB) {
          area = 0
          break
        }
        area -= this.#cutFromLeft(ownA, b, limitA, limitB)
        limitB = b
      } else if (b <= ownB) {
        area -= this.#cutFromRight(ownB, a, limitA, limitB)
        limitA = a
      } else area -= this.#step(a, b, limitA, limitB)
    }
    this.#insert(place, removed, ownA, ownB, ownC)
    return volume + area * (cValues[this.#boxC]! - depth)
  }

  /** Number of members with a third rank up to this one: a binary search without branches that could go either way. */
  #membersUpTo(c: number): number {
    const ranks = this.#c
    let low = 0
    let left = this.#size
    while (left > 0) {
      const half = (left + 1) >>> 1
      low += half & ((ranks[low + half - 1]! - c - 1) >> 31)
      left -= half
    }
    return low
  }

  #rectangle(a: number, aEnd: number, b: number, bEnd: number): number {
    return (this.#aValues[aEnd]! - this.#aValues[a]!) * (this.#bValues[bEnd]! - this.#bValues[b]!)
  }

  /** Adds a step within the limits and returns the area it takes. */
  #step(a: number, b: number, limitA: number, limitB: number): number {
    const stepA = this.#stepA
    const stepB = this.#stepB
    const tail = this.#tail
    let low = this.#head
    while (low < tail && stepA[low]! <= a) low++
    let top = low > this.#head ? stepB[low - 1]! : limitB
    if (top <= b) return 0
    let left = a
    let end = low
    let taken = 0
    for (; end < tail && stepB[end]! >= b; end++) {
      taken += this.#rectangle(left, stepA[end]!, b, top)
      left = stepA[end]!
      top = stepB[end]!
    }
    taken += this.#rectangle(left, end < tail ? stepA[end]! : limitA, b, top)
    if (end === low) {
      for (let at = tail; at > low; at--) {
        stepA[at] = stepA[at - 1]!
        stepB[at] = stepB[at - 1]!
      }
      this.#tail = tail + 1
    } else if (end > low + 1) {
      stepA.copyWithin(low + 1, end, tail)
      stepB.copyWithin(low + 1, end, tail)
      this.#tail -= end - low - 1
    }
    stepA[low] = a
    stepB[low] = b
    return taken
  }

  /** Lowers the upper limit to b and returns the area this takes. */
  #cutFromLeft(ownA: number, b: number, limitA: number, limitB: number): number {
    let left = ownA
    let top = limitB
    let taken = 0
    for (; this.#head < this.#tail && this.#stepB[this.#head]! >= b; this.#head++) {
      taken += this.#rectangle(left, this.#stepA[this.#head]!, b, top)
      left = this.#stepA[this.#head]!
      top = this.#stepB[this.#head]!
    }
    return taken + this.#rectangle(left, this.#head < this.#tail ? this.#stepA[this.#head]! : limitA, b, top)
  }

  /** Draws the right limit in to a and returns the area this takes. */
  #cutFromRight(ownB: number, a: number, limitA: number, limitB: number): number {
    let bottom = ownB
    let right = limitA
    let taken = 0
    for (; this.#head < this.#tail && this.#stepA[this.#tail - 1]! >= a; this.#tail--) {
      taken += this.#rectangle(a, right, bottom, this.#stepB[this.#tail - 1]!)
      bottom = this.#stepB[this.#tail - 1]!
      right = this.#stepA[this.#tail - 1]!
    }
    return taken + this.#rectangle(a, right, bottom, this.#head < this.#tail ? this.#stepB[this.#tail - 1]! : limitB)
  }

  /** Puts a member at its place and drops those, further on, that the first `removed` candidates name. */
  #insert(place: number, removed: number, a: number, b: number, c: number): void {
    const gone = this.#candidates
    this.#move(1, place, removed > 0 ? gone[0]! : this.#size)
    this.#a[place] = a
    this.#b[place] = b
    this.#c[place] = c
    for (let at = 1; at < removed; at++) {
      this.#move(-at, gone[at]! + 1, at + 1 < removed ? gone[at + 1]! : this.#size)
    }
    this.#size += 1 - removed
  }

  #move(by: number, start: number, end: number): void {
    const a = this.#a
    const b = this.#b
    const c = this.#c
    if (end - start > LONG_MOVE) {
      for (const ranks of [a, b, c]) ranks.copyWithin(start + by, start, end)
    } else if (by > 0) {
      for (let k = end - 1; k >= start; k--) {
        a[k + by] = a[k]!
        b[k + by] = b[k]!
        c[k + by] = c[k]!
      }
    } else {
      for (let k = start; k < end; k++) {
        a[k + by] = a[k]!
        b[k + by] = b[k]!
        c[k + by] = c[k]!
      }
    }
  }
}
