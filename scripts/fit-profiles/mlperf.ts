import path from 'node:path'
import { MLPERF_TINY } from '../../hardware-profiles/cases/reference-nets.ts'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'

type Benchmark = keyof typeof MLPERF_TINY

export interface MlperfResult {
  readonly benchmark: Benchmark
  readonly latencyMs: number
  readonly energyMj: number | undefined
  /** The runtime is suspected to skip the dead channels of the VWW model. */
  readonly skipsZeros: boolean
}

/** Results of one MLPerf Tiny system in one round. */
export function mlperfResults(data: string, version: string, systemId: string): readonly MlperfResult[] {
  return readCsv(path.join(data, 'hardware', 'mlperf_tiny.csv'))
    .filter((row) => row['version'] === version && row['system_id'] === systemId && row['benchmark']! in MLPERF_TINY)
    .map((row) => ({
      benchmark: row['benchmark'] as Benchmark,
      latencyMs: Number(row['latency_ms']),
      energyMj: Number(row['energy_uJ']) > 0 ? Number(row['energy_uJ']) / 1000 : undefined,
      skipsZeros: !['', 'False', 'false', '0'].includes(row['vww_zero_channel_skipping_suspected']!),
    }))
}

/**
 * Cycles per MAC of one kernel kind that make the profile agree best (relative least squares) with whole models on the
 * same core, everything else being priced by the profile as it is (the kind's own MACs must cost nothing in it).
 */
export function ratePerMac(
  profile: Profile,
  kind: KernelKind,
  results: readonly MlperfResult[],
  clockHz: number,
): number {
  const model = createCostModel(profile)
  let numerator = 0
  let denominator = 0
  for (const { benchmark, latencyMs } of results) {
    const graph = MLPERF_TINY[benchmark]()
    const measured = (latencyMs / 1000) * clockHz
    const others = (model.price(graph).latencyMs / 1000) * profile.clockHz
    let macs = 0
    for (const kernel of model.schedule(graph).kernels) if (kernel.kind === kind) macs += kernel.macs
    numerator += (macs / measured) * ((measured - others) / measured)
    denominator += (macs / measured) ** 2
  }
  return Math.max(numerator / denominator, 0)
}
