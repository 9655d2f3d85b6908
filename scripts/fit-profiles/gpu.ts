import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type CostModel, createCostModel } from '../../hardware-profiles/cost-model.ts'
import {
  KERNEL_KINDS,
  type Profile,
  type ProfileTable,
  type ProfileValidation,
  type TableModel,
} from '../../hardware-profiles/profile.ts'
import { type KernelKind, scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { readCsv } from './csv.ts'
import { fitNonNegative } from './least-squares.ts'
import { type FbnetLayer, fbnet, nasBench201, ofaMobileNetV3 } from './nas-nets.ts'
import { kendallTau, percentile90, summarise } from './operators.ts'

interface Case {
  readonly graph: NetworkGraph
  readonly us: number
  /** Time a sample at batch 64, where it was measured. */
  readonly throughputUs: number | undefined
}

/**
 * How many operations eager mode issues for one kernel: a convolution or dense layer counts as one unit of its own
 * (it brings its batch norm), everything else in element-wise operations: hard-swish is x · relu6(x + 3) / 6, say.
 */
const CONV_UNITS: Partial<Record<KernelKind, number>> = { conv2d: 1, depthwiseConv2d: 1, dense: 0.5 }
const ELEMENTWISE_OPERATIONS: Partial<Record<KernelKind, number>> = {
  ...{ relu: 1, relu6: 1, sigmoid: 1, softmax: 1, hardSigmoid: 3, hardSwish: 4 },
  ...{ add: 1, multiply: 1, concat: 1, batchNorm: 2, expertCombine: 2 },
  ...{ averagePool: 1, maxPool: 1, globalAveragePool: 2 },
}
const NOTHING_FUSED = { fusedActivations: new Set<never>() }

/** Every n-th architecture: thousands of near-equal networks add nothing to six coefficients. */
const every = <T>(items: readonly T[], n: number): readonly T[] => items.filter((_, i) => i % n === 0)

function launchCounts(graph: NetworkGraph): number[] {
  const counts = [0, 0]
  for (const { kind } of scheduleOf(graph, NOTHING_FUSED).kernels) {
    counts[0]! += CONV_UNITS[kind] ?? 0
    counts[1]! += ELEMENTWISE_OPERATIONS[kind] ?? 0
  }
  return counts
}

/** MACs of convolutions, MACs of depthwise convolutions, elements read and written. */
function workOf(graph: NetworkGraph): number[] {
  const work = [0, 0, 0]
  for (const { kind, macs, inputShapes, outputShape } of scheduleOf(graph, NOTHING_FUSED).kernels) {
    work[kind === 'depthwiseConv2d' ? 1 : 0]! += macs
    work[2]! += sizeOf(outputShape) + inputShapes.reduce((sum, shape) => sum + sizeOf(shape), 0)
  }
  return work
}

function readCases(data: string) {
  const folder = path.join(data, 'nas-benchmarks')
  const nb201: Case[] = []
  for (const row of every(readCsv(path.join(folder, 'nb201.csv.gz')), 5)) {
    const graph = nasBench201(row['arch_str']!)
    if (graph !== undefined)
      nb201.push({ graph, us: Number(row['titan_rtx_1_latency_ms']) * 1000, throughputUs: undefined })
  }
  const ofa = every(readCsv(path.join(folder, 'ofa_help_latency.csv.gz')), 4).map(
    (row): Case => ({
      graph: ofaMobileNetV3(row['ks']!, row['e']!, row['d']!, Number(row['r'])),
      us: Number(row['titan_rtx_1_ms']) * 1000,
      throughputUs: (Number(row['titan_rtx_64_ms']) * 1000) / 64,
    }),
  )
  const meta = JSON.parse(readFileSync(path.join(folder, 'fbnet_lut_recovered_meta.json'), 'utf8')) as {
    layers: FbnetLayer[]
  }
  const fbnets: Case[] = []
  for (const row of readCsv(path.join(folder, 'fbnet_help_latency.csv.gz'))) {
    const graph = fbnet(row['ops']!, meta.layers)
    if (graph !== undefined) fbnets.push({ graph, us: Number(row['titan_rtx_1_ms']) * 1000, throughputUs: undefined })
  }
  return { nb201, ofa, fbnets }
}

/** Cost of launching a convolution with its batch norm, and of one element-wise operation. */
function fitLaunch(cases: readonly Case[]): number[] {
  return fitNonNegative(
    cases.map(({ graph }) => launchCounts(graph)),
    cases.map(({ us }) => us),
  )
}

function fitWork(cases: readonly Case[]): number[] {
  const timed = cases.filter(({ throughputUs }) => throughputUs !== undefined)
  return fitNonNegative(
    timed.map(({ graph }) => workOf(graph)),
    timed.map(({ throughputUs }) => throughputUs!),
  )
}

interface Gpu {
  readonly id: string
  readonly title: string
  readonly core: string
  readonly clockHz: number
  readonly ramBytes: number
  readonly runtime: string
  readonly power: Profile['energy']
  /** Factors on the fitted coefficients: launch, MACs, elements. */
  readonly scale: readonly [number, number, number]
  readonly error90: number
  readonly provenance: TableModel['provenance']
  readonly notes: readonly string[]
}

function gpuProfile(
  gpu: Gpu,
  launch: readonly number[],
  work: readonly number[],
  validation: readonly ProfileValidation[],
): Profile {
  const [launchScale, macScale, elementScale] = gpu.scale
  const round = (value: number): number => Number(value.toPrecision(4))
  const element = round(work[2]! * elementScale)
  const table = (kernel: KernelKind, launchUs: number, usPerMac: number): ProfileTable => ({
    kernel,
    models: [
      {
        terms: [],
        floor: [{ feature: 'one', coefficient: round(launchUs * launchScale) }],
        compute: [
          { feature: 'macs', coefficient: round(usPerMac * macScale) },
          { feature: 'inputs', coefficient: element },
          { feature: 'outputs', coefficient: element },
        ],
        coverage: gpu.provenance.kind === 'measured' ? { outChannels: [8, 1280], pixels: [1, 128 * 128] } : {},
        error90: gpu.error90,
        provenance: gpu.provenance,
      },
    ],
  })
  const tables = KERNEL_KINDS.map((kind) =>
    table(
      kind,
      launch[0]! * (CONV_UNITS[kind] ?? 0) + launch[1]! * (ELEMENTWISE_OPERATIONS[kind] ?? 0),
      work[kind === 'depthwiseConv2d' ? 1 : 0]!,
    ),
  )
  return {
    format: 'frugal-profile/1',
    id: gpu.id,
    title: gpu.title,
    family: 'gpu',
    core: gpu.core,
    clockHz: gpu.clockHz,
    ramBytes: gpu.ramBytes,
    flashBytes: 64 * 1024 ** 3,
    runtime: gpu.runtime,
    dataType: 'float32',
    fusedActivations: [],
    latencyUnit: 'us',
    inferenceOverhead: 0,
    systematicError90: gpu.error90,
    tables,
    energy: gpu.power,
    memory: {
      elementBytes: 4,
      weightBytes: 4,
      biasBytes: 4,
      weightsInRam: true,
      alignmentBytes: 512,
      scratch: [],
      runtimeRamBytes: 450 * 1024 ** 2,
      ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 12 },
      flash: { runtimeBytes: 0, constantBytes: 4096, perKernelBytes: 512, perChannelBytes: 12 },
      provenance: {
        kind: 'derived',
        source:
          'float32 weights and activations in GPU memory, blocks of 512 B; the CUDA context and libraries take 450 MiB more (usual size, not measured here), which is subtracted from what a network may use; flash is the size of the model file, and its limit is nominal',
      },
    },
    validation: [...validation],
    notes: [...gpu.notes],
  }
}

