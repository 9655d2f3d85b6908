import { z } from 'zod'
import type { KernelKind } from '../network/schedule.ts'
import { ACTIVATION_KINDS } from '../network/types.ts'
import { FEATURE_NAMES, type FeatureName } from './features.ts'

const kernelKinds: Record<KernelKind, true> = {
  conv2d: true,
  depthwiseConv2d: true,
  dense: true,
  batchNorm: true,
  relu: true,
  relu6: true,
  hardSwish: true,
  hardSigmoid: true,
  sigmoid: true,
  softmax: true,
  add: true,
  multiply: true,
  concat: true,
  averagePool: true,
  maxPool: true,
  globalAveragePool: true,
  expertCombine: true,
  pad: true,
  transpose: true,
  slice: true,
  split: true,
  resize: true,
  transposeConv2d: true,
  matmul: true,
  elementwise: true,
  unary: true,
  leakyRelu: true,
  prelu: true,
  quantize: true,
  dequantize: true,
  reduce: true,
  rearrange: true,
  custom: true,
}
export const KERNEL_KINDS = Object.keys(kernelKinds) as [KernelKind, ...KernelKind[]]

const text = z.string().min(1).max(2000)
const nonNegative = z.number().nonnegative().max(1e15)
const positive = z.number().positive().max(1e15)
/** Relative half-width of the 90 % interval. */
const relativeError = z.number().min(0).max(10)

/** Where a figure comes from. `derived`: reasoned from other measurements or from data-sheet rates; `source` says how. */
const provenance = z.strictObject({ kind: z.enum(['measured', 'simulated', 'vendor', 'derived']), source: text })

const featureName = z.enum(FEATURE_NAMES)
const terms = z.array(z.strictObject({ feature: featureName, coefficient: nonNegative })).max(24)
const range = z.tuple([nonNegative, nonNegative]).refine(([low, high]) => low <= high, 'a range needs low ≤ high')
const ranges = z.partialRecord(featureName, range)

const costModel = z.strictObject({
  /** Feature ranges in which this model applies; the first model that applies prices the kernel. */
  when: ranges.optional(),
  /**
   * Cost = Σ terms + max(Σ floor, Σ compute, Σ memory), in the profile's latency unit: a kernel launch, say, hides the
   * work that it starts unless the work is longer.
   */
  terms,
  floor: terms.optional(),
  compute: terms.optional(),
  memory: terms.optional(),
  /** Feature ranges of the data behind the model; empty when there are none. */
  coverage: ranges,
  /** 90 % of left-out cases inside the coverage are within this relative error. */
  error90: relativeError,
  /** True when the accelerator cannot run the kernel and its host core does. */
  fallback: z.boolean().optional(),
  /** Power while this kernel runs, where it differs from the profile's active power. */
  powerMw: positive.optional(),
  provenance,
})

/**
 * One measured kernel: in height, in width, in channels, out channels, kernel height, kernel width, stride height,
 * stride width, padding (1 same, 0 valid), operands, cost in the profile's latency unit.
 */
export const ROW_LENGTH = 11

const MAX_ROWS = 5000

/** What is wrong with measured rows, or undefined. A plain loop: rows are most of a file and are read at every start. */
function rowsProblem(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'rows must be an array of numbers'
  if (value.length % ROW_LENGTH !== 0 || value.length > MAX_ROWS * ROW_LENGTH) {
    return `rows need ${ROW_LENGTH} numbers each and are at most ${MAX_ROWS}, not ${value.length} numbers in all`
  }
  for (let i = 0; i < value.length; i++) {
    const number: unknown = value[i]
    if (typeof number !== 'number' || !(number >= 0 && number <= 1e15)) {
      return `number ${i} of the rows must lie between 0 and 1e15`
    }
  }
  return undefined
}

