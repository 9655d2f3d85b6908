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

const conv = (b: GraphBuilder, x: string, filters: number, kernel: number): string =>
  b.activation(b.conv2d(x, filters, { kernel, bias: true }), 'relu')

/** There and back between two numbers of channels: both convolutions have the same MACs. */
const convPair = (map: number, channels: number, filters: number, kernel: number): MicroBenchmark =>
  chain(`conv2d ${kernel}x${kernel} ${map}x${map} ${channels}-${filters}`, [map, map, channels], (b, x) =>
    conv(b, conv(b, x, filters, kernel), channels, kernel),
  )

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

const POINTWISE: readonly (readonly [number, number, number])[] = [
  ...([
    [4, 64, 64],
    [4, 64, 256],
    [4, 128, 128],
    [4, 192, 768],
    [4, 256, 256],
    [4, 512, 512],
  ] as const),
  ...([
    [8, 16, 96],
    [8, 32, 32],
    [8, 32, 192],
    [8, 64, 64],
    [8, 64, 256],
    [8, 96, 288],
    [8, 128, 128],
  ] as const),
  ...([
    [16, 16, 16],
    [16, 16, 64],
    [16, 24, 144],
    [16, 40, 120],
    [16, 64, 64],
    [16, 96, 96],
    [16, 128, 128],
  ] as const),
  ...([
    [32, 8, 8],
    [32, 8, 48],
    [32, 16, 64],
    [32, 24, 24],
    [32, 32, 128],
    [32, 48, 48],
    [32, 64, 64],
  ] as const),
  ...([
    [48, 8, 24],
    [48, 16, 32],
    [64, 8, 16],
    [64, 16, 16],
    [64, 16, 96],
    [1, 64, 16],
    [1, 256, 64],
  ] as const),
]

const WINDOWED: readonly (readonly [number, number, number, number])[] = [
  ...([
    [4, 64, 64, 3],
    [4, 128, 128, 3],
    [8, 32, 32, 3],
    [8, 48, 96, 3],
    [8, 64, 64, 3],
    [8, 128, 128, 3],
  ] as const),
  ...([
    [16, 16, 16, 3],
    [16, 16, 64, 3],
    [16, 24, 48, 3],
    [16, 32, 32, 3],
    [16, 64, 64, 3],
    [32, 8, 8, 3],
  ] as const),
  ...([
    [32, 3, 16, 3],
    [32, 16, 16, 3],
    [32, 16, 32, 3],
    [32, 32, 32, 3],
    [64, 3, 8, 3],
    [64, 8, 16, 3],
  ] as const),
  ...([
    [8, 32, 32, 5],
    [16, 16, 16, 5],
    [16, 32, 32, 5],
    [32, 8, 8, 5],
    [32, 1, 16, 3],
    [28, 1, 8, 5],
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
    ...POINTWISE.map(([map, channels, filters]) => convPair(map, channels, filters, 1)),
    ...WINDOWED.map(([map, channels, filters, kernel]) => convPair(map, channels, filters, kernel)),
    ...MAPS_AND_CHANNELS.map(([map, channels]) => depthwise(map, channels, 3)),
    ...elementwise.map(([map, channels]) => depthwise(map, channels, 5)),
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
      elementwise.map(([map, channels]) => pool(kind, map, channels, 3)),
    ),
    ...elementwise.map(([map, channels]) =>
      chain(`batchNorm ${map}x${map}x${channels}`, [map, map, channels], (b, x) =>
        b.batchNorm(b.activation(x, 'relu')),
      ),
    ),
  ]
}
