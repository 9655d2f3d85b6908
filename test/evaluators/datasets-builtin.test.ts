import test from 'ava'
import { createBatcher, epochOrder } from '../../evaluators/datasets/batches.ts'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { trainNetwork } from '../../evaluators/training/train.ts'
import { sha256Hex } from '../../lib/canonical-json.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { load } from './datasets-support.ts'

const dataset = await load('builtin')
const CLASSES = 10
const SIZE = 256

test('the pictures are the same on every machine', (t) => {
  t.is(
    sha256Hex(new Uint8Array(dataset.samples.buffer)),
    '58615778f37f68aaab0a815b1bbeebf5574920947bc8c3283109ff791b528f8b',
  )
  t.deepEqual([...dataset.labels.subarray(0, 12)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
})

test('the parts are fixed and hold every class equally often', (t) => {
  for (const [split, size] of [
    ['train', 3000],
    ['validation', 500],
    ['test', 1000],
  ] as const) {
    const counts = new Array<number>(CLASSES).fill(0)
    for (const index of dataset.splits[split]) counts[dataset.labels[index]!]!++
    t.deepEqual(counts, new Array(CLASSES).fill(size / CLASSES))
  }
})

/** Test accuracy of softmax regression trained by plain gradient descent, one sample at a time. */
function linearAccuracy(data: Dataset, epochs: number, learningRate: number): number {
  const batcher = createBatcher(data, data.inputShape)
  const weights = new Float64Array(CLASSES * (SIZE + 1))
  const x = new Float32Array(SIZE)
  const label = new Int32Array(1)
  const scores = new Float64Array(CLASSES)
  const visit = (indices: Uint32Array, at: number): void => {
    batcher.fill(indices, at, 1, x)
    batcher.labels(indices, at, 1, label)
    for (let c = 0; c < CLASSES; c++) {
      const row = c * (SIZE + 1)
      scores[c] = weights[row + SIZE]!
      for (let i = 0; i < SIZE; i++) scores[c]! += weights[row + i]! * x[i]!
    }
  }
  const random = randomStream(1, 'linear')
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = epochOrder(data.splits.train, 1, random)
    for (let at = 0; at < order.length; at++) {
      visit(order, at)
      const largest = Math.max(...scores)
      const exponentials = scores.map((score) => Math.exp(score - largest))
      const total = exponentials.reduce((sum, value) => sum + value, 0)
      for (let c = 0; c < CLASSES; c++) {
        const step = learningRate * (exponentials[c]! / total - (c === label[0] ? 1 : 0))
        const row = c * (SIZE + 1)
        for (let i = 0; i < SIZE; i++) weights[row + i]! -= step * x[i]!
        weights[row + SIZE]! -= step
      }
    }
  }
  const { test: indices } = data.splits
  let correct = 0
  for (let at = 0; at < indices.length; at++) {
    visit(indices, at)
    if (scores.indexOf(Math.max(...scores)) === label[0]) correct++
  }
  return correct / indices.length
}

test('a linear classifier stays below 35 %', (t) => {
  const accuracy = linearAccuracy(dataset, 10, 0.002)
  t.log(`linear ${(100 * accuracy).toFixed(1)} %`)
  t.true(accuracy < 0.35)
})

function perceptron(hidden: readonly number[]): NetworkGraph {
  const g = new GraphBuilder()
  let x = g.node({ kind: 'reshape', shape: [1, 1, SIZE] }, g.input(dataset.inputShape))
  for (const units of hidden) x = g.activation(g.batchNorm(g.conv2d(x, units)), 'relu')
  return g.build(g.dense(g.globalAveragePool(x), CLASSES))
}

function convolutional(width: number): NetworkGraph {
  const g = new GraphBuilder()
  let x = g.input(dataset.inputShape)
  for (const [factor, stride] of [
    [1, 1],
    [2, 2],
    [2, 1],
    [4, 2],
    [4, 1],
  ] as const) {
    x = g.activation(g.batchNorm(g.conv2d(x, factor * width, { kernel: 3, stride })), 'relu6')
  }
  return g.build(g.dense(g.globalAveragePool(x), CLASSES))
}

test('convolutions beat a perceptron of the same cost by far, and more of them help', async (t) => {
  const accuracyOf = async (graph: NetworkGraph) => {
    const job = { graph, dataset, recipe: DEFAULT_RECIPE, fidelity: { epochs: 5, dataFraction: 1 }, seed: 1 }
    const trained = await trainNetwork({ ...job, engine: onnxEngine, measureOn: ['test'] })
    if (!trained.ok) throw new Error(trained.message)
    const accuracy = trained.accuracy.test!
    t.log(`${(countMacs(graph) / 1000).toFixed(0)} kMAC: ${(100 * accuracy).toFixed(1)} %`)
    return accuracy
  }
  const perceptronAccuracy = await accuracyOf(perceptron([512, 512, 256]))
  const small = await accuracyOf(convolutional(4))
  const medium = await accuracyOf(convolutional(8))
  t.true(perceptronAccuracy < 0.6)
  t.true(medium > 0.8)
  t.true(medium > small + 0.1)
})
