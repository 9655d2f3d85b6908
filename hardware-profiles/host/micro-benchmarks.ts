import { GraphBuilder } from '../../network/build.ts'
import type { KernelKind } from '../../network/schedule.ts'
import type { ActivationKind, NetworkGraph, Pair } from '../../network/types.ts'
import {
  ALIGNED,
  DENSE,
  DILATED,
  FEW_MAPS,
  FUNCTION_MAPS,
  GROUPED,
  HEADS,
  MAPS_AND_CHANNELS,
  NORMALISED,
  ODD_CHANNELS,
  ODD_DEPTHWISE,
  POINTWISE,
  POOLED_SEQUENCES,
  RECURRENT,
  SEQUENCES,
  SOFTMAX_ROWS,
  STRIDED,
  STRIDED_POINTWISE,
  SUMMED,
  TRANSPOSED,
  UNALIGNED,
  WIDE_WINDOWS,
  WINDOWED,
} from './shapes.ts'

/**
 * A block of kernels that is repeated: the time of a long chain less that of a short one is the time of the repetitions,
 * whatever starting an inference costs.
 */
export interface MicroBenchmark {
  readonly name: string
  /** The kind that it is there for. */
  readonly subject: KernelKind
  /** A network with the block `repeats` times. */
  readonly build: (repeats: number) => NetworkGraph
  /** Repetitions of the short and of the long chain. */
  readonly repeats: Pair
  /** Kernels after the last repetition. */
  readonly closing: number
}

/** Of kernels of some microseconds the difference of many counts; one of a millisecond is well above every disturbance. */
const REPEATS: Pair = [2, 10]
const LARGE_REPEATS: Pair = [2, 4]
/** Of kernels that mostly read weights: as many as a network has, which the nearest cache does not hold. */
const COLD_REPEATS: Pair = [8, 64]
/** So many weights of a dense layer lie in the nearest cache from one inference of a small network to the next. */
export const FEW_WEIGHTS = 90_000
/** MACs of a kernel that takes about a millisecond. */
const LARGE_MACS = 3e7

/** @param first what the first block reads */
type Block = (b: GraphBuilder, x: string, first: string) => string
type Shape3 = readonly [number, number, number]

/** Channels from which on runtimes lay maps out in blocks of channels. */
const BLOCK = 16

/** The input as a network's kernels find theirs: a convolution laid it out as it gives its results. */
function laidOut(b: GraphBuilder, shape: readonly number[]): string {
  const input = b.input(shape)
  return shape.length < 3 || shape[2]! < BLOCK ? input : b.depthwiseConv2d(input, { kernel: 1 })
}

/** The block reads what the one before it gave. */
const chain = (subject: KernelKind, what: string, shape: readonly number[], block: Block): MicroBenchmark => ({
  name: `${subject} ${what}`,
  subject,
  repeats: REPEATS,
  closing: 0,
  build(repeats) {
    const b = new GraphBuilder()
    const first = laidOut(b, shape)
    let x = first
    for (let i = 0; i < repeats; i++) x = block(b, x, first)
    return b.build(x)
  },
})

/**
 * The block reads the same input each time, and the channels' means are laid side by side in the end: any number of channels
 * and any stride can be timed, with nothing that runtimes could merge into the block.
 */
const side = (subject: KernelKind, what: string, shape: Shape3, macs: number, block: Block): MicroBenchmark => ({
  name: `${subject} ${what}`,
  subject,
  repeats: macs > LARGE_MACS ? LARGE_REPEATS : shape[0] * shape[1] === 1 ? COLD_REPEATS : REPEATS,
  closing: 1,
  build(repeats) {
    const b = new GraphBuilder()
    const x = laidOut(b, shape)
    const means = Array.from({ length: repeats }, () => b.globalAveragePool(block(b, x, x), true))
    return b.build(b.node({ kind: 'concat' }, ...means))
  },
})

const sizeText = (map: number, channels: number): string => `${map}x${map}x${channels}`

