import path from 'node:path'
import { nasBench201 } from '../../hardware-profiles/cases/nas-nets.ts'
import type { FeatureName } from '../../hardware-profiles/features.ts'
import type { Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { crossFit, type Grouping, type MeasuredNetwork } from './from-networks.ts'
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

/** The same terms for several kinds. */
export const each = (kinds: readonly KernelKind[], terms: Terms): Partial<Record<KernelKind, Terms>> =>
  Object.fromEntries(kinds.map((kind) => [kind, terms]))

export const ACTIVATIONS: readonly KernelKind[] = ['relu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid']
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
