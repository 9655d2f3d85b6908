import type { Recipe } from '../../evaluators/training/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph, Padding, Pair } from '../../network/types.ts'

/** Continues a network from a map `[6, 5, 2]`; returns the node to classify from. */
export type Case = (g: GraphBuilder, x: string) => string

const WINDOWS: readonly [Pair, Pair, Padding][] = [
  [[1, 1], [1, 1], 'same'],
  [[3, 3], [1, 1], 'same'],
  [[3, 3], [2, 2], 'same'],
  [[1, 1], [2, 2], 'same'],
  [[5, 3], [2, 1], 'same'],
  [[2, 2], [2, 2], 'valid'],
  [[3, 2], [1, 2], 'valid'],
  [[2, 2], [3, 3], 'valid'],
]

const windowCases = WINDOWS.flatMap(([kernel, stride, padding]): [string, Case][] => {
  const name = `${kernel} stride ${stride} ${padding}`
  const window = { kernel, stride, padding }
  return [
    [`conv2d ${name}`, (g, x) => g.conv2d(g.conv2d(x, 3), 2, window)],
    [`depthwiseConv2d ${name}`, (g, x) => g.depthwiseConv2d(g.conv2d(x, 3), window)],
    [`averagePool ${name}`, (g, x) => g.node({ kind: 'averagePool', ...window }, g.conv2d(x, 3))],
    [`maxPool ${name}`, (g, x) => g.node({ kind: 'maxPool', ...window }, g.conv2d(x, 3))],
  ]
})

const activationCases = (['relu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid', 'softmax'] as const).map(
  (kind): [string, Case] => [kind, (g, x) => g.conv2d(g.activation(g.conv2d(x, 4, { bias: true }), kind), 2)],
)

const router = (g: GraphBuilder, x: string, experts: number): string =>
  g.activation(g.dense(g.globalAveragePool(x), experts), 'softmax')

/** Experts that start with a pointwise product (which reads the shared map directly) or with something else. */
function experts(count: number, topK: number, start: 'pointwise' | 'depthwise' | 'both' | 'window'): Case {
  return (g, x) => {
    const body = new GraphBuilder()
    const entry = body.input(g.shape(x))
    const pointwise = body.activation(body.batchNorm(body.conv2d(entry, 3)), 'relu6')
    const depthwise = body.conv2d(body.depthwiseConv2d(entry, { kernel: 3 }), 3, { bias: true })
    const window = body.conv2d(body.conv2d(entry, 3, { kernel: 3 }), 3, { kernel: [2, 3] })
    const outputs = { pointwise, depthwise, both: body.add(pointwise, depthwise), window }
    return g.routedExperts(x, router(g, x, count), topK, body.build(outputs[start]))
  }
}

