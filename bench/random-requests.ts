import type { Dataset } from '../evaluators/datasets/dataset.ts'
import type { EvaluationRequest } from '../evaluators/evaluator.ts'
import { DEFAULT_RECIPE } from '../evaluators/training/recipe.ts'
import { randomStream } from '../lib/random.ts'
import { archId, countMacs } from '../network/measure.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'

/** Trainings of random networks of the mobilenet space. @param spent `EPOCHS[:SHARE]` of each. */
export async function randomRequests(
  dataset: Dataset,
  count: number,
  spent: string,
  label: string,
): Promise<readonly EvaluationRequest[]> {
  const [epochs, dataFraction = 1] = spent.split(':').map(Number) as [number, number?]
  const { genes, decode } = await loadSpace('mobilenet')
  const task = { inputShape: dataset.inputShape, classCount: dataset.classNames.length }
  const operations = geneOperations(genes(task))
  const random = randomStream(1, label)
  return Array.from({ length: count }, (_, seed) => {
    const graph = decode(operations.sample(random), task)
    return { graph, archId: archId(graph), fidelity: { epochs, dataFraction }, recipe: DEFAULT_RECIPE, seed }
  })
}

/** The same trainings, largest network first. */
export const largestFirst = (requests: readonly EvaluationRequest[]): readonly EvaluationRequest[] =>
  requests.toSorted((a, b) => countMacs(b.graph) - countMacs(a.graph))
