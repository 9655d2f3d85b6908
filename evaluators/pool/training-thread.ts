import { workerData } from 'node:worker_threads'
import type { EvaluationRequest } from '../evaluator.ts'
import { loadEngine } from '../training/engines.ts'
import { evaluateTogether, type Result, type WorkerData } from './workers.ts'

export interface TrainingTask {
  readonly request: EvaluationRequest
  /** Shared with the main thread: becomes 1 when the candidate is to be given up. */
  readonly cancelled: Int32Array
}

export interface ThreadData extends WorkerData {
  /** How many threads have loaded; they count themselves. */
  readonly loaded: Int32Array
}

const { dataset, engine, loaded } = workerData as ThreadData
const engineLoaded = loadEngine(engine)
const count = (): void => void Atomics.add(loaded, 0, 1)
void engineLoaded.then(count, count)

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
