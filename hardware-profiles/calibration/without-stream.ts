import type { NetworkGraph } from '../../network/types.ts'
import { createCostModel } from '../cost-model.ts'
import type { Profile } from '../profile.ts'

interface Timed {
  readonly graph: NetworkGraph
  readonly latencyMs: number
  readonly energyMj?: number
}

/** At least this share of a sample's latency is left to its kernels. */
const LEAST_SHARE = 0.05

/**
 * Samples as they would be with all weights on the chip: what the base profile streams stays as it is, and what remains of
 * latency and energy (at the same power) is the kernels'. The same samples for a profile that streams nothing.
 */
export function withoutStream<Sample extends Timed>(base: Profile, samples: readonly Sample[]): readonly Sample[] {
  const { weightStream, ...rest } = base
  if (weightStream === undefined) return samples
  const streaming = createCostModel(base)
  const plain = createCostModel(rest)
  return samples.map((sample) => {
    const streamedMs = streaming.price(sample.graph).latencyMs - plain.price(sample.graph).latencyMs
    const share = Math.max(1 - streamedMs / sample.latencyMs, LEAST_SHARE)
    const { energyMj, latencyMs } = sample
    return {
      ...sample,
      latencyMs: latencyMs * share,
      ...(energyMj === undefined ? {} : { energyMj: energyMj * share }),
    }
  })
}
