import { Shell } from './shell.ts'

const SEVERAL = -1
const DOMINATED = -2
const OUTSIDE = -3

/**
 * A growing set of points in four and more dimensions, known by ranks, which tells for every new point the volume that
 * only it dominates: the box up to what limits it along each axis, less the volume of the members cut off to that box
 * (While, Bradstreet and Barone 2012, "WFG"). That volume is a sum of slices along the last axis, each the exclusive
 * volume of one member in a set of one dimension less, down to a `Shell`.
 */
export class ExclusiveVolume {
  readonly #dimensions: number
  readonly #values: readonly Float64Array[]
  /** Rows of ranks, by the last rank. */
  readonly #rows: Int32Array
  #size = 0
  readonly #box: Int32Array
  readonly #limits: Int32Array
  readonly #clipped: Int32Array
  readonly #candidates: Int32Array
  readonly #inner: ExclusiveVolume | undefined
  readonly #shell: Shell | undefined

  constructor(values: readonly Float64Array[], dimensions: number, capacity: number) {
    this.#dimensions = dimensions
    this.#values = values
    this.#rows = new Int32Array(capacity * dimensions)
    this.#box = new Int32Array(dimensions)
    this.#limits = new Int32Array(dimensions)
    this.#clipped = new Int32Array(dimensions)
    this.#candidates = new Int32Array(capacity + 1)
    this.#inner = dimensions > 4 ? new ExclusiveVolume(values, dimensions - 1, capacity) : undefined
    this.#shell = dimensions > 4 ? undefined : new Shell(values, capacity)
  }

  /** Empties the set; only the part of space below the ranks counts from now on. */
  reset(box: Int32Array): void {
    this.#size = 0
    for (let j = 0; j < this.#dimensions; j++) this.#box[j] = box[j]!
  }

  /** Volume of what the point at `at` dominates and no member does. The point becomes a member unless one dominates it. */
  add(point: Int32Array, at: number): number {
    const dimensions = this.#dimensions
    const limits = this.#limits
    for (let j = 0; j < dimensions; j++) limits[j] = this.#box[j]!
    const count = dimensions === 4 ? this.#collect4(point, at) : this.#collect(point, at)
    if (count < 0) return 0
    let volume = 1
    for (let j = 0; j < dimensions; j++) {
      volume *= this.#values[j]![limits[j]!]! - this.#values[j]![point[at + j]!]!
    }
    volume -= this.#shell !== undefined ? this.#slices4(point, at, count, this.#shell) : this.#slices(point, at, count)
    this.#insert(point, at, count)
    return volume
  }

  /**
   * Finds the limits and, in order, the members that reach into the box between point and limits. Their number, or −1
   * when a member dominates the point. Members with a close last rank come first: they limit the box most.
   */
  #collect(point: Int32Array, at: number): number {
    const dimensions = this.#dimensions
    const last = dimensions - 1
    const rows = this.#rows
    const limits = this.#limits
    const candidates = this.#candidates
    const place = this.#membersUpTo(point[at + last]!)
    let count = 0
    for (let k = place - 1; k >= 0; k--) {
      const axis = this.#worseAxis(point, at, k)
      if (axis === DOMINATED) return -1
      if (axis >= 0) limits[axis] = rows[k * dimensions + axis]!
      else if (axis === SEVERAL) candidates[count++] = k
    }
    reverse(candidates, count)
    for (let k = place; k < this.#size && rows[k * dimensions + last]! < limits[last]!; k++) {
      const axis = this.#worseAxis(point, at, k)
      if (axis >= 0) limits[axis] = rows[k * dimensions + axis]!
      else if (axis === SEVERAL) candidates[count++] = k
    }
    return count
  }

  /** The one axis along which a member is worse than the point, or `SEVERAL`, `DOMINATED` or `OUTSIDE` the limits. */
  #worseAxis(point: Int32Array, at: number, member: number): number {
    const dimensions = this.#dimensions
    const rows = this.#rows
    const row = member * dimensions
    let worse = 0
    let axis = DOMINATED
    for (let j = 0; j < dimensions; j++) {
      const rank = rows[row + j]!
      if (rank >= this.#limits[j]!) return OUTSIDE
      if (rank <= point[at + j]!) continue
      worse++
      axis = j
    }
    return worse > 1 ? SEVERAL : axis
  }

