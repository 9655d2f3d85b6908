import type { TrainingProgram } from '../../evaluators/training/engine.ts'
import type { EpochReport } from '../../evaluators/training/epochs.ts'
import { type Epochs, startEpochs } from '../../evaluators/training/epochs.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { measureNetwork } from '../../evaluators/training/measure-network.ts'
import { type Failure, OperationalError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import type { Weights } from '../../network/types.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { type EpochRecord, type FullyTrained, isKept, peakOf, type TrainingJob, trainingKey } from './training-job.ts'

export interface TrainingRun {
  /** Where the checkpoint is kept after each epoch, and looked for before the first. */
  readonly checkpoint: string
  readonly signal: AbortSignal
  readonly onEpoch?: (record: EpochRecord, kept: boolean) => void
  readonly onStep?: (done: number, steps: number) => void
  /** A checkpoint was found: epochs that are done already. */
  readonly onContinue?: (epochs: number) => void
}

/** What a training has so far. */
interface Progress {
  readonly epochs: Epochs
  history: readonly EpochRecord[]
  kept: { readonly record: EpochRecord; readonly weights: Weights } | undefined
}

/**
 * Trains a network fully: all of the training part, measured on the validation part after each epoch, ended early where
 * the job says so. A run that was stopped at any moment goes on from its last whole epoch, to the same weights bit for bit.
 * The checkpoint stays; whoever keeps the result removes it.
 * @throws OperationalError when the training diverges; the signal's reason when stopped.
 */
export async function trainFully(job: TrainingJob, run: TrainingRun): Promise<FullyTrained> {
  const program = await job.engine.compile(job.graph, job.recipe)
  try {
    const progress = await begin(job, run, program)
    while (!isOver(job, progress.history)) {
      await trainEpoch(job, run, program, progress)
    }
    return await finish(job, run, program, progress)
  } finally {
    await program.dispose()
  }
}

const planOf = (job: TrainingJob, { signal, onStep }: TrainingRun) => ({
  ...job,
  fidelity: { epochs: job.epochs, dataFraction: 1 },
  signal,
  ...(onStep === undefined ? {} : { onStep }),
})

/** From the checkpoint where there is one of this job, or from the start. */
async function begin(job: TrainingJob, run: TrainingRun, program: TrainingProgram): Promise<Progress> {
  const saved = readCheckpoint(run.checkpoint)
  if (saved === undefined || saved.key !== trainingKey(job)) {
    await program.writeWeights(job.start ?? initialWeights(job.graph, randomStream(job.seed, 'initialisation')))
    return { epochs: startEpochs(planOf(job, run), program), history: [], kept: undefined }
  }
  await program.writeWeights(saved.weights)
  await program.writeOptimiser(saved.optimiser)
  run.onContinue?.(saved.history.length)
  return {
    epochs: startEpochs(planOf(job, run), program, saved.epochs),
    history: saved.history,
    kept: { record: saved.history[saved.keptEpoch - 1]!, weights: saved.kept },
  }
}

function isOver(job: TrainingJob, history: readonly EpochRecord[]): boolean {
  if (history.length >= job.epochs) return true
  return job.patience > 0 && history.length > 0 && history.length - peakOf(history).epoch >= job.patience
}

async function trainEpoch(
  job: TrainingJob,
  run: TrainingRun,
  program: TrainingProgram,
  progress: Progress,
): Promise<void> {
  const { epoch, loss, accuracy: trainingAccuracy } = succeeded<EpochReport>(run, await progress.epochs.next())
  const measured = succeeded(run, await measureNetwork({ ...job, signal: run.signal }, program, 'validation'))
  const { accuracy: validationAccuracy, crossEntropy: validationLoss } = measured
  const record: EpochRecord = { epoch, loss, trainingAccuracy, validationAccuracy, validationLoss }
  const weights = await program.readWeights()
  progress.history = [...progress.history, record]
  const keep = isKept(record, progress.history, job.dataset.splits.validation.length)
  if (keep) progress.kept = { record, weights }
  const kept = progress.kept!
  writeCheckpoint(run.checkpoint, {
    key: trainingKey(job),
    epochs: progress.epochs.state(),
    history: progress.history,
    keptEpoch: kept.record.epoch,
    kept: kept.weights,
    weights,
    optimiser: await program.readOptimiser(),
  })
  run.onEpoch?.(record, keep)
}

async function finish(
  job: TrainingJob,
  run: TrainingRun,
  program: TrainingProgram,
  { history, kept }: Progress,
): Promise<FullyTrained> {
  const { record, weights } = kept!
  return {
    ok: true,
    weights,
    loss: record.loss,
    accuracy: { validation: record.validationAccuracy, test: await testAccuracy(job, run, program, weights) },
    history,
    kept: record,
    endedEarly: history.length < job.epochs,
  }
}

/** Of the float network, also where it was trained with fake quantisation: that is what the weights are. */
async function testAccuracy(
  job: TrainingJob,
  run: TrainingRun,
  program: TrainingProgram,
  weights: Weights,
): Promise<number> {
  const { fakeQuantise, ...recipe } = job.recipe
  const float = fakeQuantise === undefined ? program : await job.engine.compile(job.graph, recipe)
  try {
    await float.writeWeights(weights)
    return succeeded(run, await measureNetwork({ ...job, signal: run.signal }, float, 'test')).accuracy
  } finally {
    if (float !== program) await float.dispose()
  }
}

function succeeded<T extends { readonly ok: true }>({ signal }: TrainingRun, result: T | Failure): T {
  if (result.ok) return result
  signal.throwIfAborted()
  throw new OperationalError(`the training failed: ${result.code}: ${result.message}`)
}
