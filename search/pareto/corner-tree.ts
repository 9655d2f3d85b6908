import { ascendingOrder } from './order.ts'

/** Points in a leaf. */
const LEAF = 8

/**
 * A tree of points split in halves, each node known by the least values of its points: whoever looks for the point that
 * exceeds a target least can pass over a node whose corner exceeds it more than the best point found.
 */
export class CornerTree {
  readonly #objectives: number
  /** Objectives and, up to four, zeros. */
  readonly #width: number
  readonly #target: Float64Array
  /** Points in the order of the leaves, row-major. */
  readonly #rows: Float64Array
  /** One more than the last leaf's depth: nodes are numbered as in a heap, from 1, and the last level holds the leaves. */
  readonly #firstLeaf: number
  readonly #corners: Float64Array
  readonly #ends: Uint32Array
  readonly #waiting: Int32Array
  readonly #bounds: Float64Array

  /** @param points row-major, finite; at least one */
  constructor(points: Float64Array, objectives: number) {
    const count = points.length / objectives
    let leaves = 1
    while (leaves * LEAF < count) leaves *= 2
    const width = Math.max(4, objectives)
    this.#objectives = objectives
    this.#width = width
    this.#target = new Float64Array(width)
    this.#rows = new Float64Array(count * width)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < objectives; j++) this.#rows[i * width + j] = points[i * objectives + j]!
    }
    this.#firstLeaf = leaves
    this.#corners = new Float64Array(2 * leaves * width)
    this.#ends = new Uint32Array(2 * leaves)
    this.#waiting = new Int32Array(2 * leaves)
    this.#bounds = new Float64Array(2 * leaves)
    this.#split(1, 0, count)
  }

  /**
   * Least sum, over the points, of the squares of what their objectives exceed those of a target by.
   * @param targets row-major; the target begins at `at`
   */
  leastExcess(targets: Float64Array, at: number): number {
    const width = this.#width
    const rows = this.#rows
    const corners = this.#corners
    const waiting = this.#waiting
    const bounds = this.#bounds
    const target = this.#target
    for (let j = 0; j < this.#objectives; j++) target[j] = targets[at + j]!
    const t0 = target[0]!
    const t1 = target[1]!
    const t2 = target[2]!
    const t3 = target[3]!
    let least = Number.POSITIVE_INFINITY
    let depth = 0
    let node = 1
    for (;;) {
      if (node >= this.#firstLeaf) {
        const end = this.#ends[node]! * width
        for (let row = this.#start(node) * width; row < end; row += width) {
          const excess = squaredExcess(rows, row, width, t0, t1, t2, t3, target)
          if (excess < least) least = excess
        }
      } else {
        const left = 2 * node
        const leftBound = squaredExcess(corners, left * width, width, t0, t1, t2, t3, target)
        const rightBound = squaredExcess(corners, (left + 1) * width, width, t0, t1, t2, t3, target)
        const leftFirst = leftBound <= rightBound
        const far = leftFirst ? rightBound : leftBound
        if (far < least) {
          waiting[depth] = leftFirst ? left + 1 : left
          bounds[depth++] = far
        }
        if ((leftFirst ? leftBound : rightBound) < least) {
          node = leftFirst ? left : left + 1
          continue
        }
      }
      while (depth > 0 && bounds[depth - 1]! >= least) depth--
      if (depth === 0) return 0.25 * least
      node = waiting[--depth]!
    }
  }

  /** A leaf begins where the one before it ends. */
  #start(leaf: number): number {
    return leaf === this.#firstLeaf ? 0 : this.#ends[leaf - 1]!
  }

  #split(node: number, start: number, end: number): void {
    const width = this.#width
    const rows = this.#rows.subarray(start * width, end * width)
    const count = end - start
    let widest = 0
    let widestRange = -1
    for (let j = 0; j < width; j++) {
      let least = Number.POSITIVE_INFINITY
      let most = Number.NEGATIVE_INFINITY
      for (let at = j; at < rows.length; at += width) {
        const value = rows[at]!
        if (value < least) least = value
        if (value > most) most = value
      }
      this.#corners[node * width + j] = least
      if (most - least > widestRange) {
        widestRange = most - least
        widest = j
      }
    }
    this.#ends[node] = end
    if (node >= this.#firstLeaf) return
    const keys = new Float64Array(count)
    for (let i = 0; i < count; i++) keys[i] = rows[i * width + widest]!
    const before = rows.slice()
    const order = ascendingOrder(keys)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < width; j++) rows[i * width + j] = before[order[i]! * width + j]!
    }
    const middle = start + (count >>> 1)
    this.#split(2 * node, start, middle)
    this.#split(2 * node + 1, middle, end)
  }
}

/** Four times the sum of the squares: twice an excess, or 0, is had without a branch that could go either way. */
function squaredExcess(
  points: Float64Array,
  row: number,
  width: number,
  t0: number,
  t1: number,
  t2: number,
  t3: number,
  target: Float64Array,
): number {
  const d0 = points[row]! - t0
  const d1 = points[row + 1]! - t1
  const d2 = points[row + 2]! - t2
  const d3 = points[row + 3]! - t3
  const e0 = d0 + Math.abs(d0)
  const e1 = d1 + Math.abs(d1)
  const e2 = d2 + Math.abs(d2)
  const e3 = d3 + Math.abs(d3)
  let sum = e0 * e0 + e1 * e1 + (e2 * e2 + e3 * e3)
  for (let j = 4; j < width; j++) {
    const difference = points[row + j]! - target[j]!
    const twice = difference + Math.abs(difference)
    sum += twice * twice
  }
  return sum
}
