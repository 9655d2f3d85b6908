import type { RandomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { ActivationKind, NetworkGraph } from '../../network/types.ts'

const ACTIVATIONS: readonly ActivationKind[] = ['relu', 'relu6', 'hardSwish']

/** Convolution, batch norm and activation. */
export function convBlock(
  b: GraphBuilder,
  x: string,
  filters: number,
  kernel = 3,
  stride = 1,
  act: ActivationKind = 'relu',
) {
  return b.activation(b.batchNorm(b.conv2d(x, filters, { kernel, stride })), act)
}

function invertedBottleneck(
  b: GraphBuilder,
  x: string,
  filters: number,
  stride: number,
  act: ActivationKind,
  se: boolean,
) {
  const expanded = convBlock(b, x, b.channels(x) * 3, 1, 1, act)
  let y = b.activation(b.batchNorm(b.depthwiseConv2d(expanded, { kernel: 3, stride })), act)
  if (se) {
    const squeezed = b.activation(b.conv2d(b.globalAveragePool(y, true), 8, { bias: true }), 'relu')
    y = b.multiply(y, b.activation(b.conv2d(squeezed, b.channels(y), { bias: true }), 'hardSigmoid'))
  }
  y = b.batchNorm(b.conv2d(y, filters))
  return stride === 1 && b.channels(x) === filters ? b.add(x, y) : y
}

/** A random MobileNet-like network; uses every kind of kernel that spaces make, now and then. */
export function randomNetwork(random: RandomStream): NetworkGraph {
  const b = new GraphBuilder()
  const size = random.pick([16, 28, 32, 49])
  let x = convBlock(b, b.input([size, random.pick([10, 28, 32]), random.pick([1, 3])]), 4 + random.int(29), 3, 2)
  for (let i = 0; i < 1 + random.int(4); i++) {
    x = invertedBottleneck(b, x, 4 + random.int(45), 1 + random.int(2), random.pick(ACTIVATIONS), random.chance(0.4))
  }
  if (random.chance(0.3)) {
    x = b.node({ kind: 'maxPool', kernel: [2, 2], stride: [1, 1], padding: 'same' }, x)
  }
  if (random.chance(0.3)) x = b.node({ kind: 'concat' }, x, convBlock(b, x, 5, 1))
  if (random.chance(0.3)) x = experts(b, x, 4, 1 + random.int(2))
  return b.build(b.activation(b.dense(b.globalAveragePool(x), 10), 'softmax'))
}

/** Routed experts, each one 3×3 convolution that keeps the shape. */
export function experts(b: GraphBuilder, x: string, count: number, topK: number): string {
  const body = new GraphBuilder()
  const inside = body.input(b.shape(x))
  const graph = body.build(convBlock(body, inside, b.channels(x)))
  const gates = b.activation(b.dense(b.globalAveragePool(x), count), 'softmax')
  return b.routedExperts(x, gates, topK, graph)
}

/** Two convolutions and a classifier, to vary one thing at a time. */
export function plainNetwork(filters: number, size: number): NetworkGraph {
  const b = new GraphBuilder()
  const x = convBlock(b, convBlock(b, b.input([size, size, 3]), filters), filters)
  return b.build(b.dense(b.globalAveragePool(x), 10))
}
