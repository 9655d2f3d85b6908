import path from 'node:path'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import type { FeatureName } from '../../hardware-profiles/features.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import type { FeatureRanges, Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { crossFitWith, type MeasuredNetwork } from './from-networks.ts'
import { mlperfResults } from './mlperf.ts'
import { ACTIVATIONS } from './simple-boards.ts'

type Costs = Partial<Record<FeatureName, number>>

const KIB = 1024
const CLOCK_MHZ = 370
const SOURCE = 'MLPerf Tiny 1.0, GreenWaves GAP9 EVK at 370 MHz and 0.8 V, GAPflow'
const ARCHITECTURE =
  'the NE16’s published structure: 9×9×16 multipliers of 8 bits by 1, blocks of 5×5 places and 16 channels read, of 3×3 places and 32 channels written; 8 bytes a cycle between the memories'
/** Four networks of one benchmark understate what others are off by: the width that the STM32U575 needs, which was measured on two kinds. */
const LEAST_SYSTEMATIC_ERROR = 0.14

/** Cycles to scale, add biases to, and write a block of results; and for each of its channels. */
const WRITE: Costs = { patchStores: 30, patchResults: 1.125 }
/** The same of a single place. */
const WRITE_ONE: Costs = { patchStores: 22, patchResults: 1.125 }
/** A bit of the weights a cycle: 8 for each channel of results, but 1 where a 1×1 window leaves room for all 8 beside each other. */
const WINDOW_3X3: Costs = { patchLoads: 45, patchSweeps: 8, ...WRITE }
const WINDOW_1X1: Costs = { patchLoads: 33, patchSweeps: 1, ...WRITE }
const VECTOR: Costs = { patchLoads: 25, patchSweeps: 1, ...WRITE_ONE }
/** A depthwise convolution sweeps 16 channels one after the other and goes through them once more for the weights' zero point. */
const DEPTHWISE: Costs = { patchLoads: 45, patchSweeps: 9, ...WRITE }
/** Eight cores with 4 MACs an instruction, half of the time; without SIMD over channels two in depthwise windows. */
const ON_CLUSTER: Costs = { macs: 1 / 16 }
const DEPTHWISE_ON_CLUSTER: Costs = { macs: 1 / 8 }
/** Starting eight cores and waiting for the last. */
const FORK: Costs = { one: 100 }
/** Bytes between L2 and the cluster's memory. */
const MOVED: Costs = { inputs: 1 / 8, outputs: 1 / 8, weightElements: 1 / 8 }

const toTerms = (cycles: Costs): TableModel['terms'] =>
  (Object.entries(cycles) as [FeatureName, number][]).map(([feature, coefficient]) => ({
    feature,
    coefficient: Number((coefficient / CLOCK_MHZ).toPrecision(5)),
  }))

/** Computing and moving run side by side, after the launch, which is fitted. */
const model = (compute: Costs, when?: FeatureRanges, floor?: Costs): TableModel => ({
  ...(when === undefined ? {} : { when: { ...when } as NonNullable<TableModel['when']> }),
  terms: [{ feature: 'one', coefficient: 1 }],
  ...(floor === undefined ? {} : { floor: toTerms(floor) }),
  compute: toTerms(compute),
  memory: toTerms(MOVED),
  coverage: {},
  error90: 0,
  provenance: { kind: 'measured', source: `launches fitted to ${SOURCE}; ${ARCHITECTURE}` },
})

const ELEMENTWISE: readonly KernelKind[] = [
  ...(['add', 'multiply', 'concat', 'batchNorm', 'averagePool', 'maxPool', 'globalAveragePool'] as const),
  ...(['expertCombine', 'softmax'] as const),
  ...ACTIVATIONS,
]
const TABLES: readonly ProfileTable[] = [
  {
    kernel: 'conv2d',
    models: [
      model(WINDOW_1X1, { kernelArea: [1, 1] }),
      model(WINDOW_3X3, { kernelArea: [9, 9] }),
      model(ON_CLUSTER, undefined, FORK),
    ],
  },
  {
    kernel: 'depthwiseConv2d',
    models: [model(DEPTHWISE, { kernelArea: [9, 9] }), model(DEPTHWISE_ON_CLUSTER, undefined, FORK)],
  },
  { kernel: 'dense', models: [model(VECTOR)] },
  ...ELEMENTWISE.map((kernel): ProfileTable => ({ kernel, models: [model({ inputs: 1 / 8 })] })),
]

