import { type Failure, failure, messageOf } from '../../lib/errors.ts'
import type { Dataset, SplitName } from '../datasets/dataset.ts'
import type { EvaluationRequest, Measurement } from '../evaluator.ts'
import type { TrainingEngine } from '../training/engine.ts'
import { trainNetwork } from '../training/train.ts'
import { openCpuShare } from './cpu-time.ts'

/** Trains and measures one candidate on validation data and, unless told not to, on test data. Never rejects: whatever goes wrong is a `Failure`. */
export async function evaluateCandidate(
  request: EvaluationRequest,
  dataset: Dataset,
  engine: TrainingEngine,
  signal: { readonly aborted: boolean } = { aborted: false },
): Promise<Measurement | Failure> {
  const cpuSeconds = openCpuShare()
  const wallStart = performance.now()
  try {
    const measureOn: readonly SplitName[] = request.skipTest ? ['validation'] : ['validation', 'test']
    const trained = await trainNetwork({ ...request, dataset, engine, measureOn, signal })
    if (!trained.ok) return trained
    return {
      ok: true,
      accuracy: trained.accuracy.validation!,
      crossEntropy: trained.crossEntropy.validation!,
      ...(trained.accuracy.test === undefined ? {} : { testAccuracy: trained.accuracy.test }),
      loss: trained.loss,
      cpuSeconds: cpuSeconds(),
      wallSeconds: (performance.now() - wallStart) / 1000,
    }
  } catch (error) {
    const message = messageOf(error)
    return failure(/out of memory|bad_alloc|allocat/i.test(message) ? 'out-of-memory' : 'threw', message)
  } finally {
    cpuSeconds()
  }
}