const rows = z.custom<readonly number[]>().superRefine((value, context) => {
  const message = rowsProblem(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const table = z.strictObject({
  kernel: z.enum(KERNEL_KINDS),
  models: z.array(costModel).min(1).max(16),
  /** Measured rows, one after the other, `ROW_LENGTH` numbers each. */
  rows: rows.optional(),
})

const energy = z.strictObject({
  /** Power while an inference runs. With `utilisation` it is the power at full utilisation. */
  activePowerMw: positive,
  idlePowerMw: nonNegative,
  /** Energy to leave sleep, once an inference. */
  wakeUpEnergyMj: nonNegative,
  /** Power = idle + (active − idle) × share of a kernel's time that max(Σ compute, Σ memory) fills. */
  utilisation: z.boolean().optional(),
  provenance,
})

const memory = z.strictObject({
  /** Bytes of one activation element, one kernel-weight element and one bias element. */
  elementBytes: positive.max(8),
  weightBytes: positive.max(8),
  biasBytes: positive.max(8),
  /** True when weights are copied to RAM, false when they are read in place from flash. */
  weightsInRam: z.boolean(),
  /**
   * What the runtime itself takes of the device's memory (a GPU's context and libraries). No network can change it, so it
   * is not part of peak RAM: it is subtracted from what a network may use. Default 0.
   */
  runtimeRamBytes: nonNegative.optional(),
  /** Arena: greedy placement of tensors and scratch buffers, plus what the runtime keeps. */
  alignmentBytes: positive.max(4096),
  /** The planner places the later of two buffers of one size first (TFLM). Default false. */
  laterFirst: z.boolean().optional(),
  /**
   * A kernel writes over the operand that dies with it when its output has at most so many times the operand's bytes;
   * the arena is then what is alive at most, and its plan (which keeps them apart) an upper bound.
   */
  overlayGrowth: positive.max(100).optional(),
  /**
   * A tensor of more bytes lies in external RAM, whose peak adds to the internal one; nothing is written over an operand on
   * the other side. Only with `overlayGrowth`.
   */
  internalBytes: positive.optional(),
  /** Results written over an operand keep its place, so that a chain of them may need more than its largest. Only with `overlayGrowth`. */
  overlayAligned: z.boolean().optional(),
  /** A maximum pool right after a convolution, its only reader, takes its rows: the map between them is never whole. Only with `overlayGrowth` or `banks`. */
  fusedPools: z.boolean().optional(),
  /** What a kernel needs beside its tensors, also where it writes over none (`scratch` lies between the two). Only with `overlayGrowth`. */
  workspace: z
    .array(z.strictObject({ kernel: z.enum(KERNEL_KINDS), when: ranges.optional(), terms }))
    .max(32)
    .optional(),
  /**
   * Tensors are placed in so many equal banks, largest first, each in the first bank with room, what is larger than a bank
   * beside them; the image is converted into a second buffer. RAM is the sum of how far each is filled. Not together with
   * `overlayGrowth`.
   */
  banks: z.strictObject({ bytes: positive, count: z.number().int().min(2).max(64) }).optional(),
  /**
   * Results of depthwise convolutions with fewer channels than `below` are stored with multiples of `to`; where they are
   * `copied`, each kernel that reads one has a second buffer of that size beside it. Only with `banks`.
   */
  depthwiseBlocks: z
    .strictObject({ below: positive, to: z.number().int().min(2).max(1024), copied: z.boolean().optional() })
    .optional(),
  /** Of a network with several results, these have buffers of their own all the time: all of them, or the one computed last. */
  ownResults: z.enum(['all', 'last']).optional(),
  scratch: z.array(z.strictObject({ kernel: z.enum(KERNEL_KINDS), when: ranges.optional(), terms })).max(32),
  ram: z.strictObject({
    constantBytes: nonNegative,
    perKernelBytes: nonNegative,
    /** In place of `perKernelBytes` for these kinds. */
    perKindBytes: z.partialRecord(z.enum(KERNEL_KINDS), nonNegative).optional(),
    perTensorBytes: nonNegative,
    perChannelBytes: nonNegative,
  }),
  /** Flash = weights + biases + this. A channel is an output channel of a convolution. */
  flash: z.strictObject({
    runtimeBytes: nonNegative,
    constantBytes: nonNegative,
    perKernelBytes: nonNegative,
    perChannelBytes: nonNegative,
    /** Code that is only there where a network has such kernels, and what each stored one takes on top. */
    kinds: z
      .array(
        z.strictObject({
          kernels: z.array(z.enum(KERNEL_KINDS)).min(1),
          onceBytes: nonNegative,
          eachBytes: nonNegative,
        }),
      )
      .max(KERNEL_KINDS.length)
      .optional(),
  }),
  provenance,
})

/** Another clock and supply than the profile's own; cycles stay the same, active power is multiplied by `powerScale`. */
const operatingPoint = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'a name is lower-case letters, digits and hyphens'),
  clockHz: positive,
  volts: positive.max(1000),
  powerScale: positive.max(1000),
  provenance,
})

