import { quantisedSchedule } from '../../export/quantise/quantise.ts'
import {
  emptyFacts,
  FEATURES,
  type FeatureName,
  type KernelFacts,
  readFacts,
} from '../../hardware-profiles/features.ts'
import { type ModelForm, toTableDigits } from '../../hardware-profiles/fit-table.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import type { Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import { storedKinds, storedSize } from '../../hardware-profiles/stored-size.ts'
import type { KernelKind, Schedule } from '../../network/schedule.ts'
import type { MeasuredC } from './measure.ts'
import type { NamedNetwork } from './networks.ts'

/** A network with what its C took. */
export interface Case {
  readonly schedule: Schedule
  readonly measured: MeasuredC
}

export const caseOf = ({ graph }: NamedNetwork, measured: MeasuredC): Case => ({
  schedule: quantisedSchedule(graph),
  measured,
})

const windows = (...bounds: readonly (readonly [number, number])[]): readonly ModelForm[] =>
  bounds.map((bound) => ({
    when: { kernelArea: [bound[0], bound[1]] },
    features: ['insideMacs', 'outputs', 'pixels', 'one'],
  }))
const each: readonly ModelForm[] = [{ features: ['outputs', 'one'] }]

/** What the loops of a kernel depend on. */
export const FORMS: Readonly<Partial<Record<KernelKind, readonly ModelForm[]>>> = {
  conv2d: windows([1, 1], [2, 9], [10, 25], [26, 1e4]),
  depthwiseConv2d: windows([1, 9], [10, 25], [26, 1e4]),
  dense: [{ features: ['macs', 'outputs', 'one'] }],
  batchNorm: each,
  relu: each,
  relu6: each,
  hardSwish: each,
  hardSigmoid: each,
  sigmoid: each,
  softmax: each,
  add: [{ features: ['inputs', 'outputs', 'one'] }],
  multiply: each,
  concat: each,
  averagePool: [{ features: ['insideTapElements', 'outputs', 'one'] }],
  maxPool: [{ features: ['insideTapElements', 'outputs', 'one'] }],
  globalAveragePool: [{ features: ['inputs', 'outChannels', 'one'] }],
  expertCombine: each,
}

const COVERED: readonly FeatureName[] = ['reduction', 'outChannels', 'pixels', 'kernelArea']

interface Counted {
  readonly facts: KernelFacts
  readonly instructions: number
}

function counted(cases: readonly Case[], kind: KernelKind): readonly Counted[] {
  return cases.flatMap(({ schedule, measured }) =>
    schedule.kernels
      .filter((kernel) => kernel.kind === kind)
      .map((kernel) => {
        const facts = emptyFacts()
        readFacts(kernel, facts)
        return { facts, instructions: measured.instructions[kernel.id]! }
      }),
  )
}

/** Cycles of each kind: fitted instructions times a stated number of cycles per instruction. */
export function fitTables(
  cases: readonly Case[],
  cyclesPerInstruction: number,
  provenance: TableModel['provenance'],
): ProfileTable[] {
  return (Object.entries(FORMS) as [KernelKind, readonly ModelForm[]][]).map(([kernel, forms]) => {
    const own = counted(cases, kernel)
    const models = forms.flatMap(({ when, features }): TableModel[] => {
      const [low, high] = when?.kernelArea ?? [0, Number.POSITIVE_INFINITY]
      const fitting = own.filter(({ facts }) => {
        const area = FEATURES.kernelArea(facts)
        return area >= low && area <= high
      })
      if (fitting.length === 0) throw new Error(`no ${kernel} of ${low} to ${high} window positions was measured`)
      const coefficients = fitNonNegative(
        fitting.map(({ facts }) => features.map((name) => FEATURES[name](facts))),
        fitting.map(({ instructions }) => instructions),
      )
      const errors = fitting.map(({ facts, instructions }) => {
        const predicted = features.reduce((sum, name, i) => sum + coefficients[i]! * FEATURES[name](facts), 0)
        return Math.abs(predicted / instructions - 1)
      })
      return [
        {
          ...(when === undefined ? {} : { when }),
          terms: features.map((feature, i) => ({
            feature,
            coefficient: toTableDigits(coefficients[i]! * cyclesPerInstruction),
          })),
          coverage: Object.fromEntries(
            COVERED.map((name) => {
              const values = fitting.map(({ facts }) => FEATURES[name](facts))
              return [name, [Math.min(...values), Math.max(...values)]]
            }),
          ),
          error90: toTableDigits(errors.toSorted((a, b) => a - b)[Math.floor(0.9 * (errors.length - 1))]!),
          provenance,
        },
      ]
    })
    return { kernel, models }
  })
}

/** Kinds that share their code, and what each stored kernel has for itself: its struct, and tables. */
const CODE: readonly { readonly kernels: KernelKind[]; readonly structBytes: number }[] = [
  { kernels: ['conv2d'], structBytes: 68 },
  { kernels: ['depthwiseConv2d', 'batchNorm'], structBytes: 64 },
  { kernels: ['dense'], structBytes: 28 },
  { kernels: ['add'], structBytes: 28 + 2 * 8 + 4 },
  { kernels: ['multiply'], structBytes: 20 },
  { kernels: ['globalAveragePool'], structBytes: 20 },
  { kernels: ['averagePool'], structBytes: 48 },
  { kernels: ['maxPool'], structBytes: 48 },
  { kernels: ['concat'], structBytes: 2 * 20 },
  { kernels: ['relu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid'], structBytes: 8 + 256 },
  { kernels: ['softmax'], structBytes: 20 },
  { kernels: ['expertCombine'], structBytes: 16 },
]
/** A convolution stores a factor and a shift for each channel. */
const CHANNEL_BYTES = 5

/**
 * Flash beside weights, biases and factors. Structs and tables are known; fitted are the start-up code, the code of each
 * kind, and the calls.
 */
export function fitFlash(cases: readonly Case[]): Profile['memory']['flash'] {
  const sizes = cases.map(({ schedule, measured }) => {
    const { weightElements, biasElements, channels, kernels } = storedSize(schedule)
    const counts = storedKinds(schedule)
    const stored = CODE.map(({ kernels: kinds }) => kinds.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0))
    const structs = CODE.reduce((sum, { structBytes }, i) => sum + structBytes * stored[i]!, 0)
    return {
      row: [1, kernels, ...stored.map((count) => (count > 0 ? 1 : 0))],
      rest: measured.flashBytes - weightElements - 4 * biasElements - CHANNEL_BYTES * channels - structs,
      total: measured.flashBytes,
    }
  })
  const [runtime, call, ...code] = fitNonNegative(
    sizes.map(({ row }) => row),
    sizes.map(({ rest }) => rest),
    // The error counts in relation to the whole flash.
    sizes.map(({ rest, total }) => (rest / total) ** 2),
  )
  return {
    runtimeBytes: Math.round(runtime!),
    constantBytes: 0,
    perKernelBytes: toTableDigits(call!),
    perChannelBytes: CHANNEL_BYTES,
    kinds: CODE.map(({ kernels, structBytes }, i) => ({
      kernels,
      onceBytes: Math.round(code[i]!),
      eachBytes: structBytes,
    })),
  }
}
