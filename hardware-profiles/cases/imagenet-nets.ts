import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph, Padding, Pair } from '../../network/types.ts'

const CLASSES = 1000
const RGB = 3

interface ConvSize {
  readonly kernel?: number | Pair
  readonly stride?: number
  readonly padding?: Padding
}

/** Convolution, batch norm, ReLU. */
const conv = (b: GraphBuilder, x: string, filters: number, size: ConvSize = {}): string =>
  b.activation(b.batchNorm(b.conv2d(x, filters, size)), 'relu')

const image = (b: GraphBuilder, resolution: number): string => b.input([resolution, resolution, RGB])

const classify = (b: GraphBuilder, x: string): NetworkGraph =>
  b.build(b.activation(b.dense(b.globalAveragePool(x), CLASSES), 'softmax'))

/** VGG with 16 or 19 layers (Simonyan & Zisserman 2014). */
export function vgg(layers: number, resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  const relu = (x: string): string => b.activation(x, 'relu')
  const deep = layers === 19 ? 4 : 3
  let x = image(b, resolution)
  for (const [filters, repeats] of [
    [64, 2],
    [128, 2],
    [256, deep],
    [512, deep],
    [512, deep],
  ] as const) {
    for (let i = 0; i < repeats; i++) x = relu(b.conv2d(x, filters, { kernel: 3, bias: true }))
    x = b.maxPool(x, { kernel: 2, stride: 2 })
  }
  const flat = b.shape(x).reduce((product, length) => product * length, 1)
  x = b.node({ kind: 'reshape', shape: [flat] }, x)
  x = relu(b.dense(relu(b.dense(x, 4096)), 4096))
  return b.build(b.activation(b.dense(x, CLASSES), 'softmax'))
}

/** Residual blocks of each stage of the deep ResNets. */
const RESNET_BLOCKS: Readonly<Record<number, readonly number[]>> = { 50: [3, 4, 6, 3], 152: [3, 8, 36, 3] }

/** ResNet with bottlenecks (He et al. 2015): the first convolution of a stage halves the map. */
export function resnet(layers: number, resolution: number): NetworkGraph | undefined {
  const b = new GraphBuilder()
  let x = b.maxPool(conv(b, image(b, resolution), 64, { kernel: 7, stride: 2 }), { kernel: 3, stride: 2 })
  const stages = RESNET_BLOCKS[layers]
  if (stages === undefined) return undefined
  stages.forEach((blocks, stage) => {
    const width = 64 * 2 ** stage
    for (let i = 0; i < blocks; i++) {
      const stride = i === 0 && stage > 0 ? 2 : 1
      const inner = conv(b, conv(b, x, width, { stride }), width, { kernel: 3 })
      const outer = b.batchNorm(b.conv2d(inner, 4 * width))
      const skip = i === 0 ? b.batchNorm(b.conv2d(x, 4 * width, { stride })) : x
      x = b.activation(b.add(skip, outer), 'relu')
    }
  })
  return classify(b, x)
}

/** The second form (He et al. 2016): scale, shift and ReLU before the convolutions; the last 3×3 of a stage halves the map. */
export function resnetV2(layers: number, resolution: number): NetworkGraph | undefined {
  const b = new GraphBuilder()
  const active = (x: string): string => b.activation(b.batchNorm(x), 'relu')
  let x = b.conv2d(image(b, resolution), 64, { kernel: 7, stride: 2, bias: true })
  x = b.maxPool(x, { kernel: 3, stride: 2 })
  const stages = RESNET_BLOCKS[layers]
  if (stages === undefined) return undefined
  stages.forEach((blocks, stage) => {
    const width = 64 * 2 ** stage
    for (let i = 0; i < blocks; i++) {
      const stride = i === blocks - 1 && stage < 3 ? 2 : 1
      const before = active(x)
      const inner = conv(b, conv(b, before, width), width, { kernel: 3, stride })
      const outer = b.conv2d(inner, 4 * width, { bias: true })
      const passed = stride === 1 ? x : b.maxPool(x, { kernel: 1, stride })
      x = b.add(i === 0 ? b.conv2d(before, 4 * width, { bias: true }) : passed, outer)
    }
  })
  return classify(b, active(x))
}

