import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { percentile90Of } from '../../hardware-profiles/cases/statistics.ts'
import { compareSuite } from '../../hardware-profiles/cases/validate.ts'
import { coefficientsOf } from '../../hardware-profiles/coefficients.ts'
import { KERNEL_KINDS, type Profile, type ProfileTable, type TableModel } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { FOLDS, readCases } from './gpu-cases.ts'
import {
  type Case,
  fitLaunch,
  fitLaunchByKind,
  fitWork,
  fitWorkWithStarts,
  KINDS,
  launchByKind,
  launchOfCommon,
} from './gpu-launch.ts'
import { coverSeen } from './seen-kernels.ts'

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
  /** How launch coefficients become the launch cost of a kernel; beyond `KINDS` comes what is paid once and what grouping adds. */
  readonly launchOf?: typeof launchByKind
  readonly provenance: TableModel['provenance']
  readonly notes: readonly string[]
}

function gpuProfile(gpu: Gpu, launch: readonly number[], work: readonly number[]): Profile {
  const [launchScale, macScale, elementScale] = gpu.scale
  const round = (value: number): number => Number(value.toPrecision(4))
  const element = round(work[2]! * elementScale)
  const table = (kernel: KernelKind, launchUs: number, usPerMac: number): ProfileTable => ({
    kernel,
    models: [
      {
        terms: work.length > 3 ? [{ feature: 'one', coefficient: round(work[3]!) }] : [],
        floor: [
          { feature: 'one', coefficient: round(launchUs * launchScale) },
          ...(kernel === 'conv2d' && gpu.launchOf !== undefined
            ? [{ feature: 'grouped' as const, coefficient: round(launch[KINDS.length + 1]! * launchScale) }]
            : []),
        ],
        compute: [
          { feature: 'macs', coefficient: round(usPerMac * macScale) },
          { feature: 'inputs', coefficient: element },
          { feature: 'outputs', coefficient: element },
        ],
        coverage: {},
        error90: gpu.error90,
        provenance: gpu.provenance,
      },
    ],
  })
  const tables = KERNEL_KINDS.map((kind) =>
    table(kind, (gpu.launchOf ?? launchOfCommon)(kind, launch), work[kind === 'depthwiseConv2d' ? 1 : 0]!),
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
    inferenceOverhead: gpu.launchOf === undefined ? 0 : round(launch[KINDS.length]! * launchScale),
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
    validation: [],
    notes: [...gpu.notes],
  }
}

/** Folds of cases with what was fitted without each; `profileFrom` makes the profile from cases. */
function crossValidated(
  name: string,
  source: string,
  cases: readonly Case[],
  profileFrom: (cases: readonly Case[]) => Profile,
): { readonly suite: NetworkSuite; readonly error90: number } {
  const folds = Array.from({ length: FOLDS }, (_, fold) => {
    const { tables, inferenceOverhead } = profileFrom(cases.filter((one) => one.fold !== fold))
    return { coefficients: coefficientsOf(tables), inferenceOverhead }
  })
  const suite: NetworkSuite = {
    ...{ kind: 'networks', name, quantity: 'latency', source, leftOut: true, folds },
    method: `${FOLDS} folds of architectures; every eighth or tenth network of the table`,
    cases: cases.map((one) => [one.name, Number((one.us / 1000).toPrecision(6)), one.fold]),
  }
  const errors = compareSuite(profileFrom(cases), suite).map(({ measured, predicted }) => measured / predicted - 1)
  return { suite, error90: percentile90Of(errors) }
}