  /** The same in four dimensions, where most time goes. */
  #collect4(point: Int32Array, at: number): number {
    const rows = this.#rows
    const limits = this.#limits
    const candidates = this.#candidates
    const ownA = point[at]!
    const ownB = point[at + 1]!
    const ownC = point[at + 2]!
    const place = this.#membersUpTo(point[at + 3]!)
    let limitA = limits[0]!
    let limitB = limits[1]!
    let limitC = limits[2]!
    let count = 0
    for (let row = (place - 1) * 4; row >= 0; row -= 4) {
      const a = rows[row]!
      const b = rows[row + 1]!
      const c = rows[row + 2]!
      // Written always and counted when it reaches into the box along two axes or more: no branch to guess.
      const inside = ((a - limitA) & (b - limitB) & (c - limitC)) >>> 31
      const worse = ((ownA - a) >>> 31) + ((ownB - b) >>> 31) + ((ownC - c) >>> 31)
      const several = worse >>> 1
      candidates[count] = row >>> 2
      count += inside & several
      if ((inside & ~several) === 0) continue
      if (a > ownA) limitA = a
      else if (b > ownB) limitB = b
      else if (c > ownC) limitC = c
      else return -1
    }
    reverse(candidates, count)
    limits[0] = limitA
    limits[1] = limitB
    limits[2] = limitC
    const end = Math.min(this.#size, this.#membersUpTo(limits[3]! - 1)) * 4
    for (let row = place * 4; row < end; row += 4) {
      const a = rows[row]!
      const b = rows[row + 1]!
      const c = rows[row + 2]!
      const inside = ((a - limitA) & (b - limitB) & (c - limitC)) >>> 31
      const worse = ((ownA - a) | (ownB - b) | (ownC - c)) >>> 31
      candidates[count] = row >>> 2
      count += inside & worse
      if ((inside & ~worse) === 0) continue
      limits[3] = rows[row + 3]!
      break
    }
    return count
  }

  #membersUpTo(lastRank: number): number {
    const dimensions = this.#dimensions
    let low = 0
    let high = this.#size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#rows[middle * dimensions + dimensions - 1]! <= lastRank) low = middle + 1
      else high = middle
    }
    return low
  }

  #slices(point: Int32Array, at: number, count: number): number {
    const inner = this.#inner!
    const dimensions = this.#dimensions
    const rows = this.#rows
    const limits = this.#limits
    const clipped = this.#clipped
    const depths = this.#values[dimensions - 1]!
    const bottom = depths[limits[dimensions - 1]!]!
    inner.reset(limits)
    let volume = 0
    for (let place = 0; place < count; place++) {
      const row = this.#candidates[place]! * dimensions
      let j = 0
      for (; j < dimensions && rows[row + j]! < limits[j]!; j++) clipped[j] = larger(rows[row + j]!, point[at + j]!)
      if (j === dimensions) volume += (bottom - depths[clipped[dimensions - 1]!]!) * inner.add(clipped, 0)
    }
    return volume
  }

  #slices4(point: Int32Array, at: number, count: number, shell: Shell): number {
    const rows = this.#rows
    const limits = this.#limits
    const limitA = limits[0]!
    const limitB = limits[1]!
    const limitC = limits[2]!
    const limitD = limits[3]!
    const ownA = point[at]!
    const ownB = point[at + 1]!
    const ownC = point[at + 2]!
    const ownD = point[at + 3]!
    const depths = this.#values[3]!
    const bottom = depths[limitD]!
    shell.reset(limitA, limitB, limitC)
    let volume = 0
    for (let place = 0; place < count; place++) {
      const row = this.#candidates[place]! * 4
      const a = larger(rows[row]!, ownA)
      const b = larger(rows[row + 1]!, ownB)
      const c = larger(rows[row + 2]!, ownC)
      const d = larger(rows[row + 3]!, ownD)
      if (((a - limitA) & (b - limitB) & (c - limitC) & (d - limitD)) >= 0) continue
      volume += (bottom - depths[d]!) * shell.add(a, b, c)
    }
    return volume
  }

  /** Puts the point at its place by the last rank and drops the candidates it dominates. */
  #insert(point: Int32Array, at: number, count: number): void {
    const dimensions = this.#dimensions
    const rows = this.#rows
    let kept = this.#size
    let to = -1
    for (let place = 0; place < count; place++) {
      const k = this.#candidates[place]!
      let j = 0
      while (j < dimensions && rows[k * dimensions + j]! >= point[at + j]!) j++
      // The row goes; those up to the next one that goes move up.
      if (to >= 0 || j === dimensions) {
        if (to < 0) to = k
        const end = place + 1 < count ? this.#candidates[place + 1]! : this.#size
        const from = j === dimensions ? k + 1 : k
        rows.copyWithin(to * dimensions, from * dimensions, end * dimensions)
        to += end - from
        kept -= from - k
      }
    }
    this.#size = kept
    const low = this.#membersUpTo(point[at + dimensions - 1]!)
    rows.copyWithin((low + 1) * dimensions, low * dimensions, kept * dimensions)
    for (let j = 0; j < dimensions; j++) rows[low * dimensions + j] = point[at + j]!
    this.#size = kept + 1
  }
}

function reverse(array: Int32Array, count: number): void {
  for (let left = 0, right = count - 1; left < right; left++, right--) {
    const value = array[left]!
    array[left] = array[right]!
    array[right] = value
  }
}

/** The larger of two ranks, without a branch that could go either way. */
function larger(a: number, b: number): number {
  const difference = a - b
  return a - (difference & (difference >> 31))
}
