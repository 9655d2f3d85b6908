import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import { type KernelKind, scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'

/** A measured network. */
export interface Case {
  readonly name: string
  readonly graph: NetworkGraph
  readonly us: number
  /** The fold that leaves it out. */
  readonly fold: number
}

/**
 * How many operations eager mode issues for one kernel: a convolution or dense layer counts as one unit of its own
 * (it brings its batch norm), everything else in element-wise operations: hard-swish is x · relu6(x + 3) / 6, say.
 */
const CONV_UNITS: Partial<Record<KernelKind, number>> = {
  ...{ conv2d: 1, depthwiseConv2d: 1, transposeConv2d: 1 },
  ...{ dense: 0.5, matmul: 0.5 },
}
const ELEMENTWISE_OPERATIONS: Partial<Record<KernelKind, number>> = {
  ...{ relu: 1, relu6: 1, sigmoid: 1, softmax: 1, hardSigmoid: 3, hardSwish: 4 },
  ...{ add: 1, multiply: 1, concat: 1, batchNorm: 2, expertCombine: 2 },
  ...{ averagePool: 1, maxPool: 1, globalAveragePool: 2 },
}
const NOTHING_FUSED = { fusedActivations: new Set<never>() }

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

/** Cost of launching a convolution with its batch norm, and of one element-wise operation. */
export const fitLaunch = (cases: readonly Case[]): number[] =>
  fitNonNegative(
    cases.map(({ graph }) => launchCounts(graph)),
    cases.map(({ us }) => us),
  )

/** Cost of a convolution's and a depthwise convolution's MAC, and of an element read or written. */
export const fitWork = (cases: readonly Case[]): number[] =>
  fitNonNegative(
    cases.map(({ graph }) => workOf(graph)),
    cases.map(({ us }) => us),
  )

/** The same, and what starting a kernel takes of each sample's time. */
export const fitWorkWithStarts = (cases: readonly Case[]): number[] =>
  fitNonNegative(
    cases.map(({ graph }) => [...workOf(graph), scheduleOf(graph, NOTHING_FUSED).kernels.length]),
    cases.map(({ us }) => us),
  )

export const KINDS: readonly KernelKind[] = ['conv2d', 'depthwiseConv2d', 'relu', 'add']

/**
 * Cost of launching each kind of kernel, of an inference, and what grouping (with its shuffle) adds to a convolution.
 * Every block has two convolutions for each depthwise one, so the counts hardly tell them apart: each is drawn a little
 * towards the common rates of `fitLaunch`.
 */
export function fitLaunchByKind(cases: readonly Case[]): number[] {
  const common = fitLaunch(cases)
  const counts = cases.map(({ graph }) => {
    const { kernels } = scheduleOf(graph, NOTHING_FUSED)
    const row = KINDS.map(() => 0)
    let grouped = 0
    for (const { kind, op } of kernels) {
      // As `launchByKind` prices them: a dense layer as a convolution, all else in element-wise operations.
      const at = KINDS.indexOf(kind === 'dense' ? 'conv2d' : KINDS.includes(kind) ? kind : 'relu')
      row[at]! += KINDS.includes(kind) || kind === 'dense' ? 1 : (ELEMENTWISE_OPERATIONS[kind] ?? 1)
      if (op.kind === 'conv2d' && (op.groups ?? 1) > 1) grouped++
    }
    return [...row, 1, grouped]
  })
  const prior = KINDS.map((kind) => launchOfCommon(kind, common))
  const pull = prior.map((us, at) => ({ row: [...KINDS, 'once', 'grouped'].map((_, i) => (i === at ? 1 : 0)), us }))
  return fitNonNegative(
    [...counts, ...pull.map(({ row }) => row)],
    [...cases.map(({ us }) => us), ...pull.map(({ us }) => us)],
    [...cases.map(() => 1), ...pull.map(() => 1e-4)],
  )
}

/** Launch costs by the common rates; what none of the networks has (kinds of model files) starts one operation. */
export const launchOfCommon = (kind: KernelKind, launch: readonly number[]): number =>
  kind in CONV_UNITS ? launch[0]! * CONV_UNITS[kind]! : launch[1]! * (ELEMENTWISE_OPERATIONS[kind] ?? 1)

/** Launch costs by kind: convolutions and additions as fitted, other products as a convolution, all else as a ReLU. */
export function launchByKind(kind: KernelKind, launch: readonly number[]): number {
  const at = KINDS.indexOf(kind)
  if (at >= 0) return launch[at]!
  return kind in CONV_UNITS ? launch[0]! : launch[KINDS.indexOf('relu')]! * (ELEMENTWISE_OPERATIONS[kind] ?? 1)
}

/** Networks timed right before and after one that tell how fast the host was at that time, on each side. */
const NEIGHBOURS = 5

/**
 * Times as they would be without the slow drift of the host, for cases in the order they were measured in: each is
 * divided by the median of measured ÷ predicted of its neighbours in time (its own time does not count), where the
 * prediction counts launches.
 */
export function withoutDrift(inOrder: readonly Case[]): readonly Case[] {
  const launch = fitLaunch(inOrder)
  const ratios = inOrder.map(({ graph, us }) => {
    const counts = launchCounts(graph)
    return us / counts.reduce((sum, count, i) => sum + count * launch[i]!, 0)
  })
  return inOrder.map((one, i) => {
    const near = [...ratios.slice(Math.max(i - NEIGHBOURS, 0), i), ...ratios.slice(i + 1, i + 1 + NEIGHBOURS)]
    near.sort((a, b) => a - b)
    return { ...one, us: one.us / near[Math.floor(near.length / 2)]! }
  })
}
