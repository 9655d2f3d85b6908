import { setImmediate as nextTurn } from 'node:timers/promises'
import { UserError } from '../lib/errors.ts'
import type { RandomStream } from '../lib/random.ts'
import type { GenomeOperations } from '../spaces/genome.ts'
import type { SearchSpace, Task } from '../spaces/space.ts'
import { impossibleLimits } from './impossible-limits.ts'
import { type ObjectiveName, objectiveVector } from './objectives.ts'
import { type Candidate, isFeasible, leastViolation, priceGenome, type SearchDevice } from './pricing.ts'

export interface ProbePlan {
  readonly space: SearchSpace
  readonly task: Task
  readonly operations: GenomeOperations
  readonly devices: readonly SearchDevice[]
  readonly objectives: readonly ObjectiveName[]
}

export interface SpaceProbe {
  /** Per device, the worst corner of the hypervolume: the error of guessing, and the largest of each cost among the samples. */
  readonly references: Readonly<Record<string, readonly number[]>>
  /** Devices whose limits none of the samples meets, while another device's are met: their fronts may stay empty. */
  readonly doubtfulDevices: readonly string[]
  /** The random candidates that were looked at. */
  readonly samples: readonly Candidate[]
}

const SAMPLES = 200
const ATTEMPTS = 3000

/**
 * Looks at the space before anything is trained.
 * Everything found depends on the seed, space, task, devices and limits only, so that runs can be compared.
 * @throws UserError when no candidate can meet the limits, naming the limit that turns all of them down, and the closest one.
 */
export async function probeSpace(plan: ProbePlan, random: RandomStream): Promise<SpaceProbe> {
  const samples: Candidate[] = []
  for (let i = 0; i < SAMPLES; i++) {
    samples.push(priceGenome(plan.space, plan.task, plan.devices, plan.operations.sample(random)))
    if (i % 20 === 19) await nextTurn()
  }
  if (!samples.some(isFeasible)) await descendToFeasible(plan, samples, random)

  const references: Record<string, readonly number[]> = {}
  plan.devices.forEach((device, d) => {
    references[device.id] = plan.objectives.map((name, o) => {
      if (name === 'accuracy') return 1 - 1 / plan.task.classCount
      return Math.max(
        ...samples.map((sample) => {
          const vector = objectiveVector(plan.objectives, { ...sample.prices[d]!, macs: sample.macs, accuracy: 0 })
          return 'ok' in vector ? 0 : vector[o]!
        }),
      )
    })
  })
  const doubtfulDevices = plan.devices.flatMap(({ id }, d) =>
    samples.some(({ violation }) => violation[d] === 0) ? [] : [id],
  )
  return { references, doubtfulDevices, samples }
}

/** Walks downhill in violation from the best samples; returns when a feasible candidate turns up. */
async function descendToFeasible(plan: ProbePlan, samples: readonly Candidate[], random: RandomStream): Promise<void> {
  const tried = [...samples]
  const parents = [...samples].sort((a, b) => leastViolation(a) - leastViolation(b)).slice(0, 10)
  for (let i = 0; i < ATTEMPTS; i++) {
    const parent = i % parents.length
    const genome = plan.operations.mutate(parents[parent]!.genome, random)
    const child = priceGenome(plan.space, plan.task, plan.devices, genome)
    if (isFeasible(child)) return
    tried.push(child)
    if (leastViolation(child) <= leastViolation(parents[parent]!)) parents[parent] = child
    if (i % 20 === 19) await nextTurn()
  }
  throw new UserError(impossibleLimits(plan, tried))
}
