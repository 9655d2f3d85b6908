import path from 'node:path'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { nasBench201 } from '../../hardware-profiles/cases/nas-nets.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import { lowerSchedule } from '../../hardware-profiles/lowering.ts'
import { MemoryModel } from '../../hardware-profiles/memory.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { readCsv } from './csv.ts'

/** What a network of one convolution costs beyond tensors, weights, scratch and channels (MicroNAS, exact). */
const ARENA_OF_ONE_KERNEL = 612
const MODEL_OF_ONE_KERNEL = 1312
const MODEL_BYTES_PER_KERNEL = 1000

/** Kinds whose share of the arena can be told apart in the networks measured; the rest share one figure. */
const KINDS = ['conv2d', 'add', 'averagePool', 'relu'] as const

/** TFLM's memory; `shares` are the bytes that it keeps for a kernel of each of `KINDS` and of any other kind. */
function tflmMemory(shares: readonly number[]): Profile['memory'] {
  const [convolution, add, pooling, relu, other] = shares.map(Math.round) as [number, number, number, number, number]
  return {
    elementBytes: 1,
    weightBytes: 1,
    biasBytes: 4,
    weightsInRam: false,
    alignmentBytes: 16,
    laterFirst: true,
    scratch: [
      { kernel: 'conv2d', when: { kernelArea: [1, 1], strideArea: [1, 1] }, terms: [] },
      { kernel: 'conv2d', terms: [{ feature: 'reduction', coefficient: 4 }] },
      { kernel: 'depthwiseConv2d', terms: [{ feature: 'windowElements', coefficient: 2 }] },
    ],
    ram: {
      constantBytes: Math.max(ARENA_OF_ONE_KERNEL - convolution, 0),
      perKernelBytes: other,
      perKindBytes: {
        conv2d: convolution,
        depthwiseConv2d: convolution,
        add,
        multiply: add,
        averagePool: pooling,
        maxPool: pooling,
        relu,
        relu6: relu,
      },
      perTensorBytes: 0,
      perChannelBytes: 8,
    },
    flash: {
      runtimeBytes: 88 * 1024,
      constantBytes: MODEL_OF_ONE_KERNEL - MODEL_BYTES_PER_KERNEL,
      perKernelBytes: MODEL_BYTES_PER_KERNEL,
      perChannelBytes: 24,
    },
    provenance: {
      kind: 'measured',
      source:
        'MicroNAS single-kernel runs: arena = tensors + im2col scratch of two int16 columns + 8 B a channel + 612 B exactly; model file = weights + 28 B a channel (bias 4, quantisation 24) + 1,312 B. What the arena keeps for a kernel of each kind is fitted on half of the NAS-Bench-201 networks measured on nRF5340, and of buffers of one size the later is placed first, which agrees with them; the file share (about 1,000 B, it depends on the names in the file) is a round estimate; code size is the mean of binary minus model size in MicroNets Table 4 (88 KB); the depthwise scratch is CMSIS-NN’s rule',
    },
  }
}

interface Arena {
  readonly network: string
  readonly bytes: number
  readonly graph: NetworkGraph
}

function measuredArenas(data: string): readonly Arena[] {
  return readCsv(path.join(data, 'nas-benchmarks', 'nb201_nrf5340_sample.csv')).flatMap((row) => {
    const graph = nasBench201(row['arch_str']!, true)
    const network = `nasBench201Converted ${row['arch_str']}`
    return graph === undefined ? [] : [{ network, bytes: Number(row['arena_used_kb']) * 1024, graph }]
  })
}

function peakRamBytes(model: MemoryModel, graph: NetworkGraph): number {
  return model.peakRamBytes(lowerSchedule(scheduleOf(graph)))
}

/** TFLM's memory with what every other network of the nRF5340 sample says that it keeps for a kernel. */
export function fittedTflmMemory(data: string): Profile['memory'] {
  const nothing = { ...tflmMemory([0, 0, 0, 0, 0]) }
  const model = new MemoryModel({ ...nothing, ram: { ...nothing.ram, constantBytes: ARENA_OF_ONE_KERNEL } })
  const fitted = measuredArenas(data).filter((_, i) => i % 2 === 0)
  const design = fitted.map(({ graph }) => {
    const counts = [...KINDS, 'other'].map(() => 0)
    for (const { kind } of scheduleOf(graph).kernels) {
      const at = (KINDS as readonly string[]).indexOf(kind)
      counts[at === -1 ? KINDS.length : at]!++
    }
    // One convolution's share is part of the bytes of a network with one kernel.
    return counts.map((count, i) => (i === 0 ? count - 1 : count))
  })
  const rest = fitted.map(({ bytes, graph }) => bytes - peakRamBytes(model, graph))
  return tflmMemory(fitRobust(design, rest))
}

/** The planner is off by a whole tensor on some networks, for the order of their kernels is not known: those are left out. */
const WHOLE_TENSOR = 4096

function fitRobust(design: readonly (readonly number[])[], bytes: readonly number[]): readonly number[] {
  const dot = (row: readonly number[], shares: readonly number[]): number =>
    row.reduce((sum, count, i) => sum + count * shares[i]!, 0)
  let shares: readonly number[] = [170, 125, 145, 85, 190]
  for (let round = 0; round < 10; round++) {
    const kept = bytes.flatMap((value, i) => (Math.abs(value - dot(design[i]!, shares)) < WHOLE_TENSOR ? [i] : []))
    shares = fitNonNegative(
      kept.map((i) => design[i]!),
      kept.map((i) => bytes[i]!),
    )
  }
  return shares
}

/** Arena on the networks that were not fitted. */
export const arenaSuite = (data: string): NetworkSuite => ({
  kind: 'networks',
  name: 'arena of NAS-Bench-201 networks under TFLM',
  quantity: 'peakRam',
  method: 'every other network; the shares of kernels were fitted on the rest',
  source: 'nRF5340 sample of NAS-Bench-201 (ankilab/NATS-Bench-MCU)',
  leftOut: true,
  folds: [],
  cases: measuredArenas(data)
    .filter((_, i) => i % 2 === 1)
    .map(({ bytes, network }) => [network, bytes, -1]),
})

/** Arena, and size of MLPerf Tiny's model files. */
export function memorySuites(data: string): readonly NetworkSuite[] {
  const files = { ad: 276_976, ic: 98_496, kws: 53_936, vww: 333_288 } as const
  return [
    arenaSuite(data),
    {
      kind: 'networks',
      name: 'model files of MLPerf Tiny',
      quantity: 'flash',
      method: 'not fitted; without the code',
      source: 'sizes of the reference files (mlcommons/tiny)',
      leftOut: true,
      withoutRuntime: true,
      folds: [],
      cases: (Object.keys(files) as (keyof typeof files)[]).map((name) => [`mlperfTiny ${name}`, files[name], -1]),
    },
  ]
}