const template = (powerScale650: number): Profile => ({
  format: 'frugal-profile/1',
  id: 'gap9-ne16',
  title: 'GreenWaves GAP9 with its NE16 accelerator',
  family: 'npu',
  core: 'NE16 accelerator + 9 RISC-V cores',
  clockHz: CLOCK_MHZ * 1e6,
  ramBytes: 1536 * KIB,
  flashBytes: 2048 * KIB,
  supplyVolts: 0.8,
  runtime: 'GAPflow (GAP SDK)',
  dataType: 'int8',
  fusedActivations: ['relu', 'relu6'],
  latencyUnit: 'us',
  inferenceOverhead: 0,
  systematicError90: 0,
  tables: [...TABLES],
  energy: {
    activePowerMw: 1,
    idlePowerMw: 0.1,
    wakeUpEnergyMj: 0,
    utilisation: true,
    provenance: {
      kind: 'measured',
      source: `energy ÷ the time in which something is computed or moved, and of depthwise layers, which use 81 of 1,296 multipliers, ÷ their time, in ${SOURCE}; idle power is an estimate`,
    },
  },
  memory: {
    ...{ elementBytes: 1, weightBytes: 1, biasBytes: 4, weightsInRam: false, alignmentBytes: 4, scratch: [] },
    ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
    flash: { runtimeBytes: 60 * KIB, constantBytes: 0, perKernelBytes: 512, perChannelBytes: 8 },
    provenance: { kind: 'derived', source: 'greedy arena of int8 tensors; code sizes are estimates' },
  },
  operatingPoints: [
    {
      name: '800mv',
      clockHz: CLOCK_MHZ * 1e6,
      volts: 0.8,
      powerScale: 1,
      provenance: { kind: 'measured', source: SOURCE },
    },
    {
      name: '650mv',
      clockHz: 240e6,
      volts: 0.65,
      powerScale: powerScale650,
      provenance: {
        kind: 'measured',
        source:
          'mean power of the four networks of MLPerf Tiny 1.0 at 240 MHz and 0.65 V over that at 370 MHz and 0.8 V; time follows the clock, for no latency at 0.65 V is in the table',
      },
    },
  ],
  validation: [],
  notes: [
    'Four networks: what starting a kernel costs is fitted to them, the rest follows from how the accelerator is built.',
    'Weights are expected in the 1.5 MB of L2: networks with more stream them from outside, which is not priced.',
  ],
})

/** Mean power over the four networks at one operating point. */
function meanPowerMwOf(data: string, system: string): number {
  const row = readCsv(path.join(data, 'hardware', 'mcu_active_power_mlperf.csv')).find(
    (one) => one['system'] === system,
  )
  return Number(row!['power_mW_mean'])
}

/** The profile with so many µs a launch. */
const withLaunch = (base: Profile, us: number): Profile => ({
  ...base,
  tables: base.tables.map((table) => ({
    ...table,
    models: table.models.map((one) => ({ ...one, terms: [{ feature: 'one', coefficient: us } as const] })),
  })),
})

/** With a power of its own for depthwise layers (their launches included), and one for the time in which all others work. */
const withPowers = (base: Profile, activePowerMw: number, depthwiseMw: number): Profile => ({
  ...base,
  energy: { ...base.energy, activePowerMw },
  tables: base.tables.map((table) =>
    table.kernel === 'depthwiseConv2d'
      ? { ...table, models: table.models.map((one) => ({ ...one, powerMw: depthwiseMw })) }
      : table,
  ),
})

const digits = (value: number): number => Number(value.toPrecision(4))

/** Launches by least squares of the relative errors, then both powers. */
function fittedTo(base: Profile, networks: readonly MeasuredNetwork[]): Profile {
  const graphs = networks.map(({ network }) => caseNetwork(network))
  const busy = createCostModel(withLaunch(base, 0))
  let target = 0
  let square = 0
  networks.forEach(({ latencyMs }, at) => {
    const kernels = busy.schedule(graphs[at]!).kernels.length / latencyMs
    target += kernels * (1 - busy.price(graphs[at]!).latencyMs / latencyMs)
    square += kernels ** 2
  })
  const launched = withLaunch(base, digits((1000 * Math.max(target, 0)) / square))
  // What one milliwatt of the one or of the other would add up to.
  const unit = [withPowers(launched, 1, 1e-9), withPowers(launched, 1e-9, 1)].map((profile) =>
    createCostModel({ ...profile, energy: { ...profile.energy, idlePowerMw: 0 } }),
  )
  const [activePowerMw, depthwiseMw] = fitNonNegative(
    graphs.map((graph) => unit.map((one) => one.price(graph).energyMj)),
    networks.map(({ energyMj }) => energyMj!),
  )
  return withPowers(launched, digits(activePowerMw!), digits(depthwiseMw!))
}

/** GAP9 with its NE16 accelerator: how it is built, and what a launch costs, from four whole networks. */
export function gap9Profile(data: string): FittedProfile {
  const networks: readonly MeasuredNetwork[] = mlperfResults(data, '1.0', 'gap9_800_370').map((result) => ({
    network: `mlperfTiny ${result.benchmark}`,
    family: result.benchmark,
    latencyMs: result.latencyMs,
    ...(result.energyMj === undefined ? {} : { energyMj: result.energyMj }),
  }))
  const scale = digits(meanPowerMwOf(data, 'gap9_650_240') / meanPowerMwOf(data, 'gap9_800_370'))
  const { profile, suites } = crossFitWith(
    { name: 'MLPerf Tiny networks', source: SOURCE, networks, method: 'one network left out at a time' },
    (used) => fittedTo(template(scale), used),
  )
  return {
    profile: { ...profile, systematicError90: Math.max(profile.systematicError90, LEAST_SYSTEMATIC_ERROR) },
    suites,
  }
}