interface Prediction {
  readonly measured: number
  readonly predicted: number
}

const predict = (model: CostModel, { graph, us }: Case): Prediction => ({
  measured: us,
  predicted: model.price(graph).latencyMs * 1000,
})

const report = (name: string, method: string, cases: readonly Prediction[]): ProfileValidation => ({
  name,
  quantity: 'latency',
  method,
  ...summarise(cases.map(({ measured, predicted }) => predicted / measured - 1)),
  kendallTau: kendallTau(cases),
})

const TITAN: Omit<Gpu, 'error90'> = {
  id: 'titan-rtx',
  title: 'NVIDIA TITAN RTX, batch 1, PyTorch eager mode, float32',
  core: 'Turing TU102',
  clockHz: 1.77e9,
  ramBytes: 24 * 1024 ** 3,
  runtime: 'PyTorch eager (as in the HELP measurements), float32',
  power: {
    activePowerMw: 280_000,
    idlePowerMw: 60_000,
    wakeUpEnergyMj: 0,
    utilisation: true,
    provenance: {
      kind: 'derived',
      source:
        'board power 280 W and 60 W with the clocks up but no work are recalled from data sheets and experience, not measured; power between them follows the share of the time that computing and moving data take',
    },
  },
  scale: [1, 1, 1],
  provenance: {
    kind: 'measured',
    source:
      'whole-network latencies of Once-for-All MobileNetV3 in HELP (HayeonLee/HELP): batch 1 gives the launch costs, batch 64 the cost of the work; no single kernel was timed, how launches divide between kernels follows from counting the operations that eager mode issues',
  },
  notes: [
    'At batch 1 these networks are bound by kernel launches: latency counts kernels, not MACs.',
    'The host matters: NAS-Bench-201 and FBNet latencies of the same collection were taken on settings 1.6 and 2 times slower.',
    'Batch norm runs as a kernel of its own and is part of the convolution’s launch cost.',
  ],
}

