import path from 'node:path'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { systematicErrorOf } from '../../hardware-profiles/cases/intervals.ts'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import type { BranchStart } from '../../hardware-profiles/fit-branches.ts'
import {
  fitTable,
  type Measurement,
  type ModelForm,
  measurement,
  type Provenance,
} from '../../hardware-profiles/fit-table.ts'
import type { Profile, ProfileTable } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { type CsvRow, readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { coefficientOf, ruleTable } from './operators.ts'

const KIB = 1024
const CLOCK_HZ = 500e6
/** Below some thousand elements the blocks that they are rounded up to decide. */
const ELEMENTWISE: readonly ModelForm[] = [
  { when: { outputs: [0, 4000] }, features: ['outputs', 'inChannels', 'pixels', 'one'] },
  { features: ['outputs', 'one'] },
]
/** Bytes a weight takes once compressed, and what a channel's bias and scale take: flash gives a byte a cycle. */
const FLASH: BranchStart = { codedWeights: 0.9, biasElements: 10 }
const ALWAYS = ['one', 'inputs', 'outputs'] as const

/**
 * Multiplying, fetching weights from flash, and reading operands and writing results run beside each other: the longest
 * decides. Coefficients to start from are the accelerator's multipliers and the width of its ports.
 */
const convolution = (
  when: Pick<ModelForm, 'when'>,
  macsPerCycle: number,
  compute: BranchStart,
  reads: BranchStart,
): ModelForm => ({
  ...when,
  features: ALWAYS,
  branches: {
    floor: { outputs: 64 / macsPerCycle, inputs: 0, ...reads },
    compute,
    memory: FLASH,
    least: { sweptMacs: 1 / macsPerCycle },
  },
})

/** Kernels with at most so many results, or all that are left. */
const upTo = (outputs: number | undefined): Pick<ModelForm, 'when'> =>
  outputs === undefined ? {} : { when: { outputs: [0, outputs] } }

/** Forms of each kind for an accelerator with so many multipliers. */
function formsFor(macsPerCycle: number): Partial<Record<KernelKind, readonly ModelForm[]>> {
  const multiply: BranchStart = { sweptMacs: 1 / macsPerCycle }
  // Of its multipliers a depthwise convolution uses those of one input channel in eight.
  const depthwise: BranchStart = { sweptMacs: 8 / macsPerCycle, sweptMacs2x2: 0 }
  const pooling = [2000, undefined].map(
    (most): ModelForm => ({
      ...upTo(most),
      features: ALWAYS,
      branches: {
        floor: { outputs: 128 / macsPerCycle, inputs: 0 },
        compute: { sweptMacs: 32 / macsPerCycle, sweptMacs2x2: 0 },
      },
    }),
  )
  return {
    conv2d: [{ when: { kernelArea: [1, 1] satisfies [number, number] } }, {}].map((when: Pick<ModelForm, 'when'>) =>
      convolution(when, macsPerCycle, multiply, { inputsByOutChannels: 0 }),
    ),
    depthwiseConv2d: [4000, 40_000, undefined].map((most) => convolution(upTo(most), macsPerCycle, depthwise, {})),
    dense: [{ features: ['one', 'codedWeights', 'codedWeightsBlocks8', 'outputs'] }],
    ...{ add: ELEMENTWISE, multiply: ELEMENTWISE, relu: ELEMENTWISE, sigmoid: ELEMENTWISE, hardSwish: ELEMENTWISE },
    softmax: [{ features: ['one', 'outputs'] }],
    globalAveragePool: [{ features: ['one', 'inputs', 'sweptInputs', 'outputs', 'inChannels'] }],
    averagePool: pooling,
    maxPool: pooling,
  }
}
const ON_HOST = ['batchNorm', 'expertCombine'] as const

/** Vela's estimates of single operators, as kernels with their cycles. */
function estimates(accelerator: string): readonly Measurement[] {
  return readCsv(path.join(import.meta.dirname, 'vela-operators.csv'))
    .filter((row) => row['accelerator'] === accelerator)
    .map((row) => {
      const kind = row['kind'] as KernelKind
      const of = (name: string): number => Number(row[name])
      const [inner, outer, window] = [of('in_channels'), of('out_channels'), of('kernel')]
      const same = kind === 'conv2d' || kind === 'depthwiseConv2d' ? 1 : 0
      const shape = [of('height'), of('width'), inner, outer, window, window, of('stride'), of('stride'), same]
      return measurement(
        kind,
        [...shape, kind === 'add' || kind === 'multiply' ? 2 : 1],
        of('cycles'),
        `${inner}x${outer}`,
      )
    })
}

/** A whole network's estimate; files of the zoo begin with a quantisation of the image, which our networks do not have. */
const msWithoutQuantize = (row: CsvRow): number =>
  Number((((Number(row['cycles']) - Number(row['quantize_cycles'])) / CLOCK_HZ) * 1000).toPrecision(6))

/**
 * Ethos-U55 with 128 and 256 MACs a cycle. The figures are Arm's own estimates: Vela's performance report over generated
 * models of one operator (`scripts/vela/estimate_operators.py`), not measurements. Whole networks of ST's zoo and MLPerf
 * Tiny, as Vela estimates them (`vela-networks.csv`), check the sum over layers and are never fitted.
 */
export const ethosProfiles = (): readonly FittedProfile[] => [128, 256].map(ethosProfile)

function ethosProfile(macsPerCycle: number): FittedProfile {
  const accelerator = `ethos-u55-${macsPerCycle}`
  const version = `Arm Vela 5.2 (ethos-u-vela, default system configuration "High End Embedded" at 500 MHz)`
  const source = `${version}: vendor estimates of 2,363 generated models of one operator for ${accelerator}, not measurements`
  const provenance: Provenance = { kind: 'vendor', source }
  const all = estimates(accelerator)
  const forms = formsFor(macsPerCycle)
  const fitted = (Object.keys(forms) as (keyof typeof forms)[]).map((kind) =>
    fitTable(
      kind,
      forms[kind]!,
      all.filter(({ facts }) => facts.kind === kind),
      provenance,
      `${kind} cycles`,
    ),
  )
  const tables = fitted.map(({ table }) => table)
  const like = (kind: KernelKind, as: KernelKind): ProfileTable =>
    ruleTable(
      kind,
      { outputs: coefficientOf(tables.find(({ kernel }) => kernel === as)!, 'outputs', 1) },
      `a pass over the elements, as Vela estimates ${as}`,
      0.3,
    )
  const others = [
    ...[like('relu6', 'relu'), like('hardSigmoid', 'sigmoid'), like('concat', 'relu')],
    ...ON_HOST.map((kind) =>
      ruleTable(
        kind,
        { outputs: 40, one: 10_000 },
        'on a Cortex-M host: about 40 cycles an element and 20 µs to hand over',
        0.5,
        {
          fallback: true,
        },
      ),
    ),
  ]
  const template: Profile = {
    format: 'frugal-profile/1',
    id: accelerator,
    title: `Arm Ethos-U55 with ${macsPerCycle} MACs a cycle at 500 MHz (vendor estimates)`,
    family: 'npu',
    core: `Ethos-U55-${macsPerCycle} + Cortex-M55`,
    clockHz: CLOCK_HZ,
    ramBytes: 2048 * KIB,
    flashBytes: 16 * KIB * KIB,
    runtime: 'TensorFlow Lite Micro + Ethos-U, compiled by Vela',
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    foldsPadding: true,
    latencyUnit: 'cycles',
    inferenceOverhead: 0,
    systematicError90: 0,
    tables: [...tables, ...others],
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
  const estimated = readCsv(path.join(import.meta.dirname, 'vela-networks.csv')).filter(
    (row) => row['accelerator'] === accelerator,
  )
  const networks: NetworkSuite = {
    ...{ kind: 'networks', name: 'whole networks, vendor estimates', quantity: 'latency', leftOut: true, folds: [] },
    method: 'never fitted: the tables come from single operators',
    source: `${version}: vendor estimates of whole networks, without bringing the image's bytes to int8`,
    cases: estimated.map((row) => [row['network']!, msWithoutQuantize(row), -1]),
  }
  const files: NetworkSuite = {
    ...networks,
    name: 'the same as files, whose weights are read',
    weightBits: Object.fromEntries(
      estimated.map((row) => [row['network']!, row['weight_bits']!.split(' ').map(Number)]),
    ),
  }
  const model = createCostModel(template)
  // Networks of a search and files are both to lie in the interval.
  const needs = [networks, files].map(({ cases, weightBits }) =>
    systematicErrorOf(
      cases.map(([network, measuredMs]) => ({ network, measuredMs, model, weightBits: weightBits?.[network] })),
    ),
  )
  const systematicError90 = Math.max(...needs)
  return {
    profile: { ...template, systematicError90 },
    suites: [networks, files, ...fitted.map(({ suite }) => suite)],
  }
}
