/**
 * Which peak learning rate trains random networks best, by validation accuracy only:
 * `node bench/learning-rate.ts DATA EPOCHS[:SHARE] [rate …]`, such as `node bench/learning-rate.ts ../mnist 2 0.05 0.1 0.2`.
 * Networks are drawn with a seed of their own, so that they are not those of `frugal bench proxy`. RECIPE names another recipe.
 */
import { loadDataset } from '../evaluators/datasets/load.ts'
import { evaluateCandidate } from '../evaluators/proxy/evaluate-candidate.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { loadRecipe } from '../evaluators/training/recipe.ts'
import { randomStream } from '../lib/random.ts'
import { archId } from '../network/measure.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'
import { benchArguments } from './usage.ts'

const NETWORKS = 8
const SEED = 77

const { positionals } = benchArguments('bench/learning-rate.ts [DATA] [EPOCHS[:SHARE]] [RATE...]', {}, [
  0,
  Number.POSITIVE_INFINITY,
])
const [data = 'builtin', spent = '1', ...wanted] = positionals
const [epochs, share = 1] = spent.split(':').map(Number) as [number, number?]
const rates = wanted.length > 0 ? wanted.map(Number) : [0.05, 0.1, 0.2, 0.4]
const recipe = loadRecipe(process.env['RECIPE'] ?? 'default')
const dataset = await loadDataset(data, { seed: SEED })
const space = await loadSpace('mobilenet')
const task = { inputShape: dataset.inputShape, classCount: dataset.classNames.length }
const operations = geneOperations(space.genes(task))
const random = randomStream(SEED, 'learning-rate')
const graphs = Array.from({ length: NETWORKS }, () => space.decode(operations.sample(random), task))

for (const learningRate of rates) {
  const accuracies: number[] = []
  for (const [i, graph] of graphs.entries()) {
    const fidelity = { epochs, dataFraction: share }
    const request = { graph, archId: archId(graph), fidelity, recipe: { ...recipe, learningRate }, seed: SEED + i }
    const result = await evaluateCandidate(request, dataset, onnxEngine)
    accuracies.push(result.ok ? result.accuracy : 0)
  }
  const mean = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / NETWORKS
  const each = accuracies.map((accuracy) => accuracy.toFixed(3)).join(' ')
  console.log(`rate ${learningRate}: mean validation accuracy ${mean.toFixed(4)} (${each})`)
}
