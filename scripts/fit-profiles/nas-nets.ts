import { GraphBuilder } from '../../network/build.ts'
import type { ActivationKind, NetworkGraph } from '../../network/types.ts'

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

/** NAS-Bench-201 network from its architecture string; undefined when an edge is `none`, which networks here cannot hold. */
export function nasBench201(text: string): NetworkGraph | undefined {
  const nodes = text.split('+').map((part) =>
    part
      .split('|')
      .filter((edge) => edge !== '')
      .map((edge) => edge.split('~')[0]!),
  )
  if (nodes.flat().includes('none')) return undefined
  const b = new GraphBuilder()
  const reluConvBn = (x: string, channels: number, kernel: number, stride: number): string =>
    b.batchNorm(b.conv2d(b.activation(x, 'relu'), channels, { kernel, stride }))
  const apply = (op: string, x: string): string => {
    if (op === 'skip_connect') return x
    if (op === 'avg_pool_3x3')
      return b.node({ kind: 'averagePool', kernel: [3, 3], stride: [1, 1], padding: 'same' }, x)
    return reluConvBn(x, b.channels(x), op === 'nor_conv_3x3' ? 3 : 1, 1)
  }
  const cell = (input: string): string => {
    const states = [input]
    for (const edges of nodes) {
      const terms = edges.map((op, from) => apply(op, states[from]!))
      states.push(terms.reduce((sum, term) => b.add(sum, term)))
    }
    return states[3]!
  }
  let x = b.batchNorm(b.conv2d(b.input([32, 32, 3]), 16, { kernel: 3 }))
  for (const channels of [16, 32, 64]) {
    if (channels > 16) {
      const inner = reluConvBn(reluConvBn(x, channels, 3, 2), channels, 3, 1)
      const pooled = b.node({ kind: 'averagePool', kernel: [2, 2], stride: [2, 2], padding: 'valid' }, x)
      x = b.add(b.conv2d(pooled, channels), inner)
    }
    for (let i = 0; i < 5; i++) x = cell(x)
  }
  return b.build(b.dense(b.globalAveragePool(b.activation(b.batchNorm(x), 'relu')), 10))
}

export interface FbnetLayer {
  readonly cin: number
  readonly cout: number
  readonly stride: number
}

const FBNET_OPS = [
  { kernel: 3, expansion: 1 },
  undefined,
  { kernel: 3, expansion: 3 },
  { kernel: 3, expansion: 6 },
  { kernel: 5, expansion: 1 },
  undefined,
  { kernel: 5, expansion: 3 },
  { kernel: 5, expansion: 6 },
] as const
const FBNET_SKIP = '8'

/** FBNet network for 32×32 images; undefined when a block has grouped convolutions, which networks here cannot hold. */
export function fbnet(choices: string, layers: readonly FbnetLayer[]): NetworkGraph | undefined {
  const b = new GraphBuilder()
  let x = convBn(b, b.input([32, 32, 3]), 16, 3, 1, 'relu')
  for (const [i, { cin, cout, stride }] of layers.entries()) {
    if (choices[i] === FBNET_SKIP) {
      if (stride !== 1 || cin !== cout) x = convBn(b, x, cout, 1, stride, 'relu')
      continue
    }
    const op = FBNET_OPS[Number(choices[i])]
    if (op === undefined) return undefined
    let y = convBn(b, x, cin * op.expansion, 1, 1, 'relu')
    y = depthwiseBn(b, y, op.kernel, stride, 'relu')
    y = convBn(b, y, cout, 1, 1, 'none')
    x = stride === 1 && cin === cout ? b.add(x, y) : y
  }
  x = b.globalAveragePool(convBn(b, x, 1504, 1, 1, 'relu'))
  return b.build(b.dense(x, 100))
}
