import type { Dataset } from '../evaluators/datasets/dataset.ts'
import type { Recipe, TrainingEngine } from '../evaluators/training/engine.ts'
import { type TrainedNetwork, type TrainingJob, trainNetwork } from '../evaluators/training/train.ts'
import { OperationalError } from '../lib/errors.ts'
import type { NetworkGraph } from '../network/types.ts'

export interface FinalTraining {
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly engine: TrainingEngine
  readonly recipe: Recipe
  readonly epochs: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly onEpoch: NonNullable<TrainingJob['onEpoch']>
}

/**
 * Trains a chosen network on all of its training data and measures it on the validation and test parts.
 * @throws OperationalError when the training fails or is stopped.
 */
export async function trainFinal(job: FinalTraining): Promise<TrainedNetwork> {
  const { epochs, ...rest } = job
  const fidelity = { epochs, dataFraction: 1 }
  const trained = await trainNetwork({ ...rest, fidelity, measureOn: ['validation', 'test'] })
  if (!trained.ok) throw new OperationalError(`the final training failed: ${trained.code}: ${trained.message}`)
  return trained
}
