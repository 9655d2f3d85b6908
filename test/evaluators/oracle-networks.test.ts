import test from 'ava'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { randomStream } from '../../lib/random.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { Task } from '../../spaces/space.ts'
import { compareEngines, NUDGED_ORACLE } from './oracle.ts'

const TOLERANCE = 1e-3
/** The oracle computes in plain JavaScript: only small networks are quick. */
const MAX_MACS = 250_000
const MAX_PARAMS = 60_000
const NETWORKS = 3

const recipe: Recipe = {
  ...DEFAULT_RECIPE,
  batchSize: 16,
  learningRate: 0.05,
  weightDecay: 0.01,
  labelSmoothing: 0.1,
  loadBalancing: 0.2,
}
const TASKS: readonly Task[] = [
  { inputShape: [8, 8, 1], classCount: 4 },
  { inputShape: [9, 7, 3], classCount: 3 },
]

async function randomNetworks(spaceId: string, task: Task): Promise<readonly NetworkGraph[]> {
  const space = await loadSpace(spaceId)
  const { sample } = geneOperations(space.genes(task))
  const stream = randomStream(7, spaceId)
  const networks: NetworkGraph[] = []
  while (networks.length < NETWORKS) {
    const graph = space.decode(sample(stream), task)
    if (countMacs(graph) <= MAX_MACS && countParams(graph) <= MAX_PARAMS) networks.push(graph)
  }
  return networks
}

for (const spaceId of ['mobilenet', 'moe']) {
  for (const task of TASKS) {
    test(`random networks of ${spaceId} on ${task.inputShape.join('×')}: both engines agree`, async (t) => {
      for (const [index, graph] of (await randomNetworks(spaceId, task)).entries()) {
        const { logits, loss, gradients, statistics, threeSteps, worst } = await compareEngines(graph, recipe, index)
        for (const [what, error] of Object.entries({ logits, loss, gradients, statistics })) {
          t.true(error <= TOLERANCE, `network ${index}: ${what} differ by ${error}; worst: ${worst}`)
        }
        // Where rounding carries an input of ReLU across 0 between steps, no two orders of summing agree any more.
        const limit =
          threeSteps <= TOLERANCE
            ? TOLERANCE
            : 3 * (await compareEngines(graph, recipe, index, NUDGED_ORACLE)).threeSteps
        t.true(threeSteps <= limit, `network ${index}: three steps differ by ${threeSteps}; worst: ${worst}`)
        t.log(
          `gradients ${gradients.toExponential(1)}, statistics ${statistics.toExponential(1)}, three steps ${threeSteps.toExponential(1)}`,
        )
      }
    })
  }
}
