import { fromMinimised } from '../search/objectives.ts'
import { hypervolume, nonDominatedIndices } from '../search/pareto/index.ts'
import type { Experiment, Front, FrontPoint } from './store.ts'

/** A feasible completed trial on one device. */
export interface FrontCandidate extends FrontPoint {
  /** Minimisation vector, in the order of the experiment's objectives. */
  readonly objectives: readonly number[]
}

/**
 * Share of the box between the ideal point (0 in every objective) and the reference that minimisation vectors
 * dominate, 0 to 1. Vectors on or beyond the reference add nothing.
 */
export function hypervolumeShare(vectors: readonly (readonly number[])[], reference: readonly number[]): number {
  const scaled = Float64Array.from(vectors.flatMap((vector) => vector.map((value, i) => value / reference[i]!)))
  return hypervolume(
    scaled,
    vectors.length,
    reference.map(() => 1),
  )
}

/** The front of one device: what `candidates` hold that nothing else of them beats, by latency and then by trial. */
export function frontOf(experiment: Experiment, device: string, candidates: readonly FrontCandidate[]): Front {
  const { objectives } = experiment
  const reference = experiment.references[device]!
  const best = distinct(nonDominated(candidates, objectives.length))
  return {
    experiment: experiment.id,
    device,
    objectives,
    reference: reference.map((value, i) => shown(objectives[i]!, value)),
    hypervolume: hypervolumeShare(
      best.map((candidate) => candidate.objectives),
      reference,
    ),
    points: best.map(({ objectives: _, ...point }) => point).sort((a, b) => a.latencyMs - b.latencyMs),
  }
}

/** The candidates that no other dominates, by trial. */
function nonDominated(candidates: readonly FrontCandidate[], dimensions: number): readonly FrontCandidate[] {
  const ordered = [...candidates].sort((a, b) => a.trial - b.trial)
  const matrix = Float64Array.from(ordered.flatMap((candidate) => candidate.objectives))
  return Array.from(nonDominatedIndices(matrix, ordered.length, dimensions), (index) => ordered[index]!)
}

/** Of candidates with equal vectors only the first. */
function distinct(candidates: readonly FrontCandidate[]): readonly FrontCandidate[] {
  const seen = new Set<string>()
  return candidates.filter((candidate) => {
    const key = JSON.stringify(candidate.objectives)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** An entry of a vector in its objective's unit, to 15 digits: an error of 0.9 reads as an accuracy of 0.1. */
const shown = (objective: string, value: number): number => Number(fromMinimised(objective, value).toPrecision(15))
