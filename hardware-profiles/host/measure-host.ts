import type { NetworkGraph } from '../../network/types.ts'
import { caseNetwork } from '../cases/case-network.ts'
import type { ChainTime } from './fit-host.ts'
import type { HostMeasurements } from './host-profile.ts'
import { type MicroBenchmark, microBenchmarks } from './micro-benchmarks.ts'
import { streamingNetworks } from './weight-stream.ts'

/** Times a network on this computer: the least milliseconds of its runs within about `budgetMs`. */
export type Timer = (graph: NetworkGraph, budgetMs: number) => Promise<number>

const NB201 = [
  '|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|',
  '|nor_conv_1x1~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|',
]

/** Whole networks from 0.2 to some 100 million MACs that check what the chains predict. */
export const CHECK_NETWORKS: readonly string[] = [
  ...['mlperfTiny ad', 'mlperfTiny kws', 'mlperfTiny ic', 'mlperfTiny vww'],
  ...['mobilenetV1 0.5 64 10', 'mobilenetV1 0.25 128 10', 'mobilenetV2 0.35 96 10', 'mobilenetV2 0.5 64 10'],
  ...['mobilenetV2 0.35 128 10', 'fdMobilenet 0.25 96 10', 'fdMobilenet 0.5 128 10', 'fdMobilenet 0.25 64 5'],
  ...['fbnet 0000000000000000000000', 'fbnet 2222622226222262222622', 'fbnet 0383038303830383038303'],
  ...['ofa 33333333333333333333 33333333333333333333 22222 128', 'dsCnn 32 32/32/32/32', 'dsCnn 64 96/96s/128/128'],
  ...['dsCnn 16 24/32s/48', ...NB201.map((text) => `nasBench201 ${text}`)],
]

/** Twice through the list, some seconds apart: a disturbance rarely meets the same network both times. */
const ROUNDS = 2
const SHORT_MS = 12
const LONG_MS = 24
const NETWORK_MS = 60

export interface MeasureOptions {
  readonly identity: HostMeasurements['identity']
  readonly clockHz: number
  readonly ramBytes: number
  readonly benchmarks?: readonly MicroBenchmark[]
  readonly networks?: readonly string[]
  /** Told the share that is done, from 0 to 1. */
  readonly progress?: (share: number) => void
}

/** Times every micro-benchmark and every check network; of two rounds the lesser time counts. */
export async function measureHost(timer: Timer, options: MeasureOptions): Promise<HostMeasurements> {
  const { benchmarks = microBenchmarks(), networks = CHECK_NETWORKS, progress, identity, clockHz, ramBytes } = options
  const chains = new Map<string, ChainTime>()
  const wholes = new Map<string, number>()
  const streaming = streamingNetworks()
  const stream = streaming.map(() => Number.MAX_VALUE)
  const total = ROUNDS * (benchmarks.length + networks.length + streaming.length)
  let done = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (const benchmark of benchmarks) {
      const before = chains.get(benchmark.name)
      const [short, long] = benchmark.repeats.map((repeats) => benchmark.build(repeats)) as [NetworkGraph, NetworkGraph]
      const shortMs = Math.min(await timer(short, SHORT_MS), before?.shortMs ?? Number.MAX_VALUE)
      const longMs = Math.min(await timer(long, LONG_MS), before?.longMs ?? Number.MAX_VALUE)
      chains.set(benchmark.name, { benchmark, shortMs, longMs })
      progress?.(++done / total)
    }
    for (const [i, network] of streaming.entries()) {
      stream[i] = Math.min(await timer(network, NETWORK_MS), stream[i]!)
      progress?.(++done / total)
    }
    for (const network of networks) {
      const ms = await timer(caseNetwork(network), NETWORK_MS)
      wholes.set(network, Math.min(ms, wholes.get(network) ?? Number.MAX_VALUE))
      progress?.(++done / total)
    }
  }
  return {
    ...{ identity, clockHz, ramBytes },
    chains: [...chains.values()],
    stream,
    networks: [...wholes].map(([network, latencyMs]) => ({ network, latencyMs: Number(latencyMs.toPrecision(5)) })),
  }
}
