import type { Failure } from '../../lib/errors.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { Dataset, SplitName } from '../datasets/dataset.ts'
import type { CheckpointUse, Fidelity } from '../evaluator.ts'
import type { Recipe, TrainingEngine } from './engine.ts'
import { startEpochs } from './epochs.ts'
import { measureNetwork } from './measure-network.ts'
import { saveState, stagesOf, startOf } from './stages.ts'
import { Trainee } from './trainee.ts'

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
  /** Stages before `fidelity`, first to last. */
  readonly earlier?: readonly Fidelity[]
  readonly checkpoints?: CheckpointUse
}

export interface TrainedNetwork {
  readonly ok: true
  readonly weights: Weights
  /** Mean loss of the last epoch. */
  readonly loss: number
  /** Share of samples classified rightly, for each part asked for. */
  readonly accuracy: Readonly<Partial<Record<SplitName, number>>>
}

interface MeasuredNetwork extends TrainedNetwork {
  /** Mean cross entropy in nats, for each part asked for. */
  readonly crossEntropy: Readonly<Partial<Record<SplitName, number>>>
}

/**
 * Trains a network from its initial weights, or from what earlier stages left of it, and measures it.
 * @returns the trained weights, or a `Failure`: `diverged` when the loss or a logit stops being finite, `timed-out` when
 * aborted, `checkpoint` when the network to inherit from cannot be read, or the state not be kept.
 * @throws UserError when the graph cannot be trained or does not fit the data, or a batch needs more samples than there are.
 */
export async function trainNetwork(job: TrainingJob): Promise<MeasuredNetwork | Failure> {
  const start = startOf(job)
  if (!start.ok) return start
  const trainee = new Trainee(job, start)
  try {
    const stages = stagesOf(job)
    let loss = Number.NaN
    for (let stage = start.stage; stage < stages.length; stage++) {
      const result = await runStage(job, trainee, stages[stage]!, stage)
      if (typeof result !== 'number') return result
      loss = result
    }
    const { graph, program } = await trainee.at(job.fidelity)
    const accuracy: Partial<Record<SplitName, number>> = {}
    const crossEntropy: Partial<Record<SplitName, number>> = {}
    for (const split of job.measureOn) {
      const measured = await measureNetwork({ ...job, graph }, program, split)
      if (!measured.ok) return measured
      accuracy[split] = measured.accuracy
      crossEntropy[split] = measured.crossEntropy
    }
    const state = await trainee.state()
    const unsaved = saveState(job, state)
    if (unsaved !== undefined) return unsaved
    return { ok: true, weights: state.weights, loss, accuracy, crossEntropy }
  } finally {
    await trainee.dispose()
  }
}

async function runStage(
  job: TrainingJob,
  trainee: Trainee,
  fidelity: Fidelity,
  stage: number,
): Promise<number | Failure> {
  const { graph, program } = await trainee.at(fidelity)
  const epochs = startEpochs({ ...job, graph, fidelity, stage }, program)
  let loss = Number.NaN
  for (let epoch = 0; epoch < fidelity.epochs; epoch++) {
    const report = await epochs.next()
    if (!report.ok) return report
    job.onEpoch?.(report)
    ;({ loss } = report)
  }
  return loss
}
