import { buildGraph, GraphBuilder } from '../../network/build.ts'
import type { ActivationKind, NetworkGraph, NetworkNode } from '../../network/types.ts'

type Act = ActivationKind | 'none'

function convBn(b: GraphBuilder, x: string, filters: number, kernel: number, stride: number, act: Act): string {
  const y = b.batchNorm(b.conv2d(x, filters, { kernel, stride }))
  return act === 'none' ? y : b.activation(y, act)
}

function depthwiseBn(b: GraphBuilder, x: string, kernel: number, stride: number, act: ActivationKind): string {
  return b.activation(b.batchNorm(b.depthwiseConv2d(x, { kernel, stride })), act)
}

const makeDivisible = (value: number): number => {
  const rounded = Math.max(8, Math.floor((value + 4) / 8) * 8)
  return rounded < 0.9 * value ? rounded + 8 : rounded
}

function squeezeExcite(b: GraphBuilder, x: string): string {
  const channels = b.channels(x)
  const pooled = b.globalAveragePool(x, true)
  const inner = b.activation(b.conv2d(pooled, makeDivisible(channels / 4), { bias: true }), 'relu')
  return b.multiply(x, b.activation(b.conv2d(inner, channels, { bias: true }), 'hardSigmoid'))
}

const OFA_STAGES = [
  { width: 24, stride: 2, act: 'relu', se: false },
  { width: 40, stride: 2, act: 'relu', se: true },
  { width: 80, stride: 2, act: 'hardSwish', se: false },
  { width: 112, stride: 1, act: 'hardSwish', se: true },
  { width: 160, stride: 2, act: 'hardSwish', se: true },
] as const

/**
 * Subnet of Once-for-All's MobileNetV3 (width 1.0): kernel sizes and expansion ratios of 5 stages × 4 layers as digits,
 * depth of each stage, input resolution.
 */
export function ofaMobileNetV3(kernels: string, expansions: string, depths: string, resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  let x = convBn(b, b.input([resolution, resolution, 3]), 16, 3, 2, 'hardSwish')
  x = b.add(x, b.batchNorm(b.conv2d(depthwiseBn(b, x, 3, 1, 'relu'), 16)))
  OFA_STAGES.forEach(({ width, stride, act, se }, stage) => {
    for (let layer = 0; layer < Number(depths[stage]); layer++) {
      const at = stage * 4 + layer
      const step = layer === 0 ? stride : 1
      const from = x
      const expanded = makeDivisible(b.channels(from) * Number(expansions[at]))
      let y = convBn(b, from, expanded, 1, 1, act)
      y = depthwiseBn(b, y, Number(kernels[at]), step, act)
      if (se) y = squeezeExcite(b, y)
      y = convBn(b, y, width, 1, 1, 'none')
      x = step === 1 && b.channels(from) === width ? b.add(from, y) : y
    }
  })
  x = b.globalAveragePool(convBn(b, x, 960, 1, 1, 'hardSwish'), true)
  x = b.activation(b.conv2d(x, 1280), 'hardSwish')
  return b.build(b.dense(b.node({ kind: 'reshape', shape: [1280] }, x), 1000))
}

const MNASNET_STAGES = [
  { width: 16, stride: 1 },
  { width: 24, stride: 2 },
  { width: 40, stride: 2 },
  { width: 80, stride: 2 },
  { width: 112, stride: 1 },
  { width: 192, stride: 2 },
  { width: 320, stride: 1 },
] as const

/**
 * Network of Accel-NASBench's MnasNet space for images of 224×224: of each of 7 stages expansion, kernel size, layers and
 * whether they weigh their channels (squeeze and excitation, a quarter of the layer's operand), as digits. Undefined for other text.
 */
export function mnasnet(digits: string): NetworkGraph | undefined {
  if (!/^(?:[1-6][357][1-4][01]){7}$/.test(digits)) return undefined
  const b = new GraphBuilder()
  let x = convBn(b, b.input([224, 224, 3]), 32, 3, 2, 'relu')
  MNASNET_STAGES.forEach(({ width, stride }, stage) => {
    const [expansion, kernel, layers, excite] = [0, 1, 2, 3].map((at) => Number(digits[4 * stage + at])) as [
      number,
      number,
      number,
      number,
    ]
    for (let layer = 0; layer < layers; layer++) {
      const from = x
      const channels = b.channels(from)
      const step = layer === 0 ? stride : 1
      let y = expansion === 1 ? from : convBn(b, from, channels * expansion, 1, 1, 'relu')
      y = depthwiseBn(b, y, kernel, step, 'relu')
      if (excite === 1) {
        const inner = b.activation(b.conv2d(b.globalAveragePool(y, true), channels >> 2, { bias: true }), 'relu')
        y = b.multiply(y, b.activation(b.conv2d(inner, b.channels(y), { bias: true }), 'sigmoid'))
      }
      y = convBn(b, y, width, 1, 1, 'none')
      x = step === 1 && channels === width ? b.add(from, y) : y
    }
  })
  return b.build(b.dense(b.globalAveragePool(convBn(b, x, 1280, 1, 1, 'relu')), 1000))
}

/**
 * NAS-Bench-201 network from its architecture string. Edges of kind `none` and what only they feed vanish, as converters
 * drop them; undefined when nothing reaches a cell's output, or for text that is no architecture. `converted` is the
 * network as TensorFlow's converter leaves it: equal ReLUs and poolings of one tensor become one, a softmax ends it, and
 * nodes stand depth first.
 */