/** Cases of another setting of the same GPU, priced by the profile as it is. */
const otherSetting = (name: string, method: string, source: string, cases: readonly Case[]): NetworkSuite => ({
  ...{ kind: 'networks', name, quantity: 'latency', method, source, leftOut: false, folds: [] },
  cases: cases.map((one) => [one.name, Number((one.us / 1000).toPrecision(6)), -1]),
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

const HELP = 'HayeonLee/HELP'
const ACCEL = 'Accel-NASBench'
const ACCEL_PROVENANCE: TableModel['provenance'] = {
  kind: 'measured',
  source:
    'whole-network throughput of the MnasNet space in Accel-NASBench: images of 224×224 a second; the table states neither batch nor number format; no single kernel was timed',
}
const ACCEL_NOTES = [
  'Latency and energy are those of one image where very many run at once; RAM is that of one image.',
  'The number format of the measurement is not stated: the A100’s convolutions run faster than its float32 units could.',
]

/** The GPUs fitted from whole networks, and data-centre GPUs derived from them by data-sheet ratios. */
export function gpuProfiles(data: string): readonly FittedProfile[] {
  const cases = readCases(data)
  const work = fitWork(cases.titan64)
  const launch = fitLaunch(cases.ofaSteady)
  const steadyOf = new Map(cases.ofaSteady.map((one) => [one.name, one]))
  const steady = (kept: readonly Case[]): readonly Case[] => kept.map(({ name }) => steadyOf.get(name)!)
  const titanFit = (kept: readonly Case[]) => ({ launch: fitLaunch(steady(kept)), work })
  const measured = (
    gpu: Omit<Gpu, 'error90'>,
    suiteName: string,
    own: readonly Case[],
    fitOn: (kept: readonly Case[]) => { readonly launch: readonly number[]; readonly work: readonly number[] },
    others: readonly NetworkSuite[] = [],
    source = HELP,
  ): FittedProfile => {
    const make = (error90: number) => (kept: readonly Case[]) => {
      const found = fitOn(kept)
      return gpuProfile({ ...gpu, error90 }, found.launch, found.work)
    }
    const { suite, error90 } = crossValidated(suiteName, source, own, make(0))
    const names = own.map(({ name }) => name)
    return { profile: coverSeen(make(error90)(own), names), suites: [suite, ...others] }
  }
  const titan = measured(TITAN, 'Once-for-All MobileNetV3, batch 1', cases.ofa, titanFit, [
    {
      ...crossValidated(
        'Once-for-All MobileNetV3, batch 1, drift of the host taken out',
        HELP,
        cases.ofaSteady,
        (kept) => gpuProfile({ ...TITAN, error90: 0 }, titanFit(kept).launch, work),
      ).suite,
      method: `${FOLDS} folds of architectures; measured times divided by how slow the host was for the ten networks timed around each, so not measurements as they are`,
      leftOut: false,
    },
    otherSetting(
      'NAS-Bench-201 on a slower host',
      'never fitted; the same GPU on another host, about 1.6 times slower: launches decide, see the rank agreement',
      'NATS-Bench / FreeREA latency tables',
      cases.nb201,
    ),
    otherSetting(
      'FBNet on a slower host',
      'never fitted; the same GPU on another host, about twice as slow',
      HELP,
      cases.fbnetTitan,
    ),
  ])
  const nothing = [0, 0]
  const titan64 = measured(
    {
      ...TITAN,
      id: 'titan-rtx-batch64',
      title: 'NVIDIA TITAN RTX, per sample at batch 64, PyTorch eager mode, float32',
      notes: ['Latency and energy are those of one sample in a batch of 64; RAM is that of one sample.'],
    },
    'Once-for-All MobileNetV3, batch 64',
    cases.titan64,
    (kept) => ({ launch: nothing, work: fitWork(kept) }),
  )
  const v100 = measured(
    {
      ...TITAN,
      id: 'v100-batch64',
      title: 'NVIDIA V100, per sample at batch 64, PyTorch eager mode, float32',
      core: 'Volta GV100',
      clockHz: 1.53e9,
      ramBytes: 32 * 1024 ** 3,
      power: boardPower(300, 50, 'board power 300 W (listed with the GPU facts)'),
      notes: ['Latency and energy are those of one sample in a batch of 64; RAM is that of one sample.'],
    },
    'Once-for-All MobileNetV3, batch 64',
    cases.v100x64,
    (kept) => ({ launch: nothing, work: fitWork(kept) }),
  )
  const throughput = (
    gpu: Pick<Gpu, 'id' | 'title' | 'core' | 'clockHz' | 'ramBytes' | 'power'>,
    own: readonly Case[],
  ): FittedProfile =>
    measured(
      {
        ...TITAN,
        ...gpu,
        runtime: 'that of Accel-NASBench, not stated',
        provenance: ACCEL_PROVENANCE,
        notes: ACCEL_NOTES,
      },
      'MnasNet space of Accel-NASBench, throughput',
      own,
      (kept) => ({ launch: nothing, work: fitWorkWithStarts(kept) }),
      [],
      ACCEL,
    )
  const a100 = throughput(
    {
      ...A100,
      id: 'a100-throughput',
      title: 'NVIDIA A100, per image where many run at once (Accel-NASBench)',
    },
    cases.a100,
  )
  const rtx3090 = throughput(
    {
      id: 'rtx3090-throughput',
      title: 'NVIDIA GeForce RTX 3090, per image where many run at once (Accel-NASBench)',
      core: 'Ampere GA102',
      clockHz: 1.695e9,
      ramBytes: 24 * 1024 ** 3,
      power: boardPower(350, 50, 'board power 350 W, recalled from the data sheet'),
    },
    cases.rtx3090,
  )
  const rtx2080 = measured(
    {
      ...TITAN,
      launchOf: launchByKind,
      id: '2080ti',
      title: 'NVIDIA GeForce RTX 2080 Ti, batch 1, PyTorch eager mode, float32',
      core: 'Turing TU102',
      clockHz: 1.545e9,
      ramBytes: 11 * 1024 ** 3,
      power: boardPower(250, 55, 'board power 250 W, recalled from the data sheet'),
      scale: [1, 16.3 / 13.4, 672 / 616],
      notes: [
        'Fitted on FBNet networks for images of 32×32: launches only. The work of larger networks is that of the TITAN RTX by data-sheet ratios.',
        'Once-for-All latencies of the same collection came from another, slower host: do not mix them.',
      ],
    },
    'FBNet, batch 1',
    cases.fbnet2080,
    (kept) => ({ launch: fitLaunchByKind(kept), work }),
  )
  return [
    titan,
    titan64,
    v100,
    a100,
    rtx3090,
    rtx2080,
    ...DERIVED.map((gpu) => ({ profile: gpuProfile(gpu, launch, work), suites: [] })),
  ]
}

const boardPower = (activeWatts: number, idleWatts: number, source: string): Profile['energy'] => ({
  activePowerMw: activeWatts * 1000,
  idlePowerMw: idleWatts * 1000,
  wakeUpEnergyMj: 0,
  utilisation: true,
  provenance: {
    kind: 'derived',
    source: `${source}; ${idleWatts} W with the clocks up but no work is an estimate; power between them follows the share of the time that computing and moving data take`,
  },
})

/** Ratios of the data sheets: float32 rate in TFLOP/s, memory bandwidth in GB/s. The TITAN RTX has 16.3 and 672. */
const derived = (
  facts: Pick<Gpu, 'id' | 'title' | 'core' | 'clockHz' | 'ramBytes' | 'power'>,
  teraflops: number,
  gigabytes: number,
): Gpu => ({
  ...TITAN,
  ...facts,
  scale: [0.5, 16.3 / teraflops, 672 / gigabytes],
  error90: 0.4,
  provenance: {
    kind: 'derived',
    source: `titan-rtx scaled: MACs by peak float32 rate (16.3 to ${teraflops} TFLOP/s), elements by memory bandwidth (672 to ${gigabytes} GB/s), launches assumed half as long on a current host; nothing was measured on this GPU`,
  },
  notes: ['A roofline with a launch floor, derived and not measured: use it for order of magnitude and ranking only.'],
})

const A100 = {
  core: 'Ampere GA100',
  clockHz: 1.41e9,
  ramBytes: 40 * 1024 ** 3,
  power: boardPower(400, 60, 'board power 400 W from the data sheet'),
}

const DERIVED: readonly Gpu[] = [
  derived(
    { ...A100, id: 'a100', title: 'NVIDIA A100 40 GB SXM, batch 1, PyTorch eager mode, float32 (derived)' },
    19.5,
    1555,
  ),
  derived(
    {
      id: 'h100',
      title: 'NVIDIA H100 SXM, batch 1, PyTorch eager mode, float32 (derived)',
      core: 'Hopper GH100',
      clockHz: 1.98e9,
      ramBytes: 80 * 1024 ** 3,
      power: boardPower(700, 120, 'board power 700 W from the data sheet'),
    },
    67,
    3350,
  ),
  derived(
    {
      id: 'h200',
      title: 'NVIDIA H200 SXM, batch 1, PyTorch eager mode, float32 (derived)',
      core: 'Hopper GH100',
      clockHz: 1.98e9,
      ramBytes: 141 * 1024 ** 3,
      power: boardPower(700, 120, 'board power 700 W from the data sheet'),
    },
    67,
    4800,
  ),
]
