/** Entries of the table for each unit, a power of two. */
export const EXPONENTIAL_STEPS = 32
const STEPS = EXPONENTIAL_STEPS
/** Beyond 40 e^−x counts as 0. */
const LAST = 40 * STEPS
/** e^−x at every step below that. */
export const EXPONENTIALS = Float64Array.from({ length: LAST }, (_, i) => Math.exp(-i / STEPS))

/**
 * e^−x for x ≥ 0, to twelve digits: a table and the first terms of the series. A kernel takes hundreds of thousands of them
 * for one proposal, and this takes a third of the time of `Math.exp`.
 */
export function decayed(x: number): number {
  const scaled = x * STEPS
  if (!(scaled < LAST)) return 0
  const entry = scaled | 0
  const rest = (entry - scaled) / STEPS
  return EXPONENTIALS[entry]! * (1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24 + rest * (1 / 120))))))
}