/** SqueezeNet 1.0 (Iandola et al. 2016). */
export function squeezenet(resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  const layer = (x: string, filters: number, size: ConvSize = {}): string =>
    b.activation(b.conv2d(x, filters, { ...size, bias: true }), 'relu')
  const fire = (x: string, squeeze: number): string => {
    const inner = layer(x, squeeze)
    return concat(b, layer(inner, 4 * squeeze), layer(inner, 4 * squeeze, { kernel: 3 }))
  }
  const pool = (x: string, padding: Padding): string => b.maxPool(x, { kernel: 3, stride: 2, padding })
  let x = layer(image(b, resolution), 96, { kernel: 7, stride: 2, padding: 'valid' })
  x = fire(fire(fire(pool(x, 'valid'), 16), 16), 32)
  x = fire(fire(fire(fire(pool(x, 'same'), 32), 48), 48), 64)
  x = layer(fire(pool(x, 'valid'), 64), CLASSES)
  return b.build(b.activation(b.globalAveragePool(x), 'softmax'))
}

const concat = (b: GraphBuilder, ...parts: readonly string[]): string => b.node({ kind: 'concat', axis: 2 }, ...parts)

/** 1×1, 3×3 after 1×1, another 3×3 after 1×1 (5×5 in the paper, 3×3 in the published weights), 1×1 after pooling. */
const INCEPTION_V1: readonly (readonly number[] | 'pool')[] = [
  [64, 96, 128, 16, 32, 32],
  [128, 128, 192, 32, 96, 64],
  'pool',
  [192, 96, 208, 16, 48, 64],
  [160, 112, 224, 24, 64, 64],
  [128, 128, 256, 24, 64, 64],
  [112, 144, 288, 32, 64, 64],
  [256, 160, 320, 32, 128, 128],
  'pool',
  [256, 160, 320, 32, 128, 128],
  [384, 192, 384, 48, 128, 128],
]

/** Inception v1 with batch norm (Szegedy et al. 2014). */
export function inceptionV1(resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  const pool = (x: string): string => b.maxPool(x, { kernel: 3, stride: 2 })
  let x = pool(conv(b, image(b, resolution), 64, { kernel: 7, stride: 2 }))
  x = pool(conv(b, conv(b, x, 64), 192, { kernel: 3 }))
  for (const block of INCEPTION_V1) {
    if (block === 'pool') {
      x = pool(x)
      continue
    }
    const [plain, before3, after3, before5, after5, pooled] = block as [number, number, number, number, number, number]
    x = concat(
      b,
      conv(b, x, plain),
      conv(b, conv(b, x, before3), after3, { kernel: 3 }),
      conv(b, conv(b, x, before5), after5, { kernel: 3 }),
      conv(b, b.maxPool(x, { kernel: 3, stride: 1 }), pooled),
    )
  }
  return classify(b, x)
}

/** Convolutions one after the other: filters, and the window where it is not 1×1; `'/2'` halves the map. */
type Chain = readonly (readonly [number, (number | Pair)?, '/2'?])[]
const chain = (b: GraphBuilder, x: string, layers: Chain): string =>
  layers.reduce(
    (y, [filters, kernel = 1, half]) =>
      conv(b, y, filters, half === undefined ? { kernel } : { kernel, stride: 2, padding: 'valid' }),
    x,
  )
const WIDE: Pair = [1, 7]
const TALL: Pair = [7, 1]
const halved = (b: GraphBuilder, x: string): string => b.maxPool(x, { kernel: 3, stride: 2, padding: 'valid' })
const valid3 = (b: GraphBuilder, x: string, filters: number, stride = 1): string =>
  conv(b, x, filters, { kernel: 3, stride, padding: 'valid' })
const averaged = (b: GraphBuilder, x: string): string => b.averagePool(x, { kernel: 3, stride: 1 })

