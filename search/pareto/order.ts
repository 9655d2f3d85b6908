import { mergeOrder } from './merge-order.ts'
import { wasmPoints } from './wasm-points.ts'

/** Up to this number keys are sorted by insertion alone. */
const SHORT = 24
/** Up to this number of keys there is about one level per key; beyond it, sorting by two digits takes less memory. */
const FEW = 1 << 15
/** Bits of each of two digits. */
const DIGIT_BITS = 11
/** Keys that share a level are sorted by insertion; when that takes more moves per key than this, by levels of their own. */
const MOVES_PER_KEY = 4

/**
 * Positions of finite keys from the smallest to the largest; equal keys keep their order.
 * @param sorted receives the keys in order
 */
export function ascendingOrder(keys: Float64Array, sorted?: Float64Array): Uint32Array {
  const count = keys.length
  if (count <= SHORT) return insertionOrder(keys, sorted ?? new Float64Array(count))
  const fast = wasmPoints(count, 1)
  fast?.load(keys, count, 1)
  if (fast?.sort(0) !== true) return levelOrder(keys, sorted ?? new Float64Array(count))
  if (sorted !== undefined) fast.copySorted(sorted)
  return fast.order()
}

/** The same for one objective of points, row-major. */
export function columnOrder(points: Float64Array, count: number, objectives: number, objective: number): Uint32Array {
  const fast = count > SHORT ? wasmPoints(count, objectives) : undefined
  fast?.load(points, count, objectives)
  if (fast?.sort(objective) === true) return fast.order()
  const keys = new Float64Array(count)
  for (let i = 0; i < count; i++) keys[i] = points[i * objectives + objective]!
  return fast === undefined ? ascendingOrder(keys) : levelOrder(keys, new Float64Array(count))
}

/**
 * The same without WebAssembly, for keys of any number and spread: a radix sort of the keys rounded down to equal levels
 * between the least and the greatest, then of those that share a level by themselves.
 */
export function levelOrder(keys: Float64Array, sorted: Float64Array): Uint32Array {
  const count = keys.length
  let least = keys[0]!
  let most = least
  for (let i = 1; i < count; i++) {
    const key = keys[i]!
    if (key < least) least = key
    if (key > most) most = key
  }
  const few = count <= FEW
  const bits = few ? 32 - Math.clz32(count) : DIGIT_BITS
  const scale = (2 ** (few ? bits : 2 * bits) - 1) / (most - least)
  // All keys equal, or a range too wide or too narrow for a number.
  if (!Number.isFinite(scale) || scale === 0) return mergeOrder(keys, sorted)
  const levels = new Uint32Array(count)
  for (let i = 0; i < count; i++) levels[i] = ((keys[i]! - least) * scale) >>> 0
  const order = few ? byDigit(levels, bits, 0) : byDigit(levels, bits, bits, byDigit(levels, bits, 0))
  if (finishByInsertion(keys, order, sorted)) return order
  const again = few ? byDigit(levels, bits, 0) : byDigit(levels, bits, bits, byDigit(levels, bits, 0))
  sortWithinLevels(keys, levels, again, sorted)
  return again
}

/** Sorts positions, in the order given, by one digit of their levels. */
function byDigit(levels: Uint32Array, bits: number, shift: number, before?: Uint32Array): Uint32Array {
  const count = levels.length
  const mask = 2 ** bits - 1
  const starts = new Uint32Array(mask + 1)
  for (let i = 0; i < count; i++) starts[(levels[i]! >>> shift) & mask]!++
  toStarts(starts)
  const order = new Uint32Array(count)
  if (before === undefined) {
    for (let i = 0; i < count; i++) order[starts[(levels[i]! >>> shift) & mask]!++] = i
    return order
  }
  for (let k = 0; k < count; k++) {
    const i = before[k]!
    order[starts[(levels[i]! >>> shift) & mask]!++] = i
  }
  return order
}

/** Turns the number of keys per digit into the place of the first of them. */
function toStarts(counts: Uint32Array): void {
  let start = 0
  for (let digit = 0; digit < counts.length; digit++) {
    const here = counts[digit]!
    counts[digit] = start
    start += here
  }
}

function insertionOrder(keys: Float64Array, sorted: Float64Array): Uint32Array {
  const order = new Uint32Array(keys.length)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    let at = i
    for (; at > 0 && sorted[at - 1]! > key; at--) {
      sorted[at] = sorted[at - 1]!
      order[at] = order[at - 1]!
    }
    sorted[at] = key
    order[at] = i
  }
  return order
}

/** Sorts keys that are nearly in order; false when they are too far from it. */
function finishByInsertion(keys: Float64Array, order: Uint32Array, sorted: Float64Array): boolean {
  const count = order.length
  let movesLeft = count * MOVES_PER_KEY
  for (let place = 0; place < count; place++) {
    const i = order[place]!
    const key = keys[i]!
    let at = place
    for (; at > 0 && sorted[at - 1]! > key; at--) {
      sorted[at] = sorted[at - 1]!
      order[at] = order[at - 1]!
    }
    sorted[at] = key
    if (at === place) continue
    order[at] = i
    movesLeft -= place - at
    if (movesLeft < 0) return false
  }
  return true
}

/** Keys that share a level lie closer together than all keys, so they are sorted by levels of their own. */
function sortWithinLevels(keys: Float64Array, levels: Uint32Array, order: Uint32Array, sorted: Float64Array): void {
  const count = order.length
  for (let start = 0; start < count; ) {
    const level = levels[order[start]!]!
    let end = start + 1
    while (end < count && levels[order[end]!] === level) end++
    const run = order.slice(start, end)
    const inner = ascendingOrder(
      Float64Array.from(run, (i) => keys[i]!),
      sorted.subarray(start, end),
    )
    for (let at = 0; at < run.length; at++) order[start + at] = run[inner[at]!]!
    start = end
  }
}