export function nasBench201(text: string, converted = false): NetworkGraph | undefined {
  const nodes = text.split('+').map((part) =>
    part
      .split('|')
      .filter((edge) => edge !== '')
      .map((edge) => edge.split('~')[0]!),
  )
  if (nodes.length !== 3 || nodes.some((edges, i) => edges.length !== i + 1)) return undefined
  const b = new GraphBuilder()
  const made = new Map<string, string>()
  const once = (name: string, make: () => string): string => {
    const known = converted ? made.get(name) : undefined
    const node = known ?? make()
    made.set(name, node)
    return node
  }
  const reluConvBn = (x: string, channels: number, kernel: number, stride: number): string => {
    const active = once(`relu of ${x}`, () => b.activation(x, 'relu'))
    return b.batchNorm(b.conv2d(active, channels, { kernel, stride }))
  }
  const pool = (x: string): string =>
    once(`pool of ${x}`, () => b.node({ kind: 'averagePool', kernel: [3, 3], stride: [1, 1], padding: 'same' }, x))
  const apply = (op: string, x: string): string | undefined => {
    if (op === 'none') return undefined
    if (op === 'skip_connect') return x
    if (op === 'avg_pool_3x3') return pool(x)
    return reluConvBn(x, b.channels(x), op === 'nor_conv_3x3' ? 3 : 1, 1)
  }
  const cell = (input: string): string | undefined => {
    const states: (string | undefined)[] = [input]
    for (const edges of nodes) {
      const terms = edges.flatMap((op, from) => {
        const state = states[from]
        const term = state === undefined ? undefined : apply(op, state)
        return term === undefined ? [] : [term]
      })
      states.push(terms.length === 0 ? undefined : terms.reduce((sum, term) => b.add(sum, term)))
    }
    return states[3]
  }
  let x = b.batchNorm(b.conv2d(b.input([32, 32, 3]), 16, { kernel: 3 }))
  for (const channels of [16, 32, 64]) {
    if (channels > 16) {
      const inner = reluConvBn(reluConvBn(x, channels, 3, 2), channels, 3, 1)
      const pooled = b.node({ kind: 'averagePool', kernel: [2, 2], stride: [2, 2], padding: 'valid' }, x)
      x = b.add(b.conv2d(pooled, channels), inner)
    }
    for (let i = 0; i < 5; i++) {
      const next = cell(x)
      if (next === undefined) return undefined
      x = next
    }
  }
  const logits = b.dense(b.globalAveragePool(b.activation(b.batchNorm(x), 'relu')), 10)
  return converted ? depthFirst(b.build(b.activation(logits, 'softmax'))) : b.build(logits)
}

/** The same network with every node right before the first that needs it, operands in their order: as converters list them. */
function depthFirst(graph: NetworkGraph): NetworkGraph {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]))
  const nodes: NetworkNode[] = []
  const visit = (id: string): void => {
    const node = byId.get(id)
    if (node === undefined || !byId.delete(id)) return
    for (const input of node.inputs) visit(input)
    nodes.push(node)
  }
  visit(graph.output)
  return buildGraph(nodes, graph.output)
}

/** Blocks of FBNet's space, in the order of its digits; a grouped block has grouped 1×1 convolutions. */
const FBNET_OPS = [
  { kernel: 3, expansion: 1, groups: 1 },
  { kernel: 3, expansion: 1, groups: 2 },
  { kernel: 3, expansion: 3, groups: 1 },
  { kernel: 3, expansion: 6, groups: 1 },
  { kernel: 5, expansion: 1, groups: 1 },
  { kernel: 5, expansion: 1, groups: 2 },
  { kernel: 5, expansion: 3, groups: 1 },
  { kernel: 5, expansion: 6, groups: 1 },
] as const
const FBNET_SKIP = '8'
/** Width, number of blocks and stride of each stage for images of 32×32 (as HW-NAS-Bench measured them). */
const FBNET_STAGES = [
  [16, 1, 1],
  [24, 4, 1],
  [32, 4, 2],
  [64, 4, 2],
  [112, 4, 1],
  [184, 4, 2],
  [352, 1, 1],
] as const

/** FBNet network for 32×32 images from one digit for each of its 22 blocks; undefined for anything else. */
export function fbnet(choices: string): NetworkGraph | undefined {
  if (!/^[0-8]{22}$/.test(choices)) return undefined
  const b = new GraphBuilder()
  const pointwise = (x: string, filters: number, groups: number, act: Act): string => {
    const op = { kind: 'conv2d', filters, kernel: [1, 1], stride: [1, 1], padding: 'same', bias: false } as const
    const y = b.batchNorm(b.node(groups === 1 ? op : { ...op, groups }, x))
    return act === 'none' ? y : b.activation(y, act)
  }
  let x = convBn(b, b.input([32, 32, 3]), 16, 3, 1, 'relu')
  let at = 0
  for (const [width, repeats, stageStride] of FBNET_STAGES) {
    for (let i = 0; i < repeats; i++) {
      const stride = i === 0 ? stageStride : 1
      const channels = b.channels(x)
      const choice = choices[at++]!
      if (choice === FBNET_SKIP) {
        if (stride !== 1 || channels !== width) x = convBn(b, x, width, 1, stride, 'relu')
        continue
      }
      const { kernel, expansion, groups } = FBNET_OPS[Number(choice)]!
      let y = pointwise(x, channels * expansion, groups, 'relu')
      y = depthwiseBn(b, y, kernel, stride, 'relu')
      y = pointwise(y, width, groups, 'none')
      x = stride === 1 && channels === width ? b.add(x, y) : y
    }
  }
  x = b.globalAveragePool(convBn(b, x, 1504, 1, 1, 'relu'))
  return b.build(b.dense(x, 100))
}
