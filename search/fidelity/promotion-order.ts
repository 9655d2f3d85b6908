import type { Told } from '../algorithm.ts'
import { compareStandings, standings } from '../algorithms/ranking.ts'

/**
 * Positions of networks measured on one rung, the most promising first: by non-dominated rank, the best over the
 * devices, then by crowding distance, then the earlier one.
 */
export function promotionOrder(told: readonly Told[], frontCount: number, objectiveCount: number): readonly number[] {
  const standing = standings(told, frontCount, objectiveCount)
  return told.map((_, i) => i).sort((a, b) => compareStandings(standing[a]!, standing[b]!) || a - b)
}
