import path from 'node:path'
import { nasBench201 } from '../../hardware-profiles/cases/nas-nets.ts'
import type { FeatureName } from '../../hardware-profiles/features.ts'
import type { Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { crossFit, type Grouping, type MeasuredNetwork } from './from-networks.ts'
import { mlperfResults } from './mlperf.ts'
import { arenaSuite, fittedTflmMemory } from './tflm-memory.ts'

type Terms = Partial<Record<FeatureName, number>>

/** Tables of plain sums, one model a kernel kind; coefficients in µs to begin with, for the fit to scale. */
export function plainTables(kinds: Partial<Record<KernelKind, Terms>>, source: string): readonly ProfileTable[] {
  const provenance: TableModel['provenance'] = { kind: 'measured', source }
  return (Object.entries(kinds) as [KernelKind, Terms][]).map(([kernel, terms]) => ({
    kernel,
    models: [
      {
        terms: (Object.entries(terms) as [FeatureName, number][]).map(([feature, coefficient]) => ({
          feature,
          coefficient,
        })),
        coverage: {},
        error90: 0,
        provenance,
      },
    ],
  }))
}

const each = (kinds: readonly KernelKind[], terms: Terms): Partial<Record<KernelKind, Terms>> =>
  Object.fromEntries(kinds.map((kind) => [kind, terms]))

const ACTIVATIONS: readonly KernelKind[] = ['relu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid']
const KIB = 1024

/** nRF5340 under TFLM with its reference kernels, from whole NAS-Bench-201 networks. */
export function nrf5340Profile(data: string): FittedProfile {
  const source =
    'ankilab/NATS-Bench-MCU (CC BY 4.0): 73 NAS-Bench-201 networks, int8 TFLM on nRF5340, latency, power, energy, arena; 67 of them can be built here'
  const networks: readonly MeasuredNetwork[] = readCsv(path.join(data, 'nas-benchmarks', 'nb201_nrf5340_sample.csv'))
    .filter((row) => nasBench201(row['arch_str']!, true) !== undefined)
    .map((row, i) => ({
      network: `nasBench201Converted ${row['arch_str']}`,
      family: `${i % 6}`,
      latencyMs: Number(row['latency_s']) * 1000,
      energyMj: Number(row['energy_mJ']),
    }))
  const window: Terms = { insideTapElements: 0.1, one: 3000 }
  const elements: Terms = { outputs: 1.3, one: 3000 }
  const tables = plainTables(
    {
      conv2d: { macs: 0.036, outputs: 1.2, one: 3000 },
      depthwiseConv2d: { macs: 0.07, outputs: 1.2, one: 3000 },
      dense: { macs: 0.036, outputs: 1.2, one: 3000 },
      ...each(ACTIVATIONS, { outputs: 5, one: 3000 }),
      ...each(['averagePool', 'maxPool'], window),
      globalAveragePool: { inputs: 0.1, one: 3000 },
      ...each(['add', 'multiply', 'concat', 'batchNorm', 'softmax', 'expertCombine'], elements),
    },
    source,
  )
  const groupOf: Grouping = (kernel, _, feature) => {
    if (feature === 'one') return 0
    if (kernel === 'conv2d' || kernel === 'dense' || kernel === 'depthwiseConv2d') return feature === 'macs' ? 1 : 2
    if (ACTIVATIONS.includes(kernel as KernelKind)) return 3
    return kernel === 'averagePool' || kernel === 'maxPool' || kernel === 'globalAveragePool' ? 4 : 5
  }
  const memory = fittedTflmMemory(data)
  const template: Profile = {
    format: 'frugal-profile/1',
    id: 'nrf5340-tflm',
    title: 'Nordic nRF5340, TensorFlow Lite Micro with reference kernels',
    family: 'cortex-m',
    core: 'Cortex-M33F',
    clockHz: 128e6,
    ramBytes: 512 * KIB,
    flashBytes: 1024 * KIB,
    supplyVolts: 3,
    runtime: 'TensorFlow Lite Micro, reference kernels',
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    latencyUnit: 'us',
    inferenceOverhead: 0,
    systematicError90: 0,
    tables: [...tables],
    energy: {
      activePowerMw: 11.6,
      idlePowerMw: 0.005,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'measured',
        source: `mean of energy ÷ latency of the networks. ${source}. Idle power is an estimate`,
      },
    },
    memory,
    validation: [],
    notes: [
      'Without CMSIS-NN: about ten times slower a MAC than the same core with it.',
      'Depthwise convolutions and hard activations were not measured; they are priced by the rates of their neighbours.',
    ],
  }
  const fitted = crossFit(template, {
    ...{ name: 'NAS-Bench-201 networks', source, networks, grouping: groupOf, groups: 6, ridge: 1e-4 },
    method: 'six folds of networks',
  })
  return { ...fitted, suites: [...fitted.suites, arenaSuite(data)] }
}

