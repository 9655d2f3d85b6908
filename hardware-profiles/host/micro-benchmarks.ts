import { GraphBuilder } from '../../network/build.ts'
import type { ActivationKind, NetworkGraph } from '../../network/types.ts'

/**
 * A block of kernels that is repeated: the time of a long chain less that of a short one is the time of the repetitions,
 * whatever starting an inference costs.
 */
export interface MicroBenchmark {
  readonly name: string
  /** A network with the block `repeats` times. */
  readonly build: (repeats: number) => NetworkGraph
}

/** Repetitions of the two chains. */
export const SHORT_CHAIN = 2
export const LONG_CHAIN = 10

type Block = (b: GraphBuilder, x: string) => string

function chain(name: string, shape: readonly number[], block: Block): MicroBenchmark {
  return {
    name,
    build(repeats) {
      const b = new GraphBuilder()
      let x = b.input(shape)
      for (let i = 0; i < repeats; i++) x = block(b, x)
      return b.build(x)
    },
  }
}

/**
 * Convolutions of one map, each added to those before: any number of channels in and out, and any stride. (The ReLU
 * keeps runtimes from merging the addition into the convolution.)
 */
function convolution(map: number, channels: number, filters: number, kernel: number, stride = 1): MicroBenchmark {
  const name = `conv2d ${kernel}x${kernel}/${stride} ${map}x${map}x${channels}-${filters}`
  return sumOf(name, [map, map, channels], (b, x) =>
    b.activation(b.conv2d(x, filters, { kernel, stride, bias: true }), 'relu'),
  )
}

const strided = (map: number, channels: number, kernel: number): MicroBenchmark =>
  sumOf(`depthwiseConv2d ${kernel}x${kernel}/2 ${map}x${map}x${channels}`, [map, map, channels], (b, x) =>
    b.activation(b.depthwiseConv2d(x, { kernel, stride: 2, bias: true }), 'relu'),
  )

/** The block reads the input each time; its results are added up. */
function sumOf(name: string, shape: readonly number[], block: Block): MicroBenchmark {
  return {
    name,
    build(repeats) {
      const b = new GraphBuilder()
      const input = b.input(shape)
      let sum = block(b, input)
      for (let i = 0; i < repeats; i++) sum = b.add(sum, block(b, input))
      return b.build(sum)
    },
  }
}

const depthwise = (map: number, channels: number, kernel: number): MicroBenchmark =>
  chain(`depthwiseConv2d ${kernel}x${kernel} ${map}x${map}x${channels}`, [map, map, channels], (b, x) =>
    b.activation(b.depthwiseConv2d(x, { kernel, bias: true }), 'relu'),
  )

const pool = (kind: 'averagePool' | 'maxPool', map: number, channels: number, kernel: number): MicroBenchmark =>
  chain(`${kind} ${kernel}x${kernel} ${map}x${map}x${channels}`, [map, map, channels], (b, x) =>
    b.node({ kind, kernel: [kernel, kernel], stride: [1, 1], padding: 'same' }, x),
  )

/** Elementwise kinds follow a depthwise convolution, as they do in networks: alone they might be merged or skipped. */
const activation = (kind: ActivationKind, map: number, channels: number): MicroBenchmark =>
  chain(`${kind} ${map}x${map}x${channels}`, [map, map, channels], (b, x) => b.activation(x, kind))

const MAPS_AND_CHANNELS: readonly (readonly [number, number])[] = [
  ...([
    [4, 64],
    [4, 256],
    [8, 32],
    [8, 128],
    [8, 384],
    [16, 16],
    [16, 64],
    [16, 192],
  ] as const),
  ...([
    [32, 8],
    [32, 32],
    [32, 96],
    [48, 16],
    [64, 24],
  ] as const),
]

/** Channels that do not fill blocks of 16. */
const UNALIGNED = [
  [8, 40],
  [16, 24],
  [24, 12],
  [48, 8],
] as const

/** Map, channels in and out of 1×1 convolutions. */
const POINTWISE: readonly (readonly [number, number, number])[] = [
  ...([
    [1, 64, 16],
    [1, 16, 64],
    [1, 256, 64],
    [2, 256, 512],
    [3, 128, 256],
    [4, 64, 64],
    [4, 64, 256],
  ] as const),
  ...([
    [4, 256, 64],
    [4, 128, 128],
    [4, 192, 768],
    [4, 512, 128],
    [4, 256, 256],
    [6, 48, 96],
    [7, 40, 240],
  ] as const),
  ...([
    [8, 16, 96],
    [8, 96, 16],
    [8, 32, 32],
    [8, 32, 192],
    [8, 192, 32],
    [8, 64, 64],
    [8, 64, 256],
  ] as const),
  ...([
    [8, 288, 96],
    [8, 128, 128],
    [12, 24, 48],
    [12, 80, 40],
    [16, 16, 16],
    [16, 16, 64],
    [16, 64, 16],
  ] as const),
  ...([
    [16, 24, 144],
    [16, 144, 24],
    [16, 40, 120],
    [16, 64, 64],
    [16, 96, 96],
    [16, 128, 128],
    [24, 8, 16],
  ] as const),
  ...([
    [24, 96, 24],
    [32, 8, 8],
    [32, 8, 48],
    [32, 48, 8],
    [32, 16, 64],
    [32, 64, 16],
    [32, 24, 24],
  ] as const),
  ...([
    [32, 32, 128],
    [32, 48, 48],
    [32, 64, 64],
    [48, 8, 24],
    [48, 16, 32],
    [64, 8, 16],
    [64, 16, 16],
  ] as const),
  ...([
    [64, 16, 96],
    [64, 96, 16],
  ] as const),
]