interface Window {
  readonly kernel: number
  readonly stride?: number
  readonly groups?: number
  readonly dilation?: number
}

function convolution(map: number, channels: number, filters: number, window: Window): MicroBenchmark {
  const { kernel, stride = 1, groups = 1, dilation = 1 } = window
  const unusual = `${groups > 1 ? `, ${groups} groups` : ''}${dilation > 1 ? `, dilation ${dilation}` : ''}`
  const what = `${kernel}x${kernel}/${stride} ${sizeText(map, channels)}-${filters}${unusual}`
  const macs = (kernel ** 2 * Math.ceil(map / stride) ** 2 * channels * filters) / groups
  const block: Block = (b, x) =>
    b.activation(
      b.node(
        {
          ...{
            kind: 'conv2d',
            filters,
            kernel: [kernel, kernel],
            stride: [stride, stride],
            padding: 'same',
            bias: true,
          },
          ...(groups > 1 ? { groups } : {}),
          ...(dilation > 1 ? { dilation: [dilation, dilation] } : {}),
        },
        x,
      ),
      'relu',
    )
  const shape = [map, map, channels] as const
  if (groups === 1 || (channels / groups) % BLOCK === 0) return side('conv2d', what, shape, macs, block)
  // Groups that fill no blocks leave the layout of the convolution before them, and what follows comes back to it.
  const afterAnother: Block = (b, x, first) => block(b, filtered('relu')(b, x), first)
  return stride === 1 && channels === filters
    ? chain('conv2d', what, shape, afterAnother)
    : side('conv2d', what, shape, macs, afterAnother)
}

/** A convolution of a sequence; as many groups as channels are a depthwise one. */
function onSequence(
  length: number,
  channels: number,
  filters: number,
  kernel: number,
  groups: number,
  stride = 1,
): MicroBenchmark {
  const what = `1x${kernel}/${stride} 1x${length}x${channels}-${filters}`
  const shape = [1, length, channels] as const
  return groups === 1
    ? side('conv2d', what, shape, 0, (b, x) =>
        b.activation(b.conv2d(x, filters, { kernel: [1, kernel], stride: [1, stride], bias: true }), 'relu'),
      )
    : side('depthwiseConv2d', what, shape, 0, (b, x) =>
        b.activation(b.depthwiseConv2d(x, { kernel: [1, kernel], bias: true }), 'relu'),
      )
}

const transposed = (map: number, channels: number, filters: number, kernel: number, stride: number): MicroBenchmark =>
  side(
    'transposeConv2d',
    `${kernel}x${kernel}/${stride} ${sizeText(map, channels)}-${filters}`,
    [map, map, channels],
    0,
    (b, x) =>
      b.node(
        {
          ...{ kind: 'transposeConv2d', filters, kernel: [kernel, kernel], stride: [stride, stride], bias: true },
          outputSize: [map * stride, map * stride],
        },
        x,
      ),
  )

/** Functions that runtimes take one by one, slowly, or merge into a convolution: no other function is like them. */
export const TIMED_FUNCTIONS = ['tanh', 'elu', 'softplus'] as const

/** Gates of a recurrent layer. */
const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const

/** Recurrent layers side by side on one sequence. */
const recurrent = (name: keyof typeof GATES, count: number, features: number, units: number): MicroBenchmark => ({
  name: `custom ${name} ${count}x${features}-${units}`,
  subject: 'custom',
  repeats: REPEATS,
  closing: 1,
  build(repeats) {
    const b = new GraphBuilder()
    const x = b.input([count, features])
    const width = GATES[name] * units
    const steps = { count, products: 1, width, passes: 1, elements: width }
    const macs = count * width * (features + units)
    const op = { kind: 'custom', name, shape: [count * units], macs, steps } as const
    return b.build(b.node({ kind: 'concat' }, ...Array.from({ length: repeats }, () => b.node(op, x))))
  },
})

