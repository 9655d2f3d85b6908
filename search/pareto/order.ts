import { mergeOrder } from './merge-order.ts'

/** Keys are first sorted by two digits of this many bits. */
const DIGIT_BITS = 11
const DIGITS = 1 << DIGIT_BITS
const LEVELS = DIGITS * DIGITS
/** Fewer keys than this are merged: clearing the counters would take longer. */
const FEW = 700
/** Keys that share a level are sorted by insertion up to this number, by merging beyond it. */
const SHORT_RUN = 24

/**
 * Positions of finite keys from the smallest to the largest; equal keys keep their order. A radix sort of the keys
 * rounded down to 4 million levels between the least and the greatest, then of those that share a level by themselves;
 * so a bad spread of the keys costs O(n log n), never more.
 */
export function ascendingOrder(keys: Float64Array, count = keys.length): Uint32Array {
  const used = keys.subarray(0, count)
  if (count < FEW) return mergeOrder(used)
  let least = used[0]!
  let most = least
  for (let i = 1; i < count; i++) {
    const key = used[i]!
    if (key < least) least = key
    if (key > most) most = key
  }
  const scale = (LEVELS - 1) / (most - least)
  // All keys equal, or a range too wide or too narrow for a number.
  if (!Number.isFinite(scale) || scale === 0) return mergeOrder(used)
  const levels = new Uint32Array(count)
  const low = new Uint32Array(DIGITS)
  const high = new Uint32Array(DIGITS)
  for (let i = 0; i < count; i++) {
    const level = ((used[i]! - least) * scale) >>> 0
    levels[i] = level
    low[level & (DIGITS - 1)]!++
    high[level >>> DIGIT_BITS]!++
  }
  toStarts(low)
  toStarts(high)
  const byLow = new Uint32Array(count)
  for (let i = 0; i < count; i++) byLow[low[levels[i]! & (DIGITS - 1)]!++] = i
  const order = new Uint32Array(count)
  for (let k = 0; k < count; k++) {
    const i = byLow[k]!
    order[high[levels[i]! >>> DIGIT_BITS]!++] = i
  }
  sortWithinLevels(used, levels, order)
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
