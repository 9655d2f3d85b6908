import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { TrainedNetwork } from '../../evaluators/training/train.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { TrainingJob } from '../train/training-job.ts'
import { chooseQuantisation, type QuantisationChoice } from './choose.ts'
import type { QatMode } from './qat-mode.ts'
import type { WeightBitsMode } from './weight-bits.ts'

/** `auto` fine-tunes where int8 classifies this many points fewer of the test part rightly than float. */
export const QAT_THRESHOLD_POINTS = 1

/** Whether the network was trained on with fake quantisation, and what came of it. Drops are float − int8, in points. */
export interface FineTuning {
  readonly mode: QatMode
  readonly thresholdPoints: number
  /** On the test part, quantised without fine-tuning. */
  readonly dropBefore: number
  /** Left out when there was no fine-tuning. */
  readonly training?: {
    readonly epochs: number
    readonly keptEpoch: number
    readonly learningRate: number
    readonly dropAfter: number
    /** On the same validation samples, without and with fine-tuning: the better one is kept, of equals the first. */
    readonly validationBefore: number
    readonly validationAfter: number
    readonly kept: boolean
  }
}

export interface TunedQuantisation extends QuantisationChoice {
  readonly fineTuning: FineTuning
}

/** How fine-tuning is done where it is wanted. */
export interface FineTuner {
  readonly mode: QatMode
  readonly train: (start: Weights) => Promise<{
    readonly trained: TrainedNetwork & { readonly kept: { readonly epoch: number } }
    readonly job: Pick<TrainingJob, 'epochs' | 'recipe'>
  }>
}

/** Length and peak rate of fine-tuning, as shares of the full training's. */
const EPOCHS_SHARE = 0.25
const LEAST_EPOCHS = 3
const RATE_SHARE = 0.05

/** The training that goes on from finished weights with fake quantisation. */
export function fineTuningJob(job: TrainingJob, start: Weights): TrainingJob {
  const epochs = Math.max(LEAST_EPOCHS, Math.ceil(EPOCHS_SHARE * job.epochs))
  const recipe = { ...job.recipe, fakeQuantise: 'int8' as const, learningRate: RATE_SHARE * job.recipe.learningRate }
  return { ...job, recipe, epochs, patience: 0, start }
}

/**
 * Quantises a trained network; where that costs more than a point of test accuracy, or always if so asked, it is trained
 * on with fake quantisation and quantised again. The better of both on the validation sample is what is exported.
 */
export async function quantiseTrained(
  network: { readonly graph: NetworkGraph; readonly dataset: Dataset; readonly trained: TrainedNetwork },
  tuner: FineTuner | undefined,
  check: () => void,
  weightBits: WeightBitsMode = '8',
): Promise<TunedQuantisation> {
  const { graph, dataset, trained } = network
  const before = await chooseQuantisation(graph, trained.weights, dataset, check, weightBits)
  const dropOf = ({ test }: QuantisationChoice): number =>
    Number((100 * (trained.accuracy.test! - test.accuracy)).toFixed(4))
  const mode = tuner?.mode ?? 'never'
  const report = { mode, thresholdPoints: QAT_THRESHOLD_POINTS, dropBefore: dropOf(before) }
  const wanted = mode === 'always' || (mode === 'auto' && report.dropBefore > QAT_THRESHOLD_POINTS)
  if (tuner === undefined || !wanted) return { ...before, fineTuning: report }
  const { trained: tuned, job } = await tuner.train(trained.weights)
  const after = await chooseQuantisation(graph, tuned.weights, dataset, check, weightBits)
  const [validationBefore, validationAfter] = [before.weightBits.validation, after.weightBits.validation]
  const kept = validationAfter > validationBefore
  return {
    ...(kept ? after : before),
    fineTuning: {
      ...report,
      training: {
        epochs: job.epochs,
        keptEpoch: tuned.kept.epoch,
        learningRate: job.recipe.learningRate,
        dropAfter: dropOf(after),
        validationBefore,
        validationAfter,
        kept,
      },
    },
  }
}