/** Norm of the rows of a sequence. */
const rowNorm = (b: GraphBuilder, x: string): string =>
  b.node({ kind: 'custom', name: 'LayerNormalization', shape: b.shape(x) }, x)

const strided = (map: number, channels: number, kernel: number, stride = 2): MicroBenchmark =>
  side('depthwiseConv2d', `${kernel}x${kernel}/${stride} ${sizeText(map, channels)}`, [map, map, channels], 0, (b, x) =>
    b.activation(b.depthwiseConv2d(x, { kernel, stride, bias: true }), 'relu'),
  )

const depthwise = (map: number, channels: number, kernel: number): MicroBenchmark =>
  chain(
    'depthwiseConv2d',
    `${kernel}x${kernel} ${sizeText(map, channels)}`,
    [map, map, channels],
    filtered('relu', kernel),
  )

/** A depthwise convolution and what follows it: kinds that runtimes treat otherwise alone than after a convolution. */
const filtered =
  (kind?: ActivationKind, kernel = 3) =>
  (b: GraphBuilder, x: string): string => {
    const y = b.depthwiseConv2d(x, { kernel, bias: true })
    return kind === undefined ? y : b.activation(y, kind)
  }

const pointwise = (b: GraphBuilder, x: string, filters: number): string =>
  b.conv2d(x, filters, { kernel: 1, bias: true })

/** A kind of kernel on several maps, each on its own or after convolutions, as the block has it. */
const onMaps = (
  subject: KernelKind,
  maps: readonly (readonly [number, number])[],
  block: (b: GraphBuilder, x: string, channels: number) => string,
  how = '',
): readonly MicroBenchmark[] =>
  maps.map(([map, channels]) =>
    chain(subject, how + sizeText(map, channels), [map, map, channels], (b, x) => block(b, x, channels)),
  )

const pool = (kind: 'averagePool' | 'maxPool', map: number, channels: number, kernel: number): MicroBenchmark =>
  chain(kind, `${kernel}x${kernel} ${sizeText(map, channels)}`, [map, map, channels], (b, x) =>
    b.node({ kind, kernel: [kernel, kernel], stride: [1, 1], padding: 'same' }, x),
  )

/** Layers that the nearest cache can keep are repeated only so often that it does. */
const denseRepeats = (weights: number): Pair =>
  weights > FEW_WEIGHTS ? REPEATS : [1, Math.max(2, Math.min(10, Math.floor((2 * FEW_WEIGHTS) / weights)))]

