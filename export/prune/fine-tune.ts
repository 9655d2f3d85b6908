import type { TrainedNetwork } from '../../evaluators/training/train.ts'
import { archId, countMacs, countParams } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { TrainingJob } from '../train/training-job.ts'
import type { PrunedNetwork } from './prune.ts'

/** Length and peak rate of the training after pruning, as shares of the full training's. */
const EPOCHS_SHARE = 0.5
const RATE_SHARE = 0.25

/** The training in which the pruned network makes up for what it lost. */
export function pruningJob(job: TrainingJob, { graph, weights }: PrunedNetwork): TrainingJob {
  const epochs = Math.ceil(EPOCHS_SHARE * job.epochs)
  const recipe = { ...job.recipe, learningRate: RATE_SHARE * job.recipe.learningRate }
  return { ...job, graph, recipe, epochs, patience: 0, start: weights }
}

/** What pruning took and cost. */
export interface PruningReport {
  /** Share of channels that was asked for. */
  readonly sparsity: number
  /** The network before. */
  readonly fromArchId: string
  readonly channels: { readonly before: number; readonly after: number }
  readonly params: { readonly before: number; readonly after: number }
  readonly macs: { readonly before: number; readonly after: number }
  /** Of the float network on the test part: fully trained before pruning, and after fine-tuning. */
  readonly testAccuracy: { readonly before: number; readonly after: number }
  readonly fineTuning: { readonly epochs: number; readonly learningRate: number }
}

export function pruningReport(
  sparsity: number,
  before: { readonly graph: NetworkGraph; readonly trained: TrainedNetwork },
  pruned: PrunedNetwork,
  after: { readonly job: TrainingJob; readonly trained: TrainedNetwork },
): PruningReport {
  const { epochs, recipe } = after.job
  return {
    sparsity,
    fromArchId: archId(before.graph),
    channels: { before: pruned.channelsBefore, after: pruned.channelsAfter },
    params: { before: countParams(before.graph), after: countParams(pruned.graph) },
    macs: { before: countMacs(before.graph), after: countMacs(pruned.graph) },
    testAccuracy: { before: before.trained.accuracy.test!, after: after.trained.accuracy.test! },
    fineTuning: { epochs, learningRate: recipe.learningRate },
  }
}
