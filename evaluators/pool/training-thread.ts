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

const { dataset, engine } = workerData as TrainingThreadData
const engineLoaded = loadEngine(engine)

export default async (request: EvaluationRequest): Promise<Measurement | Failure> =>
  evaluateCandidate(request, dataset, await engineLoaded)
