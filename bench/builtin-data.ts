/**
 * How hard the built-in data set is: a linear classifier, multi-layer perceptrons and convolutional networks of several
 * sizes, trained alike: `npx node bench/builtin-data.ts [epochs]`.
 */
import { loadDataset } from '../evaluators/datasets/load.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../evaluators/training/recipe.ts'
import { trainNetwork } from '../evaluators/training/train.ts'
import { GraphBuilder } from '../network/build.ts'
import { countMacs, countParams } from '../network/measure.ts'
import type { NetworkGraph } from '../network/types.ts'
import { benchArguments } from './usage.ts'

const SEEDS = [1, 2, 3]
const dataset = await loadDataset('builtin', { seed: 1 })
const classes = dataset.classNames.length

/** Dense layers with batch normalisation, written as 1×1 convolutions of a 1×1 map. */
function perceptron(hidden: readonly number[]): NetworkGraph {
  const g = new GraphBuilder()
  let x = g.node(
    { kind: 'reshape', shape: [1, 1, dataset.inputShape.reduce((a, b) => a * b, 1)] },
    g.input(dataset.inputShape),
  )
  for (const units of hidden) x = g.activation(g.batchNorm(g.conv2d(x, units)), 'relu')
  return g.build(g.dense(g.globalAveragePool(x), classes))
}

/** 3×3 convolutions; `[filters, stride]` each. */
function convolutional(layers: readonly (readonly [number, number])[]): NetworkGraph {
  const g = new GraphBuilder()
  let x = g.input(dataset.inputShape)
  for (const [filters, stride] of layers) {
    x = g.activation(g.batchNorm(g.conv2d(x, filters, { kernel: 3, stride })), 'relu6')
  }
  return g.build(g.dense(g.globalAveragePool(x), classes))
}

const three = (w: number) =>
  convolutional([
    [w, 1],
    [2 * w, 2],
    [4 * w, 2],
  ])
const five = (w: number) =>
  convolutional([
    [w, 1],
    [2 * w, 2],
    [2 * w, 1],
    [4 * w, 2],
    [4 * w, 1],
  ])

const NETWORKS: Readonly<Record<string, NetworkGraph>> = {
  linear: perceptron([]),
  'MLP 64': perceptron([64]),
  'MLP 256-128': perceptron([256, 128]),
  'MLP 512-512-256': perceptron([512, 512, 256]),
  '3 convolutions, width 2': three(2),
  '3 convolutions, width 4': three(4),
  '3 convolutions, width 8': three(8),
  '5 convolutions, width 4': five(4),
  '5 convolutions, width 8': five(8),
  '5 convolutions, width 12': five(12),
}

const epochs = Number(benchArguments('bench/builtin-data.ts [EPOCHS]', {}, [0, 1]).positionals[0] ?? 5)
console.log(`${dataset.splits.train.length} training samples, ${epochs} epochs, mean of ${SEEDS.length} seeds`)
for (const [name, graph] of Object.entries(NETWORKS)) {
  let accuracy = 0
  const started = performance.now()
  for (const seed of SEEDS) {
    const trained = await trainNetwork({
      graph,
      dataset,
      recipe: DEFAULT_RECIPE,
      fidelity: { epochs, dataFraction: 1 },
      seed,
      engine: onnxEngine,
      measureOn: ['test'],
    })
    if (!trained.ok) throw new Error(trained.message)
    accuracy += trained.accuracy.test! / SEEDS.length
  }
  const seconds = (performance.now() - started) / 1000 / SEEDS.length
  console.log(
    `${name.padEnd(24)} ${(countMacs(graph) / 1000).toFixed(0).padStart(5)} kMAC ` +
      `${(countParams(graph) / 1000).toFixed(1).padStart(6)} k parameters  test ${(100 * accuracy).toFixed(1)} %  ` +
      `${seconds.toFixed(1)} s`,
  )
}
