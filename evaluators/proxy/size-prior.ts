import { doubledRanks } from '../../lib/statistics.ts'

/** How many parts what was measured has in the joined order, to one part for size. */
const MEASURED_PARTS = 2

/**
 * The order of networks by a short training, two parts, joined with that by their MACs, one part: weighted sums of ranks
 * (Borda's count). Short trainings favour small networks, which learn sooner, and cannot tell close ones apart; of such, the
 * larger one is more often the better one in the end.
 * @param values of the networks, higher is better; −∞ for a failure, which stays the worst.
 * @param macs of the same networks
 */
export function joinedWithSize(values: readonly number[], macs: readonly number[]): readonly number[] {
  const sizes = doubledRanks(macs)
  return doubledRanks(values).map((rank, i) =>
    values[i] === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : MEASURED_PARTS * rank + sizes[i]!,
  )
}
