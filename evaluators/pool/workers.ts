import type { Failure } from '../../lib/errors.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { EvaluationRequest, Measurement } from '../evaluator.ts'
import { evaluateCandidate } from '../proxy/evaluate-candidate.ts'
import type { TrainingEngine } from '../training/engine.ts'

export type Result = Measurement | Failure

/** What every thread or process of a pool is given when it starts. */
export interface WorkerData {
  readonly dataset: Dataset
  readonly engine: string
}

export interface Candidate {
  readonly request: EvaluationRequest
  /** Aborted: the candidate is to be given up, between two of its steps. */
  readonly signal: AbortSignal
}

/** A worker ended without an answer. */
export class WorkerDeath extends Error {
  override readonly name = 'WorkerDeath'
  /** Whether SIGKILL ended it, which no program does to itself. */
  readonly killed: boolean

  constructor(message: string, killed: boolean) {
    super(message)
    this.killed = killed
  }
}

/** Threads or processes that train. */
export interface Workers {
  /**
   * Trains candidates on one of them, with their steps together.
   * @param terminate ends the worker itself, wherever it is.
   * @throws when the worker ends without an answer.
   */
  run(candidates: readonly Candidate[], terminate: AbortSignal): Promise<readonly Result[]>
  /** Ends all workers; candidates must be over. */
  end(): Promise<void>
}

/** Trains candidates side by side on this thread, with their steps together where there are several. Never rejects. */
export async function evaluateTogether(
  candidates: readonly { readonly request: EvaluationRequest; readonly signal: { readonly aborted: boolean } }[],
  dataset: Dataset,
  engine: TrainingEngine,
): Promise<readonly Result[]> {
  const group = candidates.length === 1 ? undefined : engine.together?.(candidates.length)
  const trainedWith = group === undefined ? engine : { ...engine, compile: group.compile }
  return Promise.all(
    candidates.map(async ({ request, signal }) => {
      const result = await evaluateCandidate(request, dataset, trainedWith, signal)
      await group?.leave()
      return result
    }),
  )
}
