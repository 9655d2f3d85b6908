import { type ConvOptions, GraphBuilder } from '../network/build.ts'
import type { ActivationKind, NetworkGraph } from '../network/types.ts'

type Activation = ActivationKind | 'none'

function convNorm(g: GraphBuilder, x: string, filters: number, options: ConvOptions, activation: Activation): string {
  const y = g.batchNorm(g.conv2d(x, filters, options))
  return activation === 'none' ? y : g.activation(y, activation)
}

const depthwiseNorm = (g: GraphBuilder, x: string, options: ConvOptions, activation: ActivationKind): string =>
  g.activation(g.batchNorm(g.depthwiseConv2d(x, options)), activation)

function invertedBottleneck(g: GraphBuilder, x: string, filters: number, expansion: number, stride: number): string {
  const channels = g.channels(x)
  const wide = expansion === 1 ? x : convNorm(g, x, channels * expansion, {}, 'relu6')
  const y = convNorm(g, depthwiseNorm(g, wide, { kernel: 3, stride }, 'relu6'), filters, {}, 'none')
  return stride === 1 && channels === filters ? g.add(x, y) : y
}

/** MobileNetV2 in small: 32×32×3, about 7 M multiply-accumulates a sample. */
function mobileNetV2(): NetworkGraph {
  const g = new GraphBuilder()
  let x = convNorm(g, g.input([32, 32, 3]), 16, { kernel: 3 }, 'relu6')
  const stages = [
    [1, 8, 1, 1],
    [6, 16, 2, 2],
    [6, 20, 3, 2],
    [6, 32, 3, 2],
    [6, 48, 2, 1],
    [6, 80, 2, 2],
    [6, 160, 1, 1],
  ] as const
  for (const [expansion, filters, repeats, stride] of stages) {
    for (let i = 0; i < repeats; i++) x = invertedBottleneck(g, x, filters, expansion, i === 0 ? stride : 1)
  }
  x = convNorm(g, x, 320, {}, 'relu6')
  return g.build(g.dense(g.globalAveragePool(x), 10))
}

/** DS-CNN for keyword spotting as in MLPerf Tiny: 49×10×1, 12 classes. */
function dsCnn(): NetworkGraph {
  const g = new GraphBuilder()
  let x = convNorm(g, g.input([49, 10, 1]), 64, { kernel: [10, 4], stride: 2 }, 'relu')
  for (let i = 0; i < 4; i++) x = convNorm(g, depthwiseNorm(g, x, { kernel: 3 }, 'relu'), 64, {}, 'relu')
  return g.build(g.dense(g.globalAveragePool(x), 12))
}

/** A backbone of inverted bottlenecks where two blocks are mixtures of four experts, the best two of which run. */
function convMoe(): NetworkGraph {
  const g = new GraphBuilder()
  let x = convNorm(g, g.input([32, 32, 3]), 16, { kernel: 3, stride: 2 }, 'relu6')
  x = invertedBottleneck(g, x, 24, 4, 1)
  x = mixture(g, x, 4, 2)
  x = invertedBottleneck(g, x, 40, 4, 2)
  x = mixture(g, x, 4, 2)
  x = invertedBottleneck(g, x, 80, 4, 2)
  return g.build(g.dense(g.globalAveragePool(x), 10))
}

function mixture(g: GraphBuilder, x: string, experts: number, topK: number): string {
  const gates = g.activation(g.dense(g.globalAveragePool(x), experts), 'softmax')
  const body = new GraphBuilder()
  const entry = body.input(g.shape(x))
  const inner = body.build(invertedBottleneck(body, entry, g.channels(x), 3, 1))
  return g.routedExperts(x, gates, topK, inner)
}

/** ResNet-8 of MLPerf Tiny: 32×32×3, 10 classes. */
function resNet8(): NetworkGraph {
  const g = new GraphBuilder()
  let x = convNorm(g, g.input([32, 32, 3]), 16, { kernel: 3 }, 'relu')
  for (const [filters, stride] of [
    [16, 1],
    [32, 2],
    [64, 2],
  ] as const) {
    const y = convNorm(g, convNorm(g, x, filters, { kernel: 3, stride }, 'relu'), filters, { kernel: 3 }, 'none')
    const skip = stride === 1 ? x : g.conv2d(x, filters, { stride, bias: true })
    x = g.activation(g.add(y, skip), 'relu')
  }
  return g.build(g.dense(g.globalAveragePool(x), 10))
}

/** A MobileNet for 28×28×1 of about 1 M multiply-accumulates. */
function mobileNetV1(): NetworkGraph {
  const g = new GraphBuilder()
  let x = convNorm(g, g.input([28, 28, 1]), 16, { kernel: 3, stride: 2 }, 'relu6')
  for (const [filters, stride] of [
    [32, 1],
    [64, 2],
    [64, 1],
    [96, 2],
    [128, 1],
  ] as const) {
    x = convNorm(g, depthwiseNorm(g, x, { kernel: 3, stride }, 'relu6'), filters, {}, 'relu6')
  }
  return g.build(g.dense(g.globalAveragePool(x), 10))
}

export interface BenchNet {
  readonly id: string
  readonly title: string
  readonly batches: readonly number[]
  readonly build: () => NetworkGraph
}

export const BENCH_NETS: readonly BenchNet[] = [
  { id: 'mobilenetv2', title: 'MobileNetV2-like 32×32×3', batches: [32, 64], build: mobileNetV2 },
  { id: 'dscnn', title: 'DS-CNN 49×10×1', batches: [32], build: dsCnn },
  { id: 'moe', title: 'conv-MoE 32×32×3', batches: [32], build: convMoe },
  { id: 'resnet8', title: 'ResNet-8 32×32×3', batches: [32], build: resNet8 },
  { id: 'mobilenetv1', title: 'MobileNet 28×28×1', batches: [64], build: mobileNetV1 },
]