/** Every kind of kernel over the sizes of small and of usual networks. */
export function microBenchmarks(): readonly MicroBenchmark[] {
  const half = MAPS_AND_CHANNELS.filter((_, i) => i % 2 === 0)
  return [
    ...POINTWISE.map(([map, channels, filters]) => convolution(map, channels, filters, { kernel: 1 })),
    ...STRIDED_POINTWISE.map(([map, channels, filters]) =>
      convolution(map, channels, filters, { kernel: 1, stride: 2 }),
    ),
    ...WINDOWED.map(([map, channels, filters, kernel, stride]) =>
      convolution(map, channels, filters, { kernel, stride }),
    ),
    ...GROUPED.map(([map, channels, filters, groups, stride]) =>
      convolution(map, channels, filters, { kernel: 3, groups, stride }),
    ),
    ...DILATED.map(([map, channels, filters, dilation]) =>
      convolution(map, channels, filters, { kernel: 3, dilation }),
    ),
    ...[...HEADS, ...ODD_CHANNELS].map(([map, channels, filters, kernel]) =>
      convolution(map, channels, filters, { kernel }),
    ),
    ...SEQUENCES.map((sizes) => onSequence(...sizes)),
    ...(['averagePool', 'maxPool'] as const).flatMap((kind) =>
      POOLED_SEQUENCES.map(([length, channels, kernel]) =>
        chain(kind, `1x${kernel} 1x${length}x${channels}`, [1, length, channels], (b, x) =>
          b.node({ kind, kernel: [1, kernel], stride: [1, 1], padding: 'same' }, x),
        ),
      ),
    ),
    ...NORMALISED.flatMap(([rows, elements]) => [
      chain('custom', `norm ${rows}x${elements}`, [rows, elements], rowNorm),
      chain('custom', `norm of a sum ${rows}x${elements}`, [rows, elements], (b, x, first) =>
        rowNorm(b, b.add(x, first)),
      ),
    ]),
    ...TRANSPOSED.map((sizes) => transposed(...sizes)),
    ...(['LSTM', 'GRU', 'RNN'] as const).flatMap((name) => RECURRENT.map((sizes) => recurrent(name, ...sizes))),
    ...MAPS_AND_CHANNELS.map(([map, channels]) => depthwise(map, channels, 3)),
    ...half.map(([map, channels]) => depthwise(map, channels, 5)),
    ...WIDE_WINDOWS.map(([map, channels]) => depthwise(map, channels, 7)),
    ...STRIDED.map(([map, channels]) => strided(map, channels, 3)),
    ...ODD_DEPTHWISE.map(([map, channels, stride]) => strided(map, channels, 3, stride)),
    ...ALIGNED.map(([map, channels]) =>
      side('globalAveragePool', sizeText(map, channels), [map, map, channels], 0, filtered('relu')),
    ),
    ...DENSE.map(([features, units]) => ({
      ...chain('dense', `${features}-${units}`, [features], (b, x) => b.dense(b.dense(x, units), features)),
      repeats: denseRepeats(features * units),
    })),
    ...onMaps('relu6', FEW_MAPS, filtered('relu6')),
    ...(['relu', 'hardSwish', 'hardSigmoid', 'sigmoid'] as const).flatMap((kind) =>
      onMaps(kind, FEW_MAPS, (b, x) => b.activation(x, kind)),
    ),
    ...[10, 100, 1000, 8192].map((features) =>
      chain('softmax', `${features}`, [features], (b, x) => b.activation(x, 'softmax')),
    ),
    ...SOFTMAX_ROWS.map(([rows, elements]) =>
      chain('softmax', `${rows}x${elements}`, [rows, elements], (b, x) => b.activation(x, 'softmax')),
    ),
    // What is added is what came before two convolutions, as in residual blocks: runtimes add it where it lies.
    ...onMaps('add', SUMMED, (b, x, channels) => b.add(pointwise(b, filtered('relu')(b, x), channels), x)),
    ...ALIGNED.map(([map, channels]) =>
      side('concat', sizeText(map, channels), [map, map, channels], 0, (b, x) =>
        b.node({ kind: 'concat' }, x, filtered('relu')(b, x)),
      ),
    ),
    // Channels that fill no blocks leave the layout of blocks, and what reads them brings them back to it.
    ...onMaps('concat', UNALIGNED, (b, x, channels) =>
      pointwise(b, b.node({ kind: 'concat' }, x, filtered('relu')(b, x)), channels),
    ),
    ...TIMED_FUNCTIONS.flatMap((name) =>
      onMaps('unary', FUNCTION_MAPS, (b, x) => b.node({ kind: 'unary', function: name }, filtered()(b, x)), `${name} `),
    ),
    ...onMaps(
      'multiply',
      ALIGNED,
      (b, x) => {
        const y = filtered('relu')(b, x)
        return b.multiply(y, b.globalAveragePool(y, true))
      },
      'by its means ',
    ),
    ...onMaps(
      'multiply',
      ALIGNED,
      (b, x) => {
        const y = filtered()(b, x)
        return b.multiply(y, b.activation(y, 'sigmoid'))
      },
      'by its sigmoid ',
    ),
    ...(['averagePool', 'maxPool'] as const).flatMap((kind) =>
      [...FEW_MAPS, ...UNALIGNED].map(([map, channels]) => pool(kind, map, channels, 3)),
    ),
    ...onMaps('batchNorm', FEW_MAPS, (b, x) => b.batchNorm(b.activation(x, 'relu'))),
  ]
}
