import { countMacs } from '../network/measure.ts'
import type { Genome } from '../spaces/genome.ts'
import type { SearchSpace, Task } from '../spaces/space.ts'
import type { KnownCosts } from './algorithm.ts'
import { type ObjectiveName, objectiveVector } from './objectives.ts'
import type { SearchDevice } from './pricing.ts'

export interface KnownCostsPlan {
  readonly space: SearchSpace
  readonly task: Task
  readonly devices: readonly SearchDevice[]
  /** `accuracy` first. */
  readonly objectives: readonly ObjectiveName[]
}

/** Genomes whose costs are remembered; an algorithm asks for those of its archive again and again. */
const REMEMBERED = 20_000

/**
 * The exact costs of a genome on every device, without training: what algorithms may use for free. The error, whose place
 * is left out of the vectors, is the only thing that has to be measured.
 */
export function knownCosts({
  space,
  task,
  devices,
  objectives,
}: KnownCostsPlan): (genome: Genome) => readonly KnownCosts[] {
  const remembered = new Map<string, readonly KnownCosts[]>()
  return (genome) => {
    const key = genome.join()
    const known = remembered.get(key)
    if (known !== undefined) return known
    const graph = space.decode(genome, task)
    // Every candidate is priced, so they are counted for those only who search for few.
    const macs = objectives.includes('macs') ? countMacs(graph) : 0
    const costs = devices.map((device): KnownCosts => {
      const price = device.price(graph)
      const vector = objectiveVector(objectives, { ...price, macs, accuracy: 0 })
      const violation = price.violations.reduce((sum, { relative }) => sum + relative, 0)
      // A cost that is no number can never be searched for: the loop records such a candidate as a failure.
      return 'ok' in vector
        ? { costs: objectives.slice(1).map(() => Number.MAX_VALUE), violation: Number.MAX_VALUE }
        : { costs: vector.slice(1), violation }
    })
    if (remembered.size >= REMEMBERED) remembered.clear()
    remembered.set(key, costs)
    return costs
  }
}
