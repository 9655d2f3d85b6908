import { workerData } from 'node:worker_threads'
import type { Failure } from '../../lib/errors.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { EvaluationRequest, Measurement } from '../evaluator.ts'
import { evaluateCandidate } from '../proxy/evaluate-candidate.ts'
import { loadEngine } from '../training/engines.ts'

/** What every thread of the pool is given when it starts; the data set's arrays are shared, not copied. */
export interface TrainingThreadData {
  readonly dataset: Dataset
  readonly engine: string
}

export interface TrainingTask {
  readonly request: EvaluationRequest
  /** Shared with the main thread: becomes 1 when the candidate is to be given up. */
  readonly cancelled: Int32Array
}

const { dataset, engine } = workerData as TrainingThreadData
const engineLoaded = loadEngine(engine)

/** Trains the candidates side by side, with their steps together where there are several. */
export default async (tasks: readonly TrainingTask[]): Promise<readonly (Measurement | Failure)[]> => {
  const loaded = await engineLoaded
  const group = tasks.length === 1 ? undefined : loaded.together?.(tasks.length)
  const trainedWith = group === undefined ? loaded : { ...loaded, compile: group.compile }
  return Promise.all(
    tasks.map(async ({ request, cancelled }) => {
      const signal = {
        get aborted() {
          return Atomics.load(cancelled, 0) === 1
        },
      }
      const result = await evaluateCandidate(request, dataset, trainedWith, signal)
      await group?.leave()
      return result
    }),
  )
}
