import { workerData } from 'node:worker_threads'
import type { EvaluationRequest } from '../evaluator.ts'
import { loadEngine } from '../training/engines.ts'
import { evaluateTogether, type Result, type WorkerData } from './workers.ts'

export interface TrainingTask {
  readonly request: EvaluationRequest
  /** Shared with the main thread: becomes 1 when the candidate is to be given up. */
  readonly cancelled: Int32Array
}

const { dataset, engine } = workerData as WorkerData
const engineLoaded = loadEngine(engine)

export default async (tasks: readonly TrainingTask[]): Promise<readonly Result[]> => {
  const candidates = tasks.map(({ request, cancelled }) => ({
    request,
    signal: {
      get aborted() {
        return Atomics.load(cancelled, 0) === 1
      },
    },
  }))
  return evaluateTogether(candidates, dataset, await engineLoaded)
}
