import { randomStream } from '../../lib/random.ts'
import type { FrontResult, Told } from '../../search/algorithm.ts'
import nsga2 from '../../search/algorithms/nsga2.algorithm.ts'
import type { Ladder } from '../../search/fidelity/ladder.ts'
import { genomeDistance } from '../../search/fidelity/parents.ts'
import { type Assignment, FidelityScheduler, type SchedulerPlan } from '../../search/fidelity/scheduler.ts'
import { TOY_GENES, type ToyOptions, toyConfig, toyResult } from './toy-problem.ts'

export const LADDER: Ladder = { rungs: 3, reduction: 3, promotion: 'asynchronous' }

export const schedulerPlan = (changes: Partial<SchedulerPlan> = {}): SchedulerPlan => ({
  networks: 50,
  ladder: LADDER,
  frontCount: 1,
  objectiveCount: 2,
  distance: genomeDistance(TOY_GENES),
  ...changes,
})

export const newScheduler = (plan: SchedulerPlan = schedulerPlan(), seed = 1): FidelityScheduler =>
  new FidelityScheduler(nsga2.create(toyConfig({ frontCount: plan.frontCount }), randomStream(seed, 'search')), plan)

/** A trial that was told, as the loop would keep it. */
export interface ToldTrial extends Assignment {
  readonly trial: number
  readonly fronts: readonly FrontResult[]
}

/** The error on a rung: larger on lower ones, and with a ripple of its own on each. */
export function fronts(assignment: Assignment, rungs: number, options: ToyOptions = {}): readonly FrontResult[] {
  const below = rungs - 1 - assignment.rung
  return toyResult(assignment.genome, 0, options).fronts.map(({ objectives, violation }) => {
    if (objectives === undefined) return { objectives, violation }
    const [error, ...costs] = objectives
    const ripple = 1 + (0.1 * below * (assignment.genome.reduce((sum, gene, i) => sum + gene * (i + 3), 0) % 7)) / 7
    return { objectives: [(error! + 0.2) * 1.8 ** below * ripple, ...costs], violation }
  })
}

export interface Run {
  readonly told: ToldTrial[]
  readonly open: { readonly trial: number; readonly assignment: Assignment }[]
}

/** Asks and tells with a look-ahead until nothing is left, or until so many trials are told. */
export function advance(
  scheduler: FidelityScheduler,
  { told, open }: Run,
  lookAhead: number,
  until = Number.POSITIVE_INFINITY,
  answer: (assignment: Assignment, trial: number) => readonly FrontResult[] = (assignment) => fronts(assignment, 3),
): Run {
  while (told.length < until) {
    while (open.length < lookAhead) {
      const assignment = scheduler.ask()
      if (assignment === undefined) break
      const trial = told.length + open.length
      scheduler.accept(trial, assignment)
      open.push({ trial, assignment })
    }
    const first = open.shift()
    if (first === undefined) break
    const result = answer(first.assignment, first.trial)
    scheduler.tell(first.trial, result)
    told.push({ ...first.assignment, trial: first.trial, fronts: result })
  }
  return { told, open }
}

export const wholeRun = (
  scheduler: FidelityScheduler,
  lookAhead = 4,
  answer?: (assignment: Assignment, trial: number) => readonly FrontResult[],
): readonly ToldTrial[] => advance(scheduler, { told: [], open: [] }, lookAhead, Number.POSITIVE_INFINITY, answer).told

export const asTold = ({ genome, fronts }: ToldTrial): Told => ({ genome, fronts })
