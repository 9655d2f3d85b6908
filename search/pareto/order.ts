import { mergeOrder } from './merge-order.ts'

/** Keys are first sorted by digits of up to this many bits: one when they are few, two otherwise. */
const DIGIT_BITS = 11
/** Up to this number of keys one digit is enough. */
const FEW = 1 << DIGIT_BITS
/** Keys that share a level are sorted by insertion up to this number, by merging beyond it. */
const SHORT_RUN = 24

/**
 * Positions of finite keys from the smallest to the largest; equal keys keep their order. A radix sort of the keys
 * rounded down to equal levels between the least and the greatest, then of those that share a level by themselves; so a
 * bad spread of the keys costs O(n log n), never more.
 */
export function ascendingOrder(keys: Float64Array, count = keys.length): Uint32Array {
  const used = count < keys.length ? keys.subarray(0, count) : keys
  if (count <= SHORT_RUN) return mergeOrder(used)
  let least = used[0]!
  let most = least
  for (let i = 1; i < count; i++) {
    const key = used[i]!
    if (key < least) least = key
    if (key > most) most = key
  }
  const bits = Math.min(DIGIT_BITS, 32 - Math.clz32(count))
  const digits = 1 << bits
  const scale = ((count <= FEW ? digits : digits * digits) - 1) / (most - least)
  // All keys equal, or a range too wide or too narrow for a number.
  if (!Number.isFinite(scale) || scale === 0) return mergeOrder(used)
  const levels = new Uint32Array(count)
  for (let i = 0; i < count; i++) levels[i] = ((used[i]! - least) * scale) >>> 0
  const order = byDigit(levels, bits, count <= FEW ? 0 : bits, count <= FEW ? undefined : byDigit(levels, bits, 0))
  sortWithinLevels(used, levels, order)
  return order
}

/** Sorts positions, in the order given, by one digit of their levels. */
function byDigit(levels: Uint32Array, bits: number, shift: number, before?: Uint32Array): Uint32Array {
  const count = levels.length
  const mask = (1 << bits) - 1
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

function sortWithinLevels(keys: Float64Array, levels: Uint32Array, order: Uint32Array): void {
  const count = order.length
  let start = 0
  let level = levels[order[0]!]!
  for (let k = 1; k <= count; k++) {
    const next = k < count ? levels[order[k]!]! : -1
    if (next === level) continue
    if (k - start > SHORT_RUN) {
      const run = order.slice(start, k)
      const inner = mergeOrder(Float64Array.from(run, (i) => keys[i]!))
      for (let at = 0; at < run.length; at++) order[start + at] = run[inner[at]!]!
    } else if (k - start > 1) {
      for (let place = start + 1; place < k; place++) {
        const i = order[place]!
        const key = keys[i]!
        let at = place
        for (; at > start && keys[order[at - 1]!]! > key; at--) order[at] = order[at - 1]!
        order[at] = i
      }
    }
    start = k
    level = next
  }
}
