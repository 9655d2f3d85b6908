import { cpuSecondsNow } from '../../evaluators/proxy/cpu-time.ts'
import type { RandomStream } from '../../lib/random.ts'
import type { Algorithm, AlgorithmDefinition, Genome } from '../algorithm.ts'
import type { Ladder } from '../fidelity/ladder.ts'
import type { TabularEvaluation, TabularProblem } from './problem.ts'
import { type Scale, type Score, scoreOf } from './score.ts'

/** How a table is searched in stages. */
export interface StagedSettings {
  readonly ladder: Ladder
  /** Epochs of the training behind each rung's column, counted in full: a table's trainings do not go on. */
  readonly epochs: readonly number[]
  /** Networks begun for each evaluation: cheap ones may be more than would be trained fully. */
  readonly begin: number
}

export interface RunSettings {
  /** Numbers of evaluated architectures after which a search is scored, ascending. */
  readonly evaluations: readonly number[]
  readonly populationSize: number
  /** Algorithms must measure the costs as they measure the error. */
  readonly hideCosts: boolean
  /** Genomes that are asked for before the first of them is told, as where so many are trained at a time; 1 tells each at once (default). */
  readonly lookAhead?: number
  /** Searches in stages are run, too. */
  readonly staged?: StagedSettings
}

export interface Run {
  /** Per number of evaluations and device. */
  readonly scores: readonly (readonly Score[])[]
  /** Architectures evaluated: fewer than asked for when the algorithm came up with nothing new. */
  readonly evaluated: number
  /** Mean processor milliseconds of the last hundred asks, each with its tell; of a search in stages, of all of them. */
  readonly askMs: number
  /** Of searches in stages, per number of evaluations: epochs as a share of training all of them fully. */
  readonly epochShares?: readonly number[]
}

/** Proposals in a row of genomes that are missing or known already, after which a search has run dry. */
export const MOST_FUTILE_ASKS = 2000
const TIMED_ASKS = 100

/** The algorithm, ready to search a table. */
export function searchedAlgorithm(
  problem: TabularProblem,
  evaluation: TabularEvaluation,
  definition: AlgorithmDefinition,
  random: RandomStream,
  settings: RunSettings,
): Algorithm {
  return definition.create(
    {
      operations: evaluation.operations,
      objectiveCount: 1 + problem.costs[0]!.length,
      frontCount: problem.costs.length,
      populationSize: settings.populationSize,
      ...(settings.hideCosts ? {} : { cheapObjectives: evaluation.knownCosts }),
    },
    random,
  )
}

/** One search of a table: the problem's devices together, one front each. */
export function runTabular(
  problem: TabularProblem,
  evaluation: TabularEvaluation,
  definition: AlgorithmDefinition,
  scales: readonly Scale[],
  random: RandomStream,
  settings: RunSettings,
): Run {
  const algorithm = searchedAlgorithm(problem, evaluation, definition, random, settings)
  const evaluated = new Set<number>()
  const scores: Score[][] = []
  const times: number[] = []
  const open: Genome[] = []
  const score = () => problem.costs.map((_, device) => scoreOf(problem, device, [...evaluated], scales[device]!))
  for (let futile = 0; scores.length < settings.evaluations.length && futile < MOST_FUTILE_ASKS; ) {
    const start = cpuSecondsNow()
    while (open.length < (settings.lookAhead ?? 1)) open.push(algorithm.ask())
    const genome = open.shift()!
    algorithm.tell(evaluation.told(genome))
    times.push(1000 * (cpuSecondsNow() - start))
    const architecture = evaluation.architecture(genome)
    if (architecture === undefined || evaluated.has(architecture)) {
      futile++
      continue
    }
    futile = 0
    evaluated.add(architecture)
    if (evaluated.size === settings.evaluations[scores.length]) scores.push(score())
  }
  while (scores.length < settings.evaluations.length) scores.push(score())
  const last = times.slice(-TIMED_ASKS)
  return { scores, evaluated: evaluated.size, askMs: last.reduce((sum, time) => sum + time, 0) / last.length }
}
