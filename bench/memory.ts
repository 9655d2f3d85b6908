/**
 * Whether memory stays flat over many trainings in one process: `node bench/memory.ts [trainings] [printed every]`.
 * Random networks of two spaces, each of another shape, on a little of the built-in data. Prints the resident memory as
 * it goes, its range once the first fifth is over, and how far it rises from there.
 */
import { loadDataset } from '../evaluators/datasets/load.ts'
import { evaluateCandidate } from '../evaluators/proxy/evaluate-candidate.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../evaluators/training/recipe.ts'
import { randomStream } from '../lib/random.ts'
import { archId } from '../network/measure.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'

const [trainings = 500, every = 25] = process.argv.slice(2).map(Number)
const warmUp = Math.floor(trainings / 5)
const dataset = await loadDataset('builtin', { seed: 1 })
const task = { inputShape: dataset.inputShape, classCount: dataset.classNames.length }
const spaces = await Promise.all(['mobilenet', 'moe'].map(loadSpace))
const random = randomStream(1, 'memory')
const megabytes = (): number => process.memoryUsage().rss / 2 ** 20

const afterWarmUp: number[] = []
const shapes = new Set<string>()
for (let i = 0; i < trainings; i++) {
  const space = spaces[i % spaces.length]!
  const graph = space.decode(geneOperations(space.genes(task)).sample(random), task)
  shapes.add(archId(graph))
  const request = {
    graph,
    archId: archId(graph),
    fidelity: { epochs: 1, dataFraction: 0.03 },
    recipe: DEFAULT_RECIPE,
    seed: i,
  }
  const result = await evaluateCandidate(request, dataset, onnxEngine)
  if (!result.ok) throw new Error(`training ${i} failed: ${result.message}`)
  if (i >= warmUp) afterWarmUp.push(megabytes())
  if ((i + 1) % every === 0) console.log(`${i + 1} trainings: ${megabytes().toFixed(0)} MB`)
}
const [low, high] = [Math.min(...afterWarmUp), Math.max(...afterWarmUp)]
const rise = high - afterWarmUp[0]!
console.log(
  `${trainings} trainings of ${shapes.size} networks; after the first ${warmUp}: ${low.toFixed(0)} to ${high.toFixed(0)} MB, ` +
    `never more than ${rise.toFixed(0)} MB above where they ended`,
)
