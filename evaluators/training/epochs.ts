import { type Failure, failure, UserError } from '../../lib/errors.ts'
import { type RandomState, randomStream, randomStreamFromState } from '../../lib/random.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { createAugmenter } from '../datasets/augment.ts'
import { createBatcher, epochOrder } from '../datasets/batches.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { Fidelity } from '../evaluator.ts'
import type { Recipe, TrainingProgram } from './engine.ts'
import { learningRateAt } from './schedule.ts'

export interface EpochPlan {
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly recipe: Recipe
  readonly fidelity: Fidelity
  /** Seeds data order and augmentation, each by a stream of its own. */
  readonly seed: number
  /** How many stages came before: each has streams of its own. 0 where left out. */
  readonly stage?: number
  /** Checked between steps; when aborted the result is a `timed-out` failure. */
  readonly signal?: { readonly aborted: boolean }
  /** After each step: how many of the epoch are done, of how many. */
  readonly onStep?: (done: number, steps: number) => void
}

/** Where a training stands between two epochs, beside the weights and the optimiser's state; plain data. */
export interface EpochState {
  /** Optimiser steps made. */
  readonly step: number
  readonly order: RandomState
  readonly augmentation: RandomState
}

export interface EpochReport {
  readonly ok: true
  /** From 1. */
  readonly epoch: number
  /** Mean over the steps of the epoch. */
  readonly loss: number
  /** Share of the training samples that were classified rightly when they were seen. */
  readonly accuracy: number
}

export interface Epochs {
  state(): EpochState
  /** Trains one pass over the data; a `Failure` when it diverged or was aborted. */
  next(): Promise<EpochReport | Failure>
}

/** Losses beyond this never come back: the run is given up as diverged. */
const HOPELESS_LOSS = 1e4

/** Shape that the network wants its samples in. */
export const inputShapeOf = (graph: NetworkGraph) => graph.nodes.find((node) => node.op.kind === 'input')!.shape

/** Room for a teacher's answers to one batch; undefined without distillation. @throws UserError without that teacher. */
function teacherBatch({ recipe, dataset }: EpochPlan): Float32Array | undefined {
  if (recipe.distillation === undefined) return undefined
  if (dataset.teacher?.digest !== recipe.distillation.teacher) {
    throw new UserError(
      `the recipe learns from the teacher ${recipe.distillation.teacher.slice(0, 12)}…, and the data set has ` +
        `answers of ${dataset.teacher === undefined ? 'none' : `${dataset.teacher.digest.slice(0, 12)}…`}`,
    )
  }
  return new Float32Array(recipe.batchSize * dataset.classNames.length)
}

/**
 * Trains a program epoch by epoch, along the schedule of the whole training.
 * @param from continues where another run stopped; its weights and optimiser state are the caller's business.
 * @throws UserError when a batch needs more samples than there are.
 */
export function startEpochs(plan: EpochPlan, program: TrainingProgram, from?: EpochState): Epochs {
  const { dataset, graph, recipe, fidelity, seed } = plan
  const { batchSize } = recipe
  const shape = inputShapeOf(graph)
  const batcher = createBatcher(dataset, shape)
  const { stage = 0 } = plan
  const fresh = (name: string) => (stage === 0 ? randomStream(seed, name) : randomStream(seed, name, stage))
  const order = from === undefined ? fresh('data-order') : randomStreamFromState(from.order)
  const augmentation = from === undefined ? fresh('augmentation') : randomStreamFromState(from.augmentation)
  const augment = createAugmenter(dataset.kind, shape, recipe, augmentation)
  const inputs = new Float32Array(batchSize * sizeOf(shape))
  const teacherLogits = teacherBatch(plan)
  const labels = new Int32Array(batchSize)
  let step = from?.step ?? 0

  return {
    state: () => ({ step, order: order.state(), augmentation: augmentation.state() }),
    next: async () => {
      const indices = epochOrder(dataset.splits.train, fidelity.dataFraction, order)
      const steps = Math.floor(indices.length / batchSize)
      if (steps === 0)
        throw new UserError(`a batch of ${batchSize} needs more than the ${indices.length} training samples`)
      let lossSum = 0
      let correct = 0
      for (let i = 0; i < steps; i++) {
        if (plan.signal?.aborted) return failure('timed-out', `given up after ${step} steps`)
        batcher.fill(indices, i * batchSize, batchSize, inputs)
        augment?.(inputs, batchSize)
        batcher.labels(indices, i * batchSize, batchSize, labels)
        if (teacherLogits !== undefined) batcher.teacher(indices, i * batchSize, batchSize, teacherLogits)
        const learningRate = learningRateAt(recipe, step, steps * fidelity.epochs)
        const metrics = await program.step(inputs, labels, learningRate, teacherLogits)
        if (!(metrics.loss < HOPELESS_LOSS))
          return failure('diverged', `the loss became ${metrics.loss} at step ${step + 1}`)
        lossSum += metrics.loss
        correct += metrics.correct
        step++
        plan.onStep?.(i + 1, steps)
      }
      return { ok: true, epoch: step / steps, loss: lossSum / steps, accuracy: correct / (steps * batchSize) }
    },
  }
}