/** Inception v4 (Szegedy et al. 2016). */
export function inceptionV4(resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  const branches = (x: string, ...chains: readonly Chain[]): string[] => chains.map((layers) => chain(b, x, layers))
  let x = conv(b, valid3(b, valid3(b, image(b, resolution), 32, 2), 32), 64, { kernel: 3 })
  x = concat(b, halved(b, x), valid3(b, x, 96, 2))
  x = concat(b, valid3(b, conv(b, x, 64), 96), valid3(b, chain(b, x, [[64], [64, WIDE], [64, TALL]]), 96))
  x = concat(b, valid3(b, x, 192, 2), halved(b, x))
  for (let i = 0; i < 4; i++) {
    const sides = branches(x, [[96]], [[64], [96, 3]], [[64], [96, 3], [96, 3]])
    x = concat(b, ...sides, conv(b, averaged(b, x), 96))
  }
  x = concat(b, ...branches(x, [[384, 3, '/2']], [[192], [224, 3], [256, 3, '/2']]), halved(b, x))
  for (let i = 0; i < 7; i++) {
    const deep: Chain = [[192], [192, TALL], [224, WIDE], [224, TALL], [256, WIDE]]
    x = concat(b, ...branches(x, [[384]], [[192], [224, WIDE], [256, TALL]], deep), conv(b, averaged(b, x), 128))
  }
  const last: Chain = [[256], [256, WIDE], [320, TALL], [320, 3, '/2']]
  x = concat(b, ...branches(x, [[192], [192, 3, '/2']], last), halved(b, x))
  const ends: readonly Chain[] = [[[256, [1, 3]]], [[256, [3, 1]]]]
  for (let i = 0; i < 3; i++) {
    const plain = conv(b, x, 256)
    const split = branches(conv(b, x, 384), ...ends)
    const deep = branches(chain(b, x, [[384], [448, [3, 1]], [512, [1, 3]]]), ...ends)
    x = concat(b, plain, ...split, ...deep, conv(b, averaged(b, x), 256))
  }
  return classify(b, x)
}

/** Inception-ResNet v2 (Szegedy et al. 2016). */
export function inceptionResnetV2(resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  const branches = (x: string, ...chains: readonly Chain[]): string[] => chains.map((layers) => chain(b, x, layers))
  const residual = (x: string, ...chains: readonly Chain[]): string => {
    const mixed = concat(b, ...branches(x, ...chains))
    return b.activation(b.add(x, b.conv2d(mixed, b.channels(x), { bias: true })), 'relu')
  }
  let x = conv(b, valid3(b, valid3(b, image(b, resolution), 32, 2), 32), 64, { kernel: 3 })
  x = halved(b, valid3(b, conv(b, halved(b, x), 80), 192))
  const first = branches(x, [[96]], [[48], [64, 5]], [[64], [96, 3], [96, 3]])
  x = concat(b, ...first, conv(b, averaged(b, x), 64))
  for (let i = 0; i < 10; i++) x = residual(x, [[32]], [[32], [32, 3]], [[32], [48, 3], [64, 3]])
  x = concat(b, ...branches(x, [[384, 3, '/2']], [[256], [256, 3], [384, 3, '/2']]), halved(b, x))
  for (let i = 0; i < 20; i++) x = residual(x, [[192]], [[128], [160, WIDE], [192, TALL]])
  const deep: Chain = [[256], [288, 3], [320, 3, '/2']]
  x = concat(b, ...branches(x, [[256], [384, 3, '/2']], [[256], [288, 3, '/2']], deep), halved(b, x))
  for (let i = 0; i < 10; i++) x = residual(x, [[192]], [[192], [224, [1, 3]], [256, [3, 1]]])
  return classify(b, conv(b, x, 1536))
}

/** Expansion, filters, blocks, stride, window, and whether the expansion is a full convolution in place of depthwise ones. */
const EDGE_STAGES = [
  [4, 24, 1, 1, 3, true],
  [8, 32, 2, 2, 3, true],
  [8, 48, 4, 2, 3, true],
  [8, 96, 5, 2, 5, false],
  [8, 144, 4, 1, 5, false],
  [8, 192, 2, 2, 5, false],
] as const

/** EfficientNet-EdgeTPU (Gupta & Tan 2019) at width 1: S at depth 1 and 224 pixels, M at depth 1.1 and 240. */
export function efficientnetEdge(depth: number, resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  let x = conv(b, image(b, resolution), 32, { kernel: 3, stride: 2 })
  EDGE_STAGES.forEach(([expansion, filters, blocks, stageStride, kernel, full], stage) => {
    for (let i = 0; i < Math.ceil(depth * blocks); i++) {
      const from = x
      const stride = i === 0 ? stageStride : 1
      const wide = expansion * (stage === 0 ? filters : b.channels(from))
      const inner = full
        ? conv(b, from, wide, { kernel, stride })
        : b.activation(b.batchNorm(b.depthwiseConv2d(conv(b, from, wide), { kernel, stride })), 'relu')
      const outer = b.batchNorm(b.conv2d(inner, filters))
      x = i > 0 && stage > 0 ? b.add(from, outer) : outer
    }
  })
  return classify(b, conv(b, x, 1280))
}
