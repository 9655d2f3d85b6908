/**
 * Kendall's rank correlation τ-b of two equally long lists, ties counted (Knight 1966): 1 for the same order, −1 for the
 * opposite one. 0 when either list is constant or shorter than two, since it then orders nothing. O(n log n).
 * @throws RangeError when the lengths differ or a value is NaN.
 */
export function kendallTau(x: Float64Array, y: Float64Array): number {
  const n = x.length
  if (y.length !== n) throw new RangeError(`lists of ${n} and ${y.length} values cannot be paired`)
  for (let i = 0; i < n; i++) {
    if (Number.isNaN(x[i]) || Number.isNaN(y[i])) throw new RangeError(`pair ${i} holds NaN`)
  }
  const order = new Uint32Array(n)
  for (let i = 0; i < n; i++) order[i] = i
  order.sort((a, b) => compare(x[a]!, x[b]!) || compare(y[a]!, y[b]!))
  const sortedX = Float64Array.from(order, (i) => x[i]!)
  const sortedY = Float64Array.from(order, (i) => y[i]!)
  const pairs = (n * (n - 1)) / 2
  const tiedX = tiedPairs(n, (a, b) => sortedX[a] === sortedX[b])
  const tiedBoth = tiedPairs(n, (a, b) => sortedX[a] === sortedX[b] && sortedY[a] === sortedY[b])
  const discordant = sortCountingSwaps(sortedY)
  const tiedY = tiedPairs(n, (a, b) => sortedY[a] === sortedY[b])
  if (pairs === tiedX || pairs === tiedY) return 0
  const concordantMinusDiscordant = pairs - tiedX - tiedY + tiedBoth - 2 * discordant
  return concordantMinusDiscordant / Math.sqrt((pairs - tiedX) * (pairs - tiedY))
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

/** Pairs within runs of equal neighbours. */
function tiedPairs(n: number, equal: (a: number, b: number) => boolean): number {
  let sum = 0
  let run = 0
  for (let i = 1; i < n; i++) {
    run = equal(i - 1, i) ? run + 1 : 0
    sum += run
  }
  return sum
}

/** Sorts in place (bottom-up merge) and returns the number of pairs that stood in strictly descending order. */
function sortCountingSwaps(values: Float64Array): number {
  const n = values.length
  const merged = new Float64Array(n)
  let swaps = 0
  for (let width = 1; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const middle = Math.min(start + width, n)
      const end = Math.min(start + 2 * width, n)
      let left = start
      let right = middle
      for (let k = start; k < end; k++) {
        if (left < middle && (right >= end || values[left]! <= values[right]!)) {
          merged[k] = values[left++]!
        } else {
          merged[k] = values[right++]!
          swaps += middle - left
        }
      }
    }
    values.set(merged)
  }
  return swaps
}
