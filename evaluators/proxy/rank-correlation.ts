import type { RandomStream } from '../../lib/random.ts'

/**
 * Kendall's τ-b of two lists of figures: how far they order the same items alike, −1 to 1, corrected for ties
 * (Kendall 1945). NaN where either list is all ties.
 */
export function kendallTauB(a: readonly number[], b: readonly number[]): number {
  let [agreeing, untiedA, untiedB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const orderA = Math.sign(compare(a[i]!, a[j]!))
      const orderB = Math.sign(compare(b[i]!, b[j]!))
      agreeing += orderA * orderB
      untiedA += Math.abs(orderA)
      untiedB += Math.abs(orderB)
    }
  }
  return agreeing / Math.sqrt(untiedA * untiedB)
}

/** −∞ stands for a failure: equal to itself, below all else. */
const compare = (x: number, y: number): number => (x === y ? 0 : x < y ? -1 : 1)

export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * Percentile bootstrap of τ-b (Efron 1979): the items are drawn with replacement again and again.
 * @param level share of the draws inside the interval, such as 0.95.
 * @returns undefined when hardly any draw has an order.
 */
export function bootstrapTau(
  a: readonly number[],
  b: readonly number[],
  random: RandomStream,
  { draws = 1000, level = 0.95 } = {},
): Interval | undefined {
  const taus: number[] = []
  for (let draw = 0; draw < draws; draw++) {
    const picked = a.map(() => random.int(a.length))
    const tau = kendallTauB(
      picked.map((i) => a[i]!),
      picked.map((i) => b[i]!),
    )
    if (Number.isFinite(tau)) taus.push(tau)
  }
  if (taus.length < draws / 2) return undefined
  taus.sort((x, y) => x - y)
  const at = (share: number): number => taus[Math.round(share * (taus.length - 1))]!
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) }
}