/** Map, channels in and out, window, stride. */
const WINDOWED: readonly (readonly [number, number, number, number, number])[] = [
  ...([
    [28, 1, 8, 3, 1],
    [28, 1, 16, 5, 2],
    [32, 1, 32, 3, 1],
    [32, 3, 16, 3, 1],
    [32, 3, 8, 3, 2],
  ] as const),
  ...([
    [48, 3, 16, 3, 2],
    [64, 3, 8, 3, 1],
    [64, 3, 16, 3, 2],
    [96, 3, 8, 3, 2],
    [96, 3, 32, 3, 2],
  ] as const),
  ...([
    [49, 1, 64, 5, 2],
    [4, 64, 64, 3, 1],
    [4, 128, 128, 3, 1],
    [8, 32, 32, 3, 1],
    [8, 48, 96, 3, 1],
  ] as const),
  ...([
    [8, 96, 48, 3, 1],
    [8, 64, 64, 3, 1],
    [8, 128, 128, 3, 1],
    [16, 16, 16, 3, 1],
    [16, 16, 64, 3, 1],
  ] as const),
  ...([
    [16, 24, 48, 3, 1],
    [16, 32, 32, 3, 1],
    [16, 32, 64, 3, 2],
    [16, 64, 64, 3, 1],
    [32, 8, 8, 3, 1],
  ] as const),
  ...([
    [32, 16, 16, 3, 1],
    [32, 16, 32, 3, 1],
    [32, 16, 32, 3, 2],
    [32, 32, 16, 3, 1],
    [32, 32, 32, 3, 1],
  ] as const),
  ...([
    [64, 8, 16, 3, 1],
    [8, 32, 32, 5, 1],
    [16, 16, 16, 5, 1],
    [16, 32, 32, 5, 1],
    [32, 8, 8, 5, 1],
  ] as const),
]

const DENSE: readonly (readonly [number, number])[] = [
  ...([
    [16, 16],
    [32, 10],
    [64, 64],
    [128, 10],
    [128, 128],
    [256, 100],
    [256, 256],
    [512, 512],
    [1024, 100],
  ] as const),
  [640, 128],
]

/** Every kind of kernel over the sizes that small networks have. */
export function microBenchmarks(): readonly MicroBenchmark[] {
  const elementwise = MAPS_AND_CHANNELS.filter((_, i) => i % 2 === 0)
  const multiply: Block = (b, x) => b.multiply(x, b.globalAveragePool(x, true))
  return [
    ...POINTWISE.map(([map, channels, filters]) => convolution(map, channels, filters, 1)),
    ...WINDOWED.map((shape) => convolution(...shape)),
    ...MAPS_AND_CHANNELS.map(([map, channels]) => depthwise(map, channels, 3)),
    ...elementwise.map(([map, channels]) => depthwise(map, channels, 5)),
    ...elementwise.map(([map, channels]) => strided(map, channels, 3)),
    ...DENSE.map(([features, units]) =>
      chain(`dense ${features}-${units}`, [features], (b, x) => b.dense(b.dense(x, units), features)),
    ),
    ...(['relu', 'hardSwish', 'hardSigmoid', 'sigmoid'] as const).flatMap((kind) =>
      elementwise.map(([map, channels]) => activation(kind, map, channels)),
    ),
    ...[10, 100, 1000].map((features) =>
      chain(`softmax ${features}`, [features], (b, x) => b.activation(x, 'softmax')),
    ),
    ...elementwise.map(([map, channels]) =>
      chain(`add ${map}x${map}x${channels}`, [map, map, channels], (b, x) => b.add(x, x)),
    ),
    ...elementwise.map(([map, channels]) => chain(`squeeze ${map}x${map}x${channels}`, [map, map, channels], multiply)),
    ...(['averagePool', 'maxPool'] as const).flatMap((kind) =>
      [...elementwise, ...UNALIGNED].map(([map, channels]) => pool(kind, map, channels, 3)),
    ),
    ...elementwise.map(([map, channels]) =>
      chain(`batchNorm ${map}x${map}x${channels}`, [map, map, channels], (b, x) =>
        b.batchNorm(b.activation(x, 'relu')),
      ),
    ),
  ]
}