export const CASES: readonly [string, Case][] = [
  ['a bare classifier', (_g, x) => x],
  ['biases', (g, x) => g.depthwiseConv2d(g.conv2d(x, 3, { kernel: 3, bias: true }), { kernel: 3, bias: true })],
  ['batchNorm', (g, x) => g.conv2d(g.batchNorm(g.conv2d(x, 4)), 2, { kernel: 2 })],
  ['batchNorm of the input', (g, x) => g.conv2d(g.batchNorm(x), 2, { kernel: 2 })],
  ['batchNorm and relu', (g, x) => g.conv2d(g.activation(g.batchNorm(g.conv2d(x, 4)), 'relu'), 3)],
  ['batchNorm and relu6', (g, x) => g.conv2d(g.activation(g.batchNorm(g.conv2d(x, 4)), 'relu6'), 3)],
  [
    'batchNorm read twice',
    (g, x) => {
      const y = g.batchNorm(g.conv2d(x, 4))
      return g.add(g.activation(y, 'relu'), y)
    },
  ],
  [
    'batchNorm behind windows',
    (g, x) => {
      const y = g.activation(g.batchNorm(g.conv2d(x, 4, { kernel: 3, stride: 2 })), 'relu6')
      return g.activation(g.batchNorm(g.depthwiseConv2d(y, { kernel: 3 })), 'relu')
    },
  ],
  [
    'blocked convolutions',
    (g, x) => g.conv2d(g.conv2d(g.conv2d(x, 12), 20, { kernel: 3, bias: true }), 8, { kernel: 5 }),
  ],
  [
    'blocked convolutions with strides',
    (g, x) => {
      const y = g.conv2d(g.conv2d(x, 16), 36, { kernel: 3, stride: 2 })
      return g.conv2d(y, 12, { kernel: [2, 3], stride: [1, 2], padding: 'valid' })
    },
  ],
  [
    'a wide map',
    (g, x) => {
      const wide = g.node({ kind: 'reshape', shape: [3, 10, 2] }, x)
      const y = g.depthwiseConv2d(g.conv2d(wide, 8), { kernel: [3, 5] })
      return g.depthwiseConv2d(g.conv2d(y, 8, { kernel: 3 }), { kernel: 3, stride: 2 })
    },
  ],
  ['add of three', (g, x) => g.add(g.conv2d(x, 3), g.conv2d(x, 3), g.conv2d(x, 3, { kernel: 3 }))],
  ['concat', (g, x) => g.conv2d(g.node({ kind: 'concat' }, g.conv2d(x, 3), x, g.conv2d(x, 1)), 2)],
  [
    'squeeze and excite',
    (g, x) => {
      const y = g.conv2d(x, 4)
      const squeezed = g.activation(g.conv2d(g.globalAveragePool(y, true), 2, { bias: true }), 'relu')
      return g.multiply(y, g.activation(g.conv2d(squeezed, 4, { bias: true }), 'hardSigmoid'))
    },
  ],
  ['multiply by a vector', (g, x) => g.multiply(g.conv2d(x, 2), g.dense(g.globalAveragePool(x), 2))],
  ['multiply of maps', (g, x) => g.multiply(g.conv2d(x, 3), g.conv2d(x, 3))],
  [
    'square',
    (g, x) => {
      const y = g.conv2d(x, 3)
      return g.multiply(y, y)
    },
  ],
  ['reshape to a vector', (g, x) => g.node({ kind: 'reshape', shape: [60] }, g.conv2d(x, 2))],
  [
    'reshape to a map',
    (g, x) => g.conv2d(g.node({ kind: 'reshape', shape: [4, 3, 5] }, g.conv2d(x, 2)), 2, { kernel: 2 }),
  ],
  [
    'vector to map',
    (g, x) => {
      const features = g.dense(g.node({ kind: 'reshape', shape: [60] }, x), 12)
      return g.conv2d(g.node({ kind: 'reshape', shape: [3, 2, 2] }, features), 2, { kernel: 2 })
    },
  ],
  ['one of three experts', experts(3, 1, 'depthwise')],
  ['two of four experts', experts(4, 2, 'pointwise')],
  ['two of three experts with windows', experts(3, 2, 'window')],
  ['a single expert', experts(1, 1, 'both')],
  ['all of three experts', experts(3, 3, 'pointwise')],
  [
    'experts that hand on what they read',
    (g, x) => {
      const throughExperts = (y: string, count: number): string => {
        const body = new GraphBuilder()
        return g.routedExperts(y, router(g, y, count), 1, body.build(body.input(g.shape(y))))
      }
      return throughExperts(g.conv2d(throughExperts(x, 2), 3), 3)
    },
  ],
  ['two of three experts, both ways in', experts(3, 2, 'both')],
  [
    'experts inside experts',
    (g, x) => {
      const body = new GraphBuilder()
      const nested = experts(3, 2, 'both')(body, body.input(g.shape(x)))
      return g.routedExperts(x, router(g, x, 2), 2, body.build(nested))
    },
  ],
  ...activationCases,
  ...windowCases,
]

export const CASE_CLASSES = 3

/** The case as a whole network with a classifier behind it. */
export function caseGraph(build: Case): NetworkGraph {
  const g = new GraphBuilder()
  const result = build(g, g.input([6, 5, 2]))
  const features = g.shape(result).length === 3 ? g.globalAveragePool(result) : result
  return g.build(g.activation(g.dense(features, CASE_CLASSES), 'softmax'))
}

/** The network of a case. */
export const namedCase = (name: string): NetworkGraph => caseGraph(CASES.find(([other]) => other === name)![1])

/** A short training with fake quantisation, fast enough that three steps change something. */
export const FAKE_QUANTISED: Recipe = {
  ...DEFAULT_RECIPE,
  batchSize: 16,
  learningRate: 0.05,
  weightDecay: 0.01,
  loadBalancing: 0.2,
  fakeQuantise: 'int8',
}
