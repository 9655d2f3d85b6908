import type { FeatureName } from '../../hardware-profiles/features.ts'
import type { Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'

/** A computer with an Edge TPU. */
export interface Host {
  readonly id: string
  readonly title: string
  /** As the data call them. */
  readonly devices: readonly string[]
  readonly core: string
  readonly ramBytes: number
  readonly flashBytes: number
  readonly memorySource: string
}

/** What the chip spends its time on. */
export type ChipPart = 'convolution' | 'depthwise' | 'results'

/** The part that a coefficient of a table belongs to; undefined for one that is not fitted. */
export function isScaled(kernel: KernelKind, feature: FeatureName): ChipPart | undefined {
  if (feature === 'outputs') return 'results'
  if (feature !== 'macs') return undefined
  return kernel === 'depthwiseConv2d' ? 'depthwise' : 'convolution'
}

/** 4 TOPS (vendor) are 2,000 GMAC/s. */
const US_PER_MAC_AT_PEAK = 1 / 2_000_000
const US_PER_DEPTHWISE_MAC = 5e-5
const US_PER_RESULT = 1e-4
const US_PER_BYTE = 1 / 400
/** What an inference costs once, to begin with. */
const ONCE_US = 1000

/**
 * Of the 8 MB on the chip what the vendor's compiler left for weights of a ResNet-50 (it reports 6.25 MiB; the rest holds the
 * program and activations, so that small networks have up to 7.6 MiB). Not fitted: only two networks lie near the edge.
 */
const CACHE_BYTES = 6.25 * 1024 ** 2

/** 4 TOPS at 0.5 W each (vendor). */
const ACTIVE_MW = 2000

const ON_CHIP: readonly KernelKind[] = [
  'add',
  'multiply',
  'concat',
  'batchNorm',
  'averagePool',
  'maxPool',
  'globalAveragePool',
  'relu',
  'relu6',
  'sigmoid',
  'softmax',
]
/** The compiler does not take them, nor what follows: µs an element on the host's core, roughly. */
const ON_HOST: Partial<Record<KernelKind, number>> = { hardSwish: 0.01, hardSigmoid: 0.01, expertCombine: 0.01 }
/** Nothing that a host runs was measured. */
const HOST_ERROR90 = 2
const HAND_OVER_US = 300

function tablesOf(): readonly ProfileTable[] {
  const source =
    "13 whole networks of the vendor's table under both hosts; no single kernel was timed. Convolutions, depthwise ones and results have one rate each"
  const provenance: TableModel['provenance'] = { kind: 'measured', source }
  const results = { feature: 'outputs' as const, coefficient: US_PER_RESULT }
  const table = (kernel: KernelKind, macs?: number): ProfileTable => ({
    kernel,
    models: [
      {
        terms: [...(macs === undefined ? [] : [{ feature: 'macs' as const, coefficient: macs }]), results],
        ...{ coverage: {}, error90: 0, provenance },
      },
    ],
  })
  const onHost = (kernel: KernelKind, usPerElement: number): ProfileTable => ({
    kernel,
    models: [
      {
        terms: [
          { feature: 'outputs', coefficient: usPerElement },
          { feature: 'one', coefficient: HAND_OVER_US },
        ],
        ...{ coverage: {}, error90: HOST_ERROR90, fallback: true },
        provenance: {
          kind: 'derived',
          source: `not measured: the compiler leaves it to the host, ${usPerElement} µs an element and ${HAND_OVER_US} µs to hand over are estimates; the compiler may leave all that follows to the host too`,
        },
      },
    ],
  })
  return [
    table('conv2d', US_PER_MAC_AT_PEAK),
    table('dense', US_PER_MAC_AT_PEAK),
    table('depthwiseConv2d', US_PER_DEPTHWISE_MAC),
    ...ON_CHIP.map((kernel) => table(kernel)),
    ...(Object.entries(ON_HOST) as [KernelKind, number][]).map(([kernel, us]) => onHost(kernel, us)),
  ]
}

/** The Edge TPU under a host, with figures for the fit to scale. */
export const edgeTpuTemplate = ({ id, title, core, ramBytes, flashBytes, memorySource }: Host): Profile => ({
  format: 'frugal-profile/1',
  id,
  title,
  family: 'npu',
  core,
  clockHz: 480e6,
  ramBytes,
  flashBytes,
  runtime: 'TensorFlow Lite with the Edge TPU compiler',
  dataType: 'int8',
  fusedActivations: ['relu', 'relu6'],
  foldsPadding: true,
  convertsInput: true,
  latencyUnit: 'us',
  inferenceOverhead: ONCE_US,
  weightStream: {
    cacheBytes: CACHE_BYTES,
    usPerByte: US_PER_BYTE,
    provenance: {
      kind: 'measured',
      source:
        "rate from whole networks of the vendor's table with more weights than the cache; the cache is what the vendor's compiler reports for a ResNet-50",
    },
  },
  systematicError90: 0,
  tables: [...tablesOf()],
  energy: {
    activePowerMw: ACTIVE_MW,
    idlePowerMw: 500,
    wakeUpEnergyMj: 0,
    provenance: {
      kind: 'derived',
      source:
        'not measured: the vendor states 4 TOPS and 0.5 W per TOPS, which is 2 W for the chip, without its host, and too much while weights stream; idle power is an estimate',
    },
  },
  memory: {
    ...{ elementBytes: 1, weightBytes: 1, biasBytes: 4, weightsInRam: false, alignmentBytes: 64, scratch: [] },
    ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
    flash: { runtimeBytes: 0, constantBytes: 0, perKernelBytes: 0, perChannelBytes: 8 },
    provenance: {
      kind: 'derived',
      source: `not measured: greedy arena of int8 tensors, weights, biases and 8 B a channel for scales; the chip's 8 MB are no limit, since what does not fit comes over the bus; ${memorySource}`,
    },
  },
  validation: [],
  notes: [
    'Weights beyond 6.25 MiB come over the bus at every inference: that decides the latency of larger networks.',
    'The least of the networks took 2 ms: below 0.8 GMAC what is said is the cost of an inference and three rates, none of which was checked.',
    'Inception-ResNet v2 is predicted at twice what the table says, which is half of what streaming its weights at the rate of all other networks takes.',
  ],
})