/**
 * Weights beyond what an accelerator keeps on its chip, which come over a bus once an inference: of all that a network
 * stores, so that it is no cost of a single kernel. In µs, for a bus does not follow the core's clock.
 */
const weightStream = z.strictObject({
  cacheBytes: nonNegative,
  usPerByte: nonNegative,
  /**
   * Convolutions with windows and more than `cachedBytes` of weights read them again for every so many pixels of results;
   * default: all weights come once.
   */
  rereads: z.strictObject({ cachedBytes: nonNegative, pixels: positive }).optional(),
  /** 90 % error of the time that they take, where it was not fitted with the rest. Default 0. */
  error90: relativeError.optional(),
  provenance,
})

const validation = z.strictObject({
  name: text,
  quantity: z.enum(['operatorLatency', 'latency', 'energy', 'peakRam', 'flash']),
  /** How the cases were kept apart from those that were fitted. */
  method: text,
  cases: z.number().int().nonnegative().max(1e6),
  /** Mean absolute relative error. */
  mape: nonNegative,
  within15: z.number().min(0).max(1),
  worst: nonNegative,
  /** Rank agreement (Kendall τ-b) where there are enough cases. */
  kendallTau: z.number().min(-1).max(1).optional(),
  /** Whole-model cases, spelt out. */
  models: z
    .array(z.strictObject({ model: text, measured: nonNegative, predicted: nonNegative, unit: text }))
    .max(100)
    .optional(),
})

/** A device under one runtime: everything that pricing needs, as data. */
export const profileSchema = z.strictObject({
  format: z.literal('frugal-profile/1'),
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'an id is lower-case letters, digits and hyphens'),
  title: text,
  family: z.enum(['cortex-m', 'npu', 'gpu', 'cpu']),
  core: text,
  clockHz: positive,
  /** What a network may use. */
  ramBytes: positive,
  flashBytes: positive,
  supplyVolts: positive.max(1000).optional(),
  runtime: text,
  dataType: z.enum(['int8', 'float16', 'float32']),
  fusedActivations: z.array(z.enum(ACTIVATION_KINDS)).max(ACTIVATION_KINDS.length),
  /** Zeros around a map vanish in the convolution that reads them. Default false: they are a kernel. */
  foldsPadding: z.boolean().optional(),
  /** Bringing an image of bytes to the network's zero point is in the price of what comes next. Default false: it is a kernel. */
  convertsInput: z.boolean().optional(),
  /** A sum that only a norm of its rows reads is one kernel with it. Default false: they are two. */
  mergesSums: z.boolean().optional(),
  /** Unit of every cost in the tables. */
  latencyUnit: z.enum(['cycles', 'us']),
  /** Spent once an inference, in the latency unit. */
  inferenceOverhead: nonNegative,
  weightStream: weightStream.optional(),
  /** 90 % error that all kernels share (build, memory, board), added to that of the tables. */
  systematicError90: relativeError,
  /** Kernels without a table are not supported. */
  tables: z.array(table).min(1).max(KERNEL_KINDS.length),
  energy,
  operatingPoints: z.array(operatingPoint).max(20).optional(),
  memory,
  validation: z.array(validation).max(50),
  notes: z.array(text).max(50),
})

export type Profile = z.infer<typeof profileSchema>
export type ProfileTable = Profile['tables'][number]
export type TableModel = ProfileTable['models'][number]
export type Terms = TableModel['terms']
export type FeatureRanges = Partial<Record<FeatureName, readonly [number, number]>>
export type ProfileValidation = Profile['validation'][number]
