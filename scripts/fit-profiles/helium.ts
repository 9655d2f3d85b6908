import path from 'node:path'
import { FEATURES, type FeatureName, type KernelFacts } from '../../hardware-profiles/features.ts'
import { toTableDigits } from '../../hardware-profiles/fit-table.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import type { Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import { factsOfRow } from '../../hardware-profiles/table.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { coefficientOf, ruleTable } from './operators.ts'

const KIB = 1024
type When = NonNullable<TableModel['when']>

/** A vector of 128 bits passes a unit in two cycles, 64 bits (8 int8 MACs) each. */
const CYCLES_PER_VECTOR = 2
/** Half-width of what neither the counts nor the core's structure say: how much runs side by side, and waits for memory. */
const KERNEL_ERROR = 0.45
const SYSTEMATIC_ERROR = 0.4
/** What runs the same scalar code as on the STM32F746 and is only assumed to take the same cycles. */
const SCALAR_ERROR = 0.6
const COUNTED =
  'instructions of CMSIS-NN’s Helium kernels, counted on an emulated Cortex-M55, times assumed cycles (see the notes); starting a kernel as on stm32f746-tflm-cmsisnn; not measured'
const CYCLES_NOTE =
  'Cycles are the geometric mean of all side by side (vector loads beside vector arithmetic, two cycles a vector, two scalar instructions a cycle) and of nothing side by side (two cycles a vector, one a scalar instruction); the two lie a factor of two apart at most.'

interface CountedKernel {
  readonly facts: KernelFacts
  readonly cycles: number
}

/** Cycles between the core's best, where loads hide behind arithmetic or the reverse, and its worst, where nothing does. */
export function heliumCycles(memory: number, arithmetic: number, scalar: number): number {
  const fastest = CYCLES_PER_VECTOR * Math.max(memory, arithmetic) + scalar / 2
  const slowest = CYCLES_PER_VECTOR * (memory + arithmetic) + scalar
  return Math.sqrt(fastest * slowest)
}

function countedKernels(): readonly CountedKernel[] {
  return readCsv(path.join(import.meta.dirname, 'helium-kernels.csv')).map((row) => {
    const of = (name: string): number => Number(row[name])
    const kind = row['kind'] as KernelKind
    const operands = kind === 'add' || kind === 'multiply' ? 2 : 1
    const window = [of('kernel_height'), of('kernel_width'), of('stride'), of('stride')]
    const shape = [of('height'), of('width'), of('channels'), of('filters'), ...window, 1, operands]
    return {
      facts: factsOfRow(kind, shape),
      // The end of a low-overhead loop takes no time after the first pass.
      cycles: heliumCycles(of('vector_memory'), of('vector_arithmetic'), of('scalar')),
    }
  })
}

const POINTWISE: When = { kernelArea: [1, 1], strideArea: [1, 1] }
const FORMS: readonly (readonly [KernelKind, readonly FeatureName[], When?])[] = [
  ['conv2d', ['reductionVectors16', 'outputs', 'pixels', 'one'], POINTWISE],
  ['conv2d', ['reductionVectors16', 'outputs', 'insideTaps', 'paddedTaps', 'one']],
  ['depthwiseConv2d', ['macs', 'outputs', 'insideTaps', 'paddedTaps', 'one']],
  ['dense', ['reductionVectors16', 'outputs', 'one']],
  ['add', ['outputs', 'one']],
  ['multiply', ['outputs', 'one']],
  ['averagePool', ['insideTapElements', 'insideTaps', 'outputs', 'pixels', 'one']],
  ['maxPool', ['insideTapElements', 'insideTaps', 'outputs', 'pixels', 'one']],
  ['softmax', ['outputs', 'one']],
]

const inside = (facts: KernelFacts, ranges: When): boolean =>
  Object.entries(ranges).every(([name, [low, high]]) => {
    const value = FEATURES[name as FeatureName](facts)
    return value >= low && value <= high
  })

/** Tables of the counted kernels, each kernel priced by the features that its loops run over. */
function countedTables(launchCycles: number): ProfileTable[] {
  const kernels = countedKernels()
  const tables = new Map<KernelKind, TableModel[]>()
  for (const [kind, features, when] of FORMS) {
    const own = kernels.filter(
      ({ facts }) => facts.kind === kind && (kind !== 'conv2d' || inside(facts, POINTWISE) === (when === POINTWISE)),
    )
    const design = own.map(({ facts }) => features.map((name) => FEATURES[name](facts)))
    const coefficients = fitNonNegative(
      design,
      own.map(({ cycles }) => cycles),
    )
    const off = own.map(({ cycles }, i) =>
      Math.abs(design[i]!.reduce((sum, value, j) => sum + value * coefficients[j]!, 0) / cycles - 1),
    )
    const mean = off.reduce((sum, value) => sum + value, 0) / off.length
    const model: TableModel = {
      ...(when === undefined ? {} : { when }),
      terms: features.map((feature, i) => ({
        feature,
        coefficient: toTableDigits(coefficients[i]! + (feature === 'one' ? launchCycles : 0)),
      })),
      coverage: {},
      error90: KERNEL_ERROR,
      provenance: {
        kind: 'derived',
        source: `${COUNTED}; the sum agrees with the ${own.length} kernels counted within ${(100 * mean).toFixed(1)} % on average, ${(100 * Math.max(...off)).toFixed(0)} % at most`,
      },
    }
    tables.set(kind, [...(tables.get(kind) ?? []), model])
  }
  return [...tables].map(([kernel, models]) => ({ kernel, models }))
}

