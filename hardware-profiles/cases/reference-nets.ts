import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'

/** Convolution, batch norm, ReLU. */
function block(
  b: GraphBuilder,
  x: string,
  filters: number,
  kernel: number | readonly [number, number],
  stride: number | readonly [number, number] = 1,
): string {
  return b.activation(b.batchNorm(b.conv2d(x, filters, { kernel, stride })), 'relu')
}

function depthwiseSeparable(
  b: GraphBuilder,
  x: string,
  filters: number,
  stride: number | readonly [number, number] = 1,
) {
  const depthwise = b.activation(b.batchNorm(b.depthwiseConv2d(x, { kernel: 3, stride })), 'relu')
  return block(b, depthwise, filters, 1)
}

function classify(b: GraphBuilder, x: string, classes: number): NetworkGraph {
  return b.build(b.activation(b.dense(b.globalAveragePool(x), classes), 'softmax'))
}

/** The same with an average pooling over the whole map, as MLPerf Tiny's files have it: other kernels than a mean. */
function classifyPooled(b: GraphBuilder, x: string, classes: number): NetworkGraph {
  const [height, width, channels] = b.shape(x)
  const kernel = [height!, width!] as const
  const pooled = b.node({ kind: 'averagePool', kernel, stride: kernel, padding: 'valid' }, x)
  const features = b.node({ kind: 'reshape', shape: [channels!] }, pooled)
  return b.build(b.activation(b.dense(features, classes), 'softmax'))
}

/** Keyword spotting: DS-CNN with a 10×4 first convolution and depthwise-separable layers, as [filters, stride] each. */
export function dsCnn(first: number, layers: readonly (readonly [number, number])[], classes = 12): NetworkGraph {
  const b = new GraphBuilder()
  let x = block(b, b.input([49, 10, 1]), first, [10, 4], [2, 2])
  for (const [filters, stride] of layers) x = depthwiseSeparable(b, x, filters, stride)
  return classifyPooled(b, x, classes)
}

/** MLPerf Tiny keyword spotting (also MicroNets' DSCNN-S in structure). */
const kws = (): NetworkGraph =>
  dsCnn(
    64,
    Array.from({ length: 4 }, () => [64, 1] as const),
  )

/** MLPerf Tiny image classification: ResNet-8 for 32×32×3. */
function resnet8(): NetworkGraph {
  const b = new GraphBuilder()
  let x = block(b, b.input([32, 32, 3]), 16, 3)
  for (const [filters, stride] of [
    [16, 1],
    [32, 2],
    [64, 2],
  ] as const) {
    const inner = block(b, x, filters, 3, stride)
    const outer = b.batchNorm(b.conv2d(inner, filters, { kernel: 3 }))
    const skip = stride === 1 ? x : b.conv2d(x, filters, { kernel: 1, stride, bias: true })
    x = b.activation(b.add(skip, outer), 'relu')
  }
  return classifyPooled(b, x, 10)
}

/** Channels are rounded to multiples of 8, never down by more than a tenth (as in the MobileNet papers' code). */
function divisible(value: number): number {
  const rounded = Math.max(8, Math.floor((value + 4) / 8) * 8)
  return rounded < 0.9 * value ? rounded + 8 : rounded
}

/** FD-MobileNet (Qin et al. 2018): MobileNetV1 that down-samples by 32 within the first layers. */
export function fdMobilenet(width: number, resolution: number, classes: number): NetworkGraph {
  const b = new GraphBuilder()
  const stages: readonly (readonly [number, number])[] = [
    [64, 2],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
    ...Array.from({ length: 4 }, () => [512, 1] as const),
    [1024, 1],
  ]
  let x = block(b, b.input([resolution, resolution, 3]), 32 * width, 3, 2)
  for (const [filters, stride] of stages) x = depthwiseSeparable(b, x, filters * width, stride)
  return classify(b, x, classes)
}

/**
 * MobileNetV2 for square RGB images; the last convolution has 1,280 channels for widths up to 1. Some code does not round
 * channels to multiples of 8 but cuts the fraction off, and some has a 1×1 convolution in the first block, which expands nothing.
 */
export function mobilenetV2(
  width: number,
  resolution: number,
  classes: number,
  { rounded = true, expandsFirst = false } = {},
): NetworkGraph {
  const channelsOf = rounded ? divisible : Math.floor
  const b = new GraphBuilder()
  let x = block(b, b.input([resolution, resolution, 3]), channelsOf(32 * width), 3, 2)
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const
  for (const [expansion, filters, repeats, stride] of stages) {
    const width_ = channelsOf(filters * width)
    for (let i = 0; i < repeats; i++) {
      const from = x
      const hidden = b.channels(from) * expansion
      let y = expansion === 1 && !expandsFirst ? from : block(b, from, hidden, 1)
      const step = i === 0 ? stride : 1
      y = b.activation(b.batchNorm(b.depthwiseConv2d(y, { kernel: 3, stride: step })), 'relu6')
      y = b.batchNorm(b.conv2d(y, width_))
      x = step === 1 && b.channels(from) === width_ ? b.add(from, y) : y
    }
  }
  return classify(b, block(b, x, width > 1 ? divisible(1280 * width) : 1280, 1), classes)
}

