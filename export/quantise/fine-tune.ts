import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { TrainedNetwork } from '../../evaluators/training/train.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { pairwiseSums } from '../pairwise-sums.ts'
import type { TrainingJob } from '../train/training-job.ts'
import { chooseQuantisation, type QuantisationChoice, validationSample } from './choose.ts'
import { floatAccuracy } from './float-accuracy.ts'
import type { QatMode } from './qat-mode.ts'
import { fourBitLayers, type WeightBitsMode } from './weight-bits.ts'

/** `auto` fine-tunes where the quantised network classifies this many points fewer of the validation sample rightly than float. */
const QAT_THRESHOLD_POINTS = 1

/**
 * Whether the network was trained on with fake quantisation, and what came of it. Drops are float − quantised, in points.
 * The validation sample decides everything; the test part is only reported.
 */
export interface FineTuning {
  readonly mode: QatMode
  readonly thresholdPoints: number
  /** Share of the validation sample that the float network classifies rightly. */
  readonly validationFloat: number
  /** On the validation sample, quantised without fine-tuning: what `auto` goes by. */
  readonly validationDropBefore: number
  /** The same on the test part. */
  readonly testDropBefore: number
  /** Left out when there was no fine-tuning. */
  readonly training?: {
    readonly epochs: number
    readonly keptEpoch: number
    readonly learningRate: number
    /** How many layers were rounded to 4 bits meanwhile, the others to 8. */
    readonly fourBitLayers: number
    readonly validationDropAfter: number
    readonly testDropAfter: number
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
  /** @param fourBitLayers ids of the layers whose weights are stored in 4 bits. */
  readonly train: (
    start: Weights,
    fourBitLayers: readonly string[],
  ) => Promise<{
    readonly trained: TrainedNetwork & { readonly kept: { readonly epoch: number } }
    readonly job: Pick<TrainingJob, 'epochs' | 'recipe'>
  }>
}

/** Length and peak rate of fine-tuning, as shares of the full training's. */
const EPOCHS_SHARE = 0.25
const LEAST_EPOCHS = 3
const RATE_SHARE = 0.05

/**
 * The training that goes on from finished weights with fake quantisation.
 * @param fourBitLayers ids of the layers whose weights have 4 bits.
 */
export function fineTuningJob(job: TrainingJob, start: Weights, fourBitLayers: readonly string[] = []): TrainingJob {
  const epochs = Math.max(LEAST_EPOCHS, Math.ceil(EPOCHS_SHARE * job.epochs))
  const recipe = {
    ...job.recipe,
    fakeQuantise: 'int8' as const,
    learningRate: RATE_SHARE * job.recipe.learningRate,
    ...(fourBitLayers.length === 0 ? {} : { fourBitLayers }),
  }
  return { ...job, graph: pairwiseSums(job.graph), recipe, epochs, patience: 0, start }
}

/**
 * Quantises a trained network; where that costs more than a point of accuracy on the validation sample, or always if so
 * asked, it is trained on with fake quantisation, of 4 bits where weights have 4, and quantised again with the same bits.
 * The better of both on the validation sample is what is exported.
 */
export async function quantiseTrained(
  network: { readonly graph: NetworkGraph; readonly dataset: Dataset; readonly trained: TrainedNetwork },
  tuner: FineTuner | undefined,
  check: () => void,
  weightBits: WeightBitsMode = '8',
): Promise<TunedQuantisation> {
  const { graph, dataset, trained } = network
  const before = await chooseQuantisation(graph, trained.weights, dataset, check, weightBits)
  const validationFloat = await floatAccuracy(graph, trained.weights, dataset, validationSample(dataset), check)
  const validationDrop = ({ weightBits: { validation } }: QuantisationChoice): number =>
    points(validationFloat - validation)
  const testDrop = ({ test }: QuantisationChoice): number => points(trained.accuracy.test! - test.accuracy)
  const mode = tuner?.mode ?? 'never'
  const report = {
    mode,
    thresholdPoints: QAT_THRESHOLD_POINTS,
    validationFloat,
    validationDropBefore: validationDrop(before),
    testDropBefore: testDrop(before),
  }
  const wanted = mode === 'always' || (mode === 'auto' && report.validationDropBefore > QAT_THRESHOLD_POINTS)
  if (tuner === undefined || !wanted) return { ...before, fineTuning: report }
  const four = fourBitLayers(before.network)
  const { trained: tuned, job } = await tuner.train(trained.weights, four)
  const after = await chooseQuantisation(graph, tuned.weights, dataset, check, weightBits, new Set(four))
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
        fourBitLayers: four.length,
        validationDropAfter: validationDrop(after),
        testDropAfter: testDrop(after),
        validationBefore,
        validationAfter,
        kept,
      },
    },
  }
}

const points = (share: number): number => Number((100 * share).toFixed(4))
