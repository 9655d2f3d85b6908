import { type Failure, failure, UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { createAugmenter } from '../datasets/augment.ts'
import { createBatcher, epochOrder } from '../datasets/batches.ts'
import type { Dataset, SplitName } from '../datasets/dataset.ts'
import type { Fidelity } from '../evaluator.ts'
import type { Recipe, TrainingEngine, TrainingProgram } from './engine.ts'
import { initialWeights } from './initial-weights.ts'
import { learningRateAt } from './schedule.ts'

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

/** Losses beyond this never come back: the run is given up as diverged. */
const HOPELESS_LOSS = 1e4

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
      const share = await measureAccuracy(job, program, split)
      if (typeof share !== 'number') return share
      accuracy[split] = share
    }
    return { ok: true, weights: await program.readWeights(), loss, accuracy }
  } finally {
    await program.dispose()
  }
}

async function runEpochs(job: TrainingJob, program: TrainingProgram): Promise<number | Failure> {
  const { dataset, recipe, fidelity } = job
  const batcher = createBatcher(dataset, inputShapeOf(job.graph))
  const order = randomStream(job.seed, 'data-order')
  const { batchSize } = recipe
  const augment = createAugmenter(dataset.kind, inputShapeOf(job.graph), recipe, randomStream(job.seed, 'augmentation'))
  const inputs = new Float32Array(batchSize * inputShapeOf(job.graph).reduce((a, b) => a * b, 1))
  const labels = new Int32Array(batchSize)
  let step = 0
  let meanLoss = Number.NaN
  for (let epoch = 0; epoch < fidelity.epochs; epoch++) {
    const indices = epochOrder(dataset.splits.train, fidelity.dataFraction, order)
    const steps = Math.floor(indices.length / batchSize)
    if (steps === 0)
      throw new UserError(`a batch of ${batchSize} needs more than the ${indices.length} training samples`)
    let lossSum = 0
    let correct = 0
    for (let i = 0; i < steps; i++) {
      if (job.signal?.aborted) return failure('timed-out', `given up after ${step} steps`)
      batcher.fill(indices, i * batchSize, batchSize, inputs)
      augment?.(inputs, batchSize)
      batcher.labels(indices, i * batchSize, batchSize, labels)
      const learningRate = learningRateAt(recipe, step, steps * fidelity.epochs)
      const metrics = await program.step(inputs, labels, learningRate)
      if (!(metrics.loss < HOPELESS_LOSS))
        return failure('diverged', `the loss became ${metrics.loss} at step ${step + 1}`)
      lossSum += metrics.loss
      correct += metrics.correct
      step++
    }
    meanLoss = lossSum / steps
    job.onEpoch?.({ epoch: epoch + 1, loss: meanLoss, accuracy: correct / (steps * batchSize) })
  }
  return meanLoss
}

async function measureAccuracy(
  job: TrainingJob,
  program: TrainingProgram,
  split: SplitName,
): Promise<number | Failure> {
  const { dataset, graph } = job
  const indices = dataset.splits[split]
  const batcher = createBatcher(dataset, inputShapeOf(graph))
  const sampleSize = inputShapeOf(graph).reduce((a, b) => a * b, 1)
  const classes = dataset.classNames.length
  const chunk = Math.min(512, indices.length)
  const inputs = new Float32Array(chunk * sampleSize)
  const labels = new Int32Array(chunk)
  let correct = 0
  for (let start = 0; start < indices.length; start += chunk) {
    if (job.signal?.aborted) return failure('timed-out', 'given up while measuring accuracy')
    const count = Math.min(chunk, indices.length - start)
    batcher.fill(indices, start, count, inputs)
    batcher.labels(indices, start, count, labels)
    const logits = await program.predict(inputs.subarray(0, count * sampleSize), count)
    for (let i = 0; i < count; i++) {
      const best = largestIndex(logits, i * classes, classes)
      if (best < 0) return failure('diverged', 'a logit of the trained network is not finite')
      if (best === labels[i]) correct++
    }
  }
  return indices.length === 0 ? 0 : correct / indices.length
}

/** Place of the largest of `length` values from `start`; −1 when one is not finite. */
function largestIndex(values: Float32Array, start: number, length: number): number {
  let best = 0
  for (let i = 0; i < length; i++) {
    const value = values[start + i]!
    if (!Number.isFinite(value)) return -1
    if (value > values[start + best]!) best = i
  }
  return best
}

/** Shape that the network wants its samples in. */
export const inputShapeOf = (graph: NetworkGraph) => graph.nodes.find((node) => node.op.kind === 'input')!.shape
