/** −8 is left out, so that the range is symmetric (TFLite's int4). */
export const INT4_MAX = 7

/** Shares of the largest weight that are tried as the end of the range of 4 bits, the widest first. */
export const FOUR_BIT_ENDS: readonly number[] = Array.from({ length: 21 }, (_, i) => 1 - i / 40)

/**
 * The scale with which −7 … 7 stand for some weights with the least squared error: it may cut off the largest where that
 * makes the others finer. Of equal ones the largest; 0 where all weights are 0.
 */
export function fourBitScale(weights: Float64Array | Float32Array): number {
  let largest = 0
  for (const weight of weights) largest = Math.max(largest, Math.abs(weight))
  let best = largest / INT4_MAX
  let least = Number.POSITIVE_INFINITY
  for (const share of FOUR_BIT_ENDS) {
    const scale = (share * largest) / INT4_MAX
    let error = 0
    for (const weight of weights) {
      const level = Math.min(Math.max(Math.round(weight / scale), -INT4_MAX), INT4_MAX)
      error += (weight - scale * level) ** 2
    }
    if (error < least) {
      least = error
      best = scale
    }
  }
  return best
}