/** 8 cores with 4 MACs an instruction, half of the time, at 370 MHz. */
const CLUSTER_US_PER_MAC = 1 / (8 * 4 * 0.5 * 370)

/** The NE16 multiplies windows of 1×1 and 3×3; all other convolutions stay with the eight cores of the cluster. */
const withClusterWindows = (tables: readonly ProfileTable[]): ProfileTable[] =>
  tables.map((table) => {
    const [model] = table.models
    if (table.kernel !== 'conv2d' || model === undefined) return table
    const onNe16 = [1, 9].map((area): TableModel => ({ ...model, when: { kernelArea: [area, area] } }))
    const terms = model.terms.map((term) =>
      term.feature === 'macs' ? { ...term, coefficient: CLUSTER_US_PER_MAC } : term,
    )
    return { ...table, models: [...onNe16, { ...model, terms }] }
  })

/** GAP9 with its NE16 accelerator, from four whole networks; operating points by clock and voltage. */
export function gap9Profile(data: string): FittedProfile {
  const source = 'MLPerf Tiny 1.0, GreenWaves GAP9 EVK at 370 MHz and 0.8 V, GAPflow'
  const networks: readonly MeasuredNetwork[] = mlperfResults(data, '1.0', 'gap9_800_370').map((result) => ({
    network: `mlperfTiny ${result.benchmark}`,
    family: result.benchmark,
    latencyMs: result.latencyMs,
    ...(result.energyMj === undefined ? {} : { energyMj: result.energyMj }),
  }))
  const tables = plainTables(
    {
      conv2d: { macs: 3e-5, outputs: 5e-4, one: 12 },
      depthwiseConv2d: { macs: 3e-4, outputs: 5e-4, one: 12 },
      dense: { weightElements: 4e-4, outputs: 5e-4, one: 12 },
      ...each(['add', 'multiply', 'concat', 'batchNorm', 'averagePool', 'maxPool', 'expertCombine', 'softmax'], {
        outputs: 5e-4,
        one: 12,
      }),
      ...each(ACTIVATIONS, { outputs: 5e-4, one: 12 }),
      globalAveragePool: { inputs: 2e-4, one: 12 },
    },
    source,
  )
  const template: Profile = {
    format: 'frugal-profile/1',
    id: 'gap9-ne16',
    title: 'GreenWaves GAP9 with its NE16 accelerator',
    family: 'npu',
    core: 'NE16 accelerator + 9 RISC-V cores',
    clockHz: 370e6,
    ramBytes: 1536 * KIB,
    flashBytes: 2048 * KIB,
    supplyVolts: 0.8,
    runtime: 'GAPflow (GAP SDK)',
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    latencyUnit: 'us',
    inferenceOverhead: 0,
    systematicError90: 0,
    tables: withClusterWindows(tables),
    energy: {
      activePowerMw: 50,
      idlePowerMw: 0.1,
      wakeUpEnergyMj: 0,
      provenance: { kind: 'measured', source: `mean of energy ÷ latency in ${source}; idle power is an estimate` },
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
        clockHz: 370e6,
        volts: 0.8,
        powerScale: 1,
        provenance: { kind: 'measured', source },
      },
      {
        name: '650mv',
        clockHz: 240e6,
        volts: 0.65,
        powerScale: Number(((240 / 370) * (0.65 / 0.8) ** 2).toPrecision(3)),
        provenance: {
          kind: 'derived',
          source:
            'dynamic power follows clock × voltage²; 240 MHz at 0.65 V is the vendor’s usual pair, recalled; the table holds no 650 mV rows',
        },
      },
    ],
    validation: [],
    notes: ['Four networks only: two rates are the share of one network each, so leaving it out says little of them.'],
  }
  return crossFit(template, {
    name: 'MLPerf Tiny networks',
    source,
    networks,
    grouping: (kernel, _, feature) => (feature === 'one' ? 0 : kernel === 'conv2d' ? 1 : kernel === 'dense' ? 3 : 2),
    groups: 4,
    ridge: 0.05,
    method: 'one network left out at a time',
  })
}
