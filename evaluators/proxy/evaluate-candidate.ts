import { type Failure, failure, messageOf } from '../../lib/errors.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { EvaluationRequest, Measurement } from '../evaluator.ts'
import type { TrainingEngine } from '../training/engine.ts'
import { trainNetwork } from '../training/train.ts'
import { cpuSecondsNow } from './cpu-time.ts'

/** Trains and measures one candidate on validation and test data. Never rejects: whatever goes wrong is a `Failure`. */
export async function evaluateCandidate(
  request: EvaluationRequest,
  dataset: Dataset,
  engine: TrainingEngine,
  signal: { readonly aborted: boolean } = { aborted: false },
): Promise<Measurement | Failure> {
  const cpuStart = cpuSecondsNow()
  const wallStart = performance.now()
  try {
    const trained = await trainNetwork({ ...request, dataset, engine, measureOn: ['validation', 'test'], signal })
    if (!trained.ok) return trained
    return {
      ok: true,
      accuracy: trained.accuracy.validation ?? 0,
      testAccuracy: trained.accuracy.test ?? 0,
      loss: trained.loss,
      cpuSeconds: cpuSecondsNow() - cpuStart,
      wallSeconds: (performance.now() - wallStart) / 1000,
    }
  } catch (error) {
    const message = messageOf(error)
    return failure(/out of memory|bad_alloc|allocat/i.test(message) ? 'out-of-memory' : 'threw', message)
  }
}