/** Kernels for which CMSIS-NN has nothing: the runtime's plain C, in the cycles of the Cortex-M7. */
const SCALAR: readonly KernelKind[] = [
  ...(['globalAveragePool', 'relu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid', 'concat'] as const),
]

function scalarTables(m7: Profile): ProfileTable[] {
  return m7.tables
    .filter(({ kernel }) => SCALAR.includes(kernel))
    .map(({ kernel, models }) => ({
      kernel,
      models: models.map(({ terms, when }) => ({
        ...(when === undefined ? {} : { when }),
        terms: terms.map(({ feature, coefficient }) => ({ feature, coefficient: toTableDigits(coefficient) })),
        coverage: {},
        error90: SCALAR_ERROR,
        provenance: {
          kind: 'derived' as const,
          source: `${m7.id}: the same scalar code, assumed to take as many cycles; not measured`,
        },
      })),
    }))
}

/** Not folded or weighted: one multiplication and one addition an element. */
function multiplyAndAdd(kernel: KernelKind, tables: readonly ProfileTable[]): ProfileTable {
  const parts = ['multiply', 'add'].map((kind) => tables.find((table) => table.kernel === kind)!)
  const sum = (feature: FeatureName): number => parts.reduce((total, part) => total + coefficientOf(part, feature), 0)
  const source = `one multiplication and one addition an element, each as here: ${COUNTED}`
  return ruleTable(kernel, { outputs: sum('outputs'), one: sum('one') }, source, SCALAR_ERROR)
}

/** CMSIS-NN's buffers for Helium: four windows at a time, channels of a depthwise one in blocks of 124. */
function heliumMemory({ memory }: Profile): Profile['memory'] {
  return {
    ...memory,
    scratch: [
      { kernel: 'conv2d', when: POINTWISE, terms: [] },
      { kernel: 'conv2d', terms: [{ feature: 'filledReduction16', coefficient: 4 }] },
      { kernel: 'depthwiseConv2d', terms: [{ feature: 'kernelArea', coefficient: 4 * 124 }] },
      { kernel: 'dense', terms: [{ feature: 'outChannels', coefficient: 4 }] },
    ],
    provenance: {
      kind: 'derived',
      source:
        'arena as measured for TFLM on other Cortex-M cores, with the scratch buffers that CMSIS-NN’s Helium kernels ask for (a convolution: four windows filled up to 16 bytes; a depthwise one: 4 × 124 B for each place of the window; a dense layer: its sums of weights); size of the code as for other cores',
    },
  }
}

/** The RA8D1 (Cortex-M85 with Helium), of which nothing was measured: counted instructions and assumed cycles. */
export function heliumProfile(m7: Profile): FittedProfile {
  const launch = coefficientOf(m7.tables.find(({ kernel }) => kernel === 'add')!, 'one')
  const counted = countedTables(launch)
  const profile: Profile = {
    ...m7,
    id: 'ra8d1-helium',
    title: 'Renesas RA8D1 with Helium, TensorFlow Lite Micro with CMSIS-NN (derived, not measured)',
    core: 'Cortex-M85 with Helium (MVE)',
    clockHz: 480e6,
    ramBytes: 1024 * KIB,
    flashBytes: 2048 * KIB,
    supplyVolts: 3.3,
    systematicError90: SYSTEMATIC_ERROR,
    tables: [
      ...counted,
      ...scalarTables(m7),
      multiplyAndAdd('batchNorm', counted),
      multiplyAndAdd('expertCombine', counted),
    ],
    energy: {
      activePowerMw: 350,
      idlePowerMw: 2,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'derived',
        source:
          'RECALLED, not looked up and not measured: some 220 µA a MHz at 480 MHz and 3.3 V when the core works; may be off by half. Idle power is an estimate of standby with RAM kept',
      },
    },
    memory: heliumMemory(m7),
    validation: [],
    notes: [
      CYCLES_NOTE,
      'Derived: instructions are counted, cycles for them are assumed, and nothing was measured on this chip. Use it for order of magnitude and for ranking.',
      'Weights are read from flash through the cache; what waiting for it takes is not priced apart and is part of the wide interval.',
    ],
  }
  return { profile, suites: [] }
}
