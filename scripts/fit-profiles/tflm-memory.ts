import path from 'node:path'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { nasBench201 } from '../../hardware-profiles/cases/nas-nets.ts'
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

/** TFLM's memory; `arenaPerKernel` of the 612 B belong to each kernel, the rest to the network. */
const tflmMemory = (arenaPerKernel: number): Profile['memory'] => ({
  elementBytes: 1,
  weightBytes: 1,
  biasBytes: 4,
  weightsInRam: false,
  alignmentBytes: 16,
  scratch: [
    { kernel: 'conv2d', when: { kernelArea: [1, 1], strideArea: [1, 1] }, terms: [] },
    { kernel: 'conv2d', terms: [{ feature: 'reduction', coefficient: 4 }] },
    { kernel: 'depthwiseConv2d', terms: [{ feature: 'windowElements', coefficient: 2 }] },
  ],
  ram: {
    constantBytes: ARENA_OF_ONE_KERNEL - arenaPerKernel,
    perKernelBytes: arenaPerKernel,
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
      'MicroNAS single-kernel runs: arena = tensors + im2col scratch of two int16 columns + 8 B a channel + 612 B exactly; model file = weights + 28 B a channel (bias 4, quantisation 24) + 1,312 B. The arena share of each kernel is fitted on half of the NAS-Bench-201 networks measured on nRF5340, the file share (about 1,000 B, it depends on the names in the file) is a round estimate; code size is the mean of binary minus model size in MicroNets Table 4 (88 KB); the depthwise scratch is CMSIS-NN’s rule',
  },
})

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

/** TFLM's memory with the arena share of a kernel as every other network of the nRF5340 sample has it on average. */
export function fittedTflmMemory(data: string): Profile['memory'] {
  const model = new MemoryModel(tflmMemory(0))
  const shares = measuredArenas(data)
    .filter((_, i) => i % 2 === 0)
    .map(({ bytes, graph }) => (bytes - peakRamBytes(model, graph)) / (scheduleOf(graph).kernels.length - 1))
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
  return tflmMemory(Math.round(Math.min(Math.max(mean, 0), ARENA_OF_ONE_KERNEL)))
}

/** Arena on the networks that were not fitted, and size of MLPerf Tiny's model files. */
export function memorySuites(data: string): readonly NetworkSuite[] {
  const files = { ad: 276_976, ic: 98_496, kws: 53_936, vww: 333_288 } as const
  return [
    {
      kind: 'networks',
      name: 'arena of NAS-Bench-201 networks under TFLM',
      quantity: 'peakRam',
      method: 'every other network; the share per kernel was fitted on the rest',
      source: 'nRF5340 sample of NAS-Bench-201 (ankilab/NATS-Bench-MCU)',
      leftOut: true,
      folds: [],
      cases: measuredArenas(data)
        .filter((_, i) => i % 2 === 1)
        .map(({ bytes, network }) => [network, bytes, -1]),
    },
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
