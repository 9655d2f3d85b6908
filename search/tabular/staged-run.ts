import { cpuSecondsNow } from '../../evaluators/proxy/cpu-time.ts'
import { type RandomStream, randomStreamFromState } from '../../lib/random.ts'
import { mean } from '../../lib/statistics.ts'
import type { AlgorithmDefinition, KnownCosts } from '../algorithm.ts'
import { genomeDistance } from '../fidelity/parents.ts'
import { type Assignment, FidelityScheduler } from '../fidelity/scheduler.ts'
import type { TabularEvaluation, TabularProblem } from './problem.ts'
import { MOST_FUTILE_ASKS, type Run, type RunSettings, type StagedSettings, searchedAlgorithm } from './run.ts'
import { type Scale, type Score, scoreOf } from './score.ts'

/** What one search in stages came to. */
interface StagedSearch {
  /** Architectures begun, and those trained fully. */
  readonly begun: number
  readonly trained: readonly number[]
  readonly epochs: number
  readonly askMs: number
}

/**
 * Searches of a table in stages, one for each number of evaluations: so many networks are begun (times
 * `begin`), and those that reach the last rung are scored.
 */
export function runInStages(
  problem: TabularProblem,
  evaluation: TabularEvaluation,
  definition: AlgorithmDefinition,
  scales: readonly Scale[],
  random: RandomStream,
  settings: RunSettings & { readonly staged: StagedSettings },
): Run {
  const start = random.state()
  const begunOf = (evaluations: number) =>
    Math.min(problem.architectureCount, Math.round(evaluations * settings.staged.begin))
  const searches = settings.evaluations.map((networks) =>
    searchInStages(problem, evaluation, definition, randomStreamFromState(start), settings, begunOf(networks)),
  )
  const scores = searches.map(({ trained }): readonly Score[] =>
    problem.costs.map((_, device) => scoreOf(problem, device, trained, scales[device]!)),
  )
  const last = searches.at(-1)!
  const full = settings.staged.epochs.at(-1)!
  return {
    scores,
    evaluated: last.begun,
    askMs: last.askMs,
    epochShares: searches.map(({ epochs }, i) => epochs / (full * settings.evaluations[i]!)),
  }
}

function searchInStages(
  problem: TabularProblem,
  evaluation: TabularEvaluation,
  definition: AlgorithmDefinition,
  random: RandomStream,
  settings: RunSettings & { readonly staged: StagedSettings },
  networks: number,
): StagedSearch {
  const { ladder, epochs } = settings.staged
  const algorithm = searchedAlgorithm(problem, evaluation, definition, random, settings)
  const [frontCount, objectiveCount] = [problem.costs.length, 1 + problem.costs[0]!.length]
  const scheduler = new FidelityScheduler(algorithm, {
    networks,
    ladder,
    frontCount,
    objectiveCount,
    distance: genomeDistance(problem.space.genes),
  })
  const begun = new Set<number>()
  const trained: number[] = []
  const start = cpuSecondsNow()
  let [trial, spent] = [0, 0]
  /** A network that goes up, or a new one that the table has; undefined at the end. */
  const next = (): Assignment | undefined => {
    for (let futile = 0; futile < MOST_FUTILE_ASKS; futile++) {
      const assignment = scheduler.ask()
      if (assignment === undefined || assignment.rung > 0) return assignment
      const architecture = evaluation.architecture(assignment.genome)
      if (architecture === undefined) scheduler.reject(evaluation.told(assignment.genome))
      else if (!begun.has(architecture)) return assignment
    }
    scheduler.exhaust()
    return scheduler.ask()
  }
  for (let assignment = next(); assignment !== undefined; assignment = next()) {
    const { genome, rung } = assignment
    const architecture = evaluation.architecture(genome)!
    scheduler.accept(trial, { ...assignment, size: sizeOf(evaluation.knownCosts(genome)!) })
    scheduler.tell(trial++, evaluation.told(genome, rung).fronts)
    begun.add(architecture)
    if (rung === ladder.rungs - 1) trained.push(architecture)
    spent += epochs[rung]!
  }
  return { begun: begun.size, trained, epochs: spent, askMs: (1000 * (cpuSecondsNow() - start)) / trial }
}

/** The geometric mean of all costs: what a table knows of how large a network is. NaN where a cost is below 0. */
function sizeOf(fronts: readonly KnownCosts[]): number {
  const logarithms = fronts.flatMap(({ costs }) => costs.map(Math.log))
  return Math.exp(mean(logarithms))
}