/** MobileNetV1 for square images, of three channels unless said otherwise. */
export function mobilenetV1(
  width: number,
  resolution: number,
  classes: number,
  channels = 3,
  pooled = false,
): NetworkGraph {
  const b = new GraphBuilder()
  const stages: readonly (readonly [number, number])[] = [
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
    ...Array.from({ length: 5 }, () => [512, 1] as const),
    [1024, 2],
    [1024, 1],
  ]
  let x = block(b, b.input([resolution, resolution, channels]), 32 * width, 3, 2)
  for (const [filters, stride] of stages) x = depthwiseSeparable(b, x, filters * width, stride)
  return pooled ? classifyPooled(b, x, classes) : classify(b, x, classes)
}

/** MLPerf Tiny anomaly detection: dense autoencoder for 640 features. */
function autoencoder(): NetworkGraph {
  const b = new GraphBuilder()
  let x = b.input([640])
  for (const units of [128, 128, 128, 128, 8, 128, 128, 128, 128]) {
    x = b.activation(b.dense(x, units), 'relu')
  }
  return b.build(b.dense(x, 640))
}

/** Zeros around a map as a kernel of its own, as Keras's ResNets are converted. */
function padded(b: GraphBuilder, x: string, side: number): string {
  const around = [side, side] as const
  return b.node({ kind: 'pad', amounts: [around, around, [0, 0]] }, x)
}

const paddedConv = (b: GraphBuilder, x: string, filters: number, kernel: number, stride: number): string =>
  b.conv2d(padded(b, x, (kernel - 1) / 2), filters, { kernel, stride, padding: 'valid', bias: true })

/** First layers of ST's MiniResNets for spectrograms of 64×50. */
function miniResNetStem(b: GraphBuilder, activation: (x: string) => string): string {
  const x = activation(paddedConv(b, b.input([64, 50, 1]), 64, 7, 2))
  return b.maxPool(padded(b, x, 1), { kernel: 3, stride: 2, padding: 'valid' })
}

const flatten = (b: GraphBuilder, x: string): string =>
  b.node({ kind: 'reshape', shape: [b.shape(x).reduce((product, length) => product * length, 1)] }, x)

/** ST's MiniResNet for sounds: stacks of two residual blocks, the second of which halves the map. */
export function miniResNet(stacks: number): NetworkGraph {
  const b = new GraphBuilder()
  const relu = (x: string): string => b.activation(x, 'relu')
  let x = miniResNetStem(b, relu)
  for (let stack = 0; stack < stacks; stack++) {
    const filters = 64 * 2 ** stack
    for (const stride of [1, 2]) {
      const skip = b.conv2d(x, filters, { stride, bias: true })
      const inner = relu(b.conv2d(x, filters, { stride, bias: true }))
      x = relu(b.add(skip, relu(b.conv2d(inner, filters, { kernel: 3, bias: true }))))
    }
  }
  return b.build(b.activation(b.dense(flatten(b, x), 10), 'softmax'))
}

/** The same in the second form of ResNets: scale, shift and ReLU before the convolutions, where nothing folds them. */
export function miniResNetV2(stacks: number): NetworkGraph {
  const b = new GraphBuilder()
  const relu = (x: string): string => b.activation(x, 'relu')
  const normalised = (x: string): string => {
    const constant = () => b.node({ kind: 'constant', shape: [b.channels(x)] })
    const scaled = b.node({ kind: 'elementwise', operation: 'multiply' }, x, constant())
    return relu(b.node({ kind: 'elementwise', operation: 'add' }, scaled, constant()))
  }
  let x = miniResNetStem(b, (image) => image)
  for (let stack = 0; stack < stacks; stack++) {
    const filters = 64 * 2 ** stack
    for (const stride of [1, 2]) {
      const before = normalised(x)
      const skip =
        stride === 1 ? b.conv2d(before, filters, { bias: true }) : b.maxPool(x, { kernel: 1, stride, padding: 'valid' })
      const inner = relu(b.conv2d(before, filters, { bias: true }))
      x = b.add(skip, paddedConv(b, inner, filters, 3, stride))
    }
  }
  return b.build(b.activation(b.dense(flatten(b, normalised(x)), 10), 'softmax'))
}

export const MLPERF_TINY: Readonly<Record<'ad' | 'kws' | 'ic' | 'vww', () => NetworkGraph>> = {
  ad: autoencoder,
  kws,
  ic: resnet8,
  /** Visual wake words: MobileNetV1 with width 0.25 for 96×96×3. */
  vww: () => mobilenetV1(0.25, 96, 2, 3, true),
}
