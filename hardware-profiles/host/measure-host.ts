import type { NetworkGraph } from '../../network/types.ts'
import { caseNetwork } from '../cases/case-network.ts'
import { HOST_ID, type HostId } from './cache.ts'
import type { HostMeasurements } from './host-profile.ts'
import { dequantisedBenchmarks, int8Benchmarks } from './int8-benchmarks.ts'
import { type MicroBenchmark, microBenchmarks } from './micro-benchmarks.ts'
import { RoundTimes } from './round-times.ts'
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

const BENCHMARKS: Readonly<Record<HostId, () => readonly MicroBenchmark[]>> = {
  host: microBenchmarks,
  'host-int8': int8Benchmarks,
  'host-uint8': int8Benchmarks,
  'host-dequantised': dequantisedBenchmarks,
}

/** Those of whose kernels all that count are products and means. */
const PLAIN_NETWORKS = CHECK_NETWORKS.filter((name) => /^(mobilenetV1|fdMobilenet)/.test(name))

/** Twice through the list, some seconds apart: a disturbance rarely meets the same network both times. */
const ROUNDS = 2
/** What did not come out alike in two rounds is timed again, in so many rounds at most. */
const MOST_ROUNDS = 4
const SHORT_MS = 10
const LONG_MS = 18
const NETWORK_MS = 60
/** Share of the progress that the first rounds are. */
const FIRST_ROUNDS = 0.9

export interface MeasureOptions {
  readonly identity: HostMeasurements['identity']
  readonly clockHz: number
  readonly ramBytes: number
  /** Default: float32. */
  readonly id?: HostId
  readonly benchmarks?: readonly MicroBenchmark[]
  readonly networks?: readonly string[]
  /** Told the share that is done, from 0 to 1. */
  readonly progress?: (share: number) => void
}

interface Job {
  readonly name: string
  readonly budgetMs: number
  readonly build: () => NetworkGraph
}

/** Times every micro-benchmark and every check network; of all rounds the least time counts. */
export async function measureHost(timer: Timer, options: MeasureOptions): Promise<HostMeasurements> {
  const { id = HOST_ID, progress, identity, clockHz, ramBytes } = options
  const { benchmarks = BENCHMARKS[id](), networks = id === 'host-dequantised' ? PLAIN_NETWORKS : CHECK_NETWORKS } =
    options
  const streaming = streamingNetworks()
  const jobs: readonly Job[] = [
    ...benchmarks.flatMap(({ name, build, repeats: [few, many] }) => [
      { name: `${name}, short`, budgetMs: SHORT_MS, build: () => build(few) },
      { name: `${name}, long`, budgetMs: LONG_MS, build: () => build(many) },
    ]),
    ...streaming.map((graph, i) => ({ name: `stream ${i}`, budgetMs: NETWORK_MS, build: () => graph })),
    ...networks.map((name) => ({ name, budgetMs: NETWORK_MS, build: () => caseNetwork(name) })),
  ]
  const times = new RoundTimes()
  const measure = async (some: readonly Job[], told: (done: number) => void): Promise<void> => {
    for (const [i, { name, budgetMs, build }] of some.entries()) {
      times.add(name, await timer(build(), budgetMs))
      told((i + 1) / some.length)
    }
  }
  for (let round = 0; round < ROUNDS; round++) {
    await measure(jobs, (done) => progress?.((FIRST_ROUNDS * (round + done)) / ROUNDS))
  }
  const unsettledShare = times.unsettledShare()
  for (let round = ROUNDS; round < MOST_ROUNDS; round++) {
    const before = (round - ROUNDS) / (MOST_ROUNDS - ROUNDS)
    await measure(
      jobs.filter(({ name }) => !times.isSettled(name)),
      (done) => progress?.(FIRST_ROUNDS + (1 - FIRST_ROUNDS) * (before + (0.9 * done) / (MOST_ROUNDS - ROUNDS))),
    )
  }
  progress?.(1)
  return {
    ...{ id, identity, clockHz, ramBytes, unsettledShare },
    chains: benchmarks.map((benchmark) => ({
      benchmark,
      shortMs: times.least(`${benchmark.name}, short`),
      longMs: times.least(`${benchmark.name}, long`),
    })),
    stream: streaming.map((_, i) => times.least(`stream ${i}`)),
    networks: networks.map((network) => ({ network, latencyMs: Number(times.least(network).toPrecision(5)) })),
  }
}
