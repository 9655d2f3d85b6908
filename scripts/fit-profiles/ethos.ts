import path from 'node:path'
import type { Profile } from '../../hardware-profiles/profile.ts'
import { readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { crossFit, type MeasuredNetwork } from './from-networks.ts'
import { plainTables } from './simple-boards.ts'

const KIB = 1024
const ON_NPU = ['add', 'multiply', 'concat', 'averagePool', 'maxPool', 'relu', 'relu6', 'sigmoid'] as const
const ON_HOST = ['softmax', 'batchNorm', 'hardSwish', 'hardSigmoid', 'expertCombine'] as const

/**
 * Ethos-U55 with 128 and 256 MACs a cycle. The figures are Arm's own estimates: Vela's performance report over networks
 * of ST's zoo and MLPerf Tiny (`vela-estimates.csv`), not measurements.
 */
export const ethosProfiles = (): readonly FittedProfile[] => [128, 256].map(ethosProfile)

function ethosProfile(macsPerCycle: number): FittedProfile {
  const source = `Arm Vela (ethos-u-vela, default system configuration "High End Embedded" at 500 MHz): vendor estimates of whole networks for ethos-u55-${macsPerCycle}, not measurements`
  const networks = readCsv(path.join(import.meta.dirname, 'vela-estimates.csv'))
    .filter((row) => row['accelerator'] === `ethos-u55-${macsPerCycle}`)
    .map((row): MeasuredNetwork => {
      const network = row['network']!
      const [maker, name] = network.split(' ') as [string, string]
      return { network, family: maker === 'mlperfTiny' ? name : maker, latencyMs: Number(row['inference_ms']) }
    })
  const perMac = 1 / (500 * macsPerCycle)
  const moved = { outputs: 1 / 4000, one: 1 }
  const tables = plainTables(
    {
      conv2d: { macs: perMac, weightElements: 1 / 500, ...moved },
      dense: { macs: perMac, weightElements: 1 / 500, ...moved },
      depthwiseConv2d: { macs: 16 * perMac, weightElements: 1 / 500, ...moved },
      globalAveragePool: { inputs: 1 / 4000, one: 1 },
      ...Object.fromEntries(ON_NPU.map((kind) => [kind, moved])),
    },
    source,
  ).map((table) => ({
    ...table,
    models: table.models.map((model) => ({ ...model, provenance: { kind: 'vendor' as const, source } })),
  }))
  const host = plainTables(Object.fromEntries(ON_HOST.map((kind) => [kind, { outputs: 0.1, one: 20 }])), source).map(
    ({ kernel, models }) => ({
      kernel,
      models: models.map((model) => ({
        ...model,
        coverage: {},
        fallback: true,
        provenance: {
          kind: 'derived' as const,
          source: 'on a Cortex-M host of a few hundred MHz: about 40 cycles an element and 20 µs to hand over',
        },
      })),
    }),
  )
  const template: Profile = {
    format: 'frugal-profile/1',
    id: `ethos-u55-${macsPerCycle}`,
    title: `Arm Ethos-U55 with ${macsPerCycle} MACs a cycle at 500 MHz (vendor estimates)`,
    family: 'npu',
    core: `Ethos-U55-${macsPerCycle} + Cortex-M55`,
    clockHz: 500e6,
    ramBytes: 2048 * KIB,
    flashBytes: 16 * KIB * KIB,
    runtime: 'TensorFlow Lite Micro + Ethos-U, compiled by Vela',
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    latencyUnit: 'us',
    inferenceOverhead: 0,
    systematicError90: 0,
    tables: [...tables, ...host],
    energy: {
      activePowerMw: macsPerCycle === 128 ? 60 : 90,
      idlePowerMw: 5,
      wakeUpEnergyMj: 0,
      provenance: { kind: 'derived', source: 'estimates for a microcontroller of this class; nothing was measured' },
    },
    memory: {
      ...{ elementBytes: 1, weightBytes: 1, biasBytes: 4, weightsInRam: false, alignmentBytes: 16, scratch: [] },
      ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
      flash: { runtimeBytes: 100 * KIB, constantBytes: 0, perKernelBytes: 512, perChannelBytes: 6 },
      provenance: {
        kind: 'derived',
        source: 'greedy arena of int8 tensors; Vela’s own order and tiling can need less',
      },
    },
    validation: [],
    notes: [
      'Vendor estimates: Arm’s compiler predicts them, and boards with slow memory are slower.',
      'Of one measured case (MicroNet-KWS-M on an Alif Ensemble with Ethos-U55-128 at 160 MHz: 2.7 ms) the structure is not published.',
    ],
  }
  return crossFit(template, {
    name: 'whole networks, vendor estimates',
    source,
    networks,
    grouping: (kernel, _, feature) =>
      (ON_HOST as readonly string[]).includes(kernel)
        ? 5
        : feature === 'one'
          ? 0
          : feature === 'weightElements'
            ? 1
            : feature === 'macs'
              ? kernel === 'depthwiseConv2d'
                ? 3
                : 2
              : 4,
    groups: 6,
    ridge: 0.01,
    method: 'one family (MobileNet V1, V2, FD-MobileNet, each MLPerf Tiny network) left out at a time',
  })
}