/** The Turing GPU fitted from whole networks, and a Hopper GPU derived from it by data-sheet ratios. */
export function gpuProfiles(data: string): readonly Profile[] {
  const { nb201, ofa, fbnets } = readCases(data)
  const launch = fitLaunch(ofa)
  const work = fitWork(ofa)
  const leftOut = [0, 1, 2, 3, 4].flatMap((fold) => {
    const kept = ofa.filter((_, i) => i % 5 !== fold)
    const model = createCostModel(gpuProfile({ ...TITAN, error90: 0 }, fitLaunch(kept), fitWork(kept), []))
    return ofa.filter((_, i) => i % 5 === fold).map((network) => predict(model, network))
  })
  const titan = { ...TITAN, error90: percentile90(leftOut.map(({ measured, predicted }) => predicted / measured - 1)) }
  const model = createCostModel(gpuProfile(titan, launch, work, []))
  const validation = [
    report('Once-for-All MobileNetV3', 'five folds of architectures', leftOut),
    report(
      'NAS-Bench-201 (without the none operation)',
      'never fitted; another setting of the same GPU, about 1.6 times slower: the host decides, see the rank agreement',
      nb201.map((network) => predict(model, network)),
    ),
    report(
      'FBNet (without grouped convolutions)',
      'never fitted; another setting of the same GPU, about twice as slow',
      fbnets.map((network) => predict(model, network)),
    ),
  ]
  const hopper: Gpu = {
    ...TITAN,
    id: 'h100',
    title: 'NVIDIA H100 SXM, batch 1, PyTorch eager mode, float32 (derived)',
    core: 'Hopper GH100',
    clockHz: 1.98e9,
    ramBytes: 80 * 1024 ** 3,
    power: {
      activePowerMw: 700_000,
      idlePowerMw: 120_000,
      wakeUpEnergyMj: 0,
      utilisation: true,
      provenance: {
        kind: 'derived',
        source: 'board power 700 W from the data sheet; 120 W with the clocks up but no work is an estimate',
      },
    },
    scale: [0.5, 16.3 / 67, 672 / 3350],
    error90: 0.4,
    provenance: {
      kind: 'derived',
      source:
        'titan-rtx scaled: MACs by peak float32 rate (16.3 to 67 TFLOP/s), elements by memory bandwidth (672 to 3,350 GB/s), launches assumed half as long on a current host; the TITAN RTX rates and the H100 float32 rate are recalled from data sheets; nothing was measured on this GPU',
    },
    notes: [
      'A roofline with a launch floor, derived and not measured: use it for order of magnitude and ranking only.',
    ],
  }
  return [gpuProfile(titan, launch, work, validation), gpuProfile(hopper, launch, work, [])]
}
