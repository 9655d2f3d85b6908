import type { Failure } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { Dataset, SplitName } from '../datasets/dataset.ts'
import type { Fidelity } from '../evaluator.ts'
import type { Recipe, TrainingEngine, TrainingProgram } from './engine.ts'
import { startEpochs } from './epochs.ts'
import { initialWeights } from './initial-weights.ts'
import { measureNetwork } from './measure-network.ts'

export { inputShapeOf } from './epochs.ts'

export interface TrainingJob {
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly recipe: Recipe
  readonly fidelity: Fidelity
  /** Seeds initialisation, data order and augmentation, each by a stream of its own. */
  readonly seed: number
  readonly engine: TrainingEngine
  /** Parts of the data to measure the trained network on. */
  readonly measureOn: readonly SplitName[]
  readonly onEpoch?: (report: { readonly epoch: number; readonly loss: number; readonly accuracy: number }) => void
  /** Checked between steps; when aborted the result is a `timed-out` failure. */
  readonly signal?: { readonly aborted: boolean }
}

export interface TrainedNetwork {
  readonly ok: true
  readonly weights: Weights
  /** Mean loss of the last epoch. */
  readonly loss: number
  /** Share of samples classified rightly, for each part asked for. */
  readonly accuracy: Readonly<Partial<Record<SplitName, number>>>
}

/**
 * Trains a network from its initial weights and measures it.
 * @returns the trained weights, or a `Failure`: `diverged` when the loss or a logit stops being finite, `timed-out` when aborted.
 * @throws UserError when the graph cannot be trained or does not fit the data, or a batch needs more samples than there are.
 */
export async function trainNetwork(job: TrainingJob): Promise<TrainedNetwork | Failure> {
  const program = await job.engine.compile(job.graph, job.recipe)
  try {
    await program.writeWeights(initialWeights(job.graph, randomStream(job.seed, 'initialisation')))
    const loss = await runEpochs(job, program)
    if (typeof loss !== 'number') return loss
    const accuracy: Partial<Record<SplitName, number>> = {}
    for (const split of job.measureOn) {
      const measured = await measureNetwork(job, program, split)
      if (!measured.ok) return measured
      accuracy[split] = measured.accuracy
    }
    return { ok: true, weights: await program.readWeights(), loss, accuracy }
  } finally {
    await program.dispose()
  }
}

async function runEpochs(job: TrainingJob, program: TrainingProgram): Promise<number | Failure> {
  const epochs = startEpochs(job, program)
  let loss = Number.NaN
  for (let epoch = 0; epoch < job.fidelity.epochs; epoch++) {
    const report = await epochs.next()
    if (!report.ok) return report
    job.onEpoch?.(report)
    ;({ loss } = report)
  }
  return loss
}
