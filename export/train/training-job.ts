import { createHash } from 'node:crypto'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { Recipe, TrainingEngine } from '../../evaluators/training/engine.ts'
import type { TrainedNetwork } from '../../evaluators/training/train.ts'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'

/** What decides the outcome of a full training. */
export interface TrainingJob {
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly engine: TrainingEngine
  /** The engine with where it computes, as `engineName` gives it. */
  readonly engineName: string
  readonly recipe: Recipe
  readonly epochs: number
  /** Epochs without a better validation result after which the training ends; 0: it never ends early. */
  readonly patience: number
  /** Seeds initialisation, data order and augmentation, each by a stream of its own. */
  readonly seed: number
  /** Weights to start from; drawn by the seed where left out. */
  readonly start?: Weights
}

/** One epoch of a full training. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number
  /** Mean training loss; label smoothing and side losses count. */
  readonly loss: number
  /** Shares of samples classified rightly: while training, and on the validation part afterwards. */
  readonly trainingAccuracy: number
  readonly validationAccuracy: number
  /** Mean cross entropy on the validation part, in nats. */
  readonly validationLoss: number
}

/** A finished training; its weights are those of epoch `kept`. */
export interface FullyTrained extends TrainedNetwork {
  readonly history: readonly EpochRecord[]
  /** The last epoch whose validation accuracy is within one standard error of the highest. */
  readonly kept: EpochRecord
  readonly endedEarly: boolean
}

/** Raised when the same job would give other weights than before. */
const RULES_VERSION = '2'

/** SHA-256 over names and values, in the order of the names. */
export function weightsDigest(weights: Weights): string {
  const hash = createHash('sha256')
  for (const [name, values] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\n${values.length}\n`)
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  return hash.digest('hex')
}

/** Identity of a training: jobs with one key give the same weights, bit for bit. */
export const trainingKey = (job: TrainingJob): string =>
  sha256Hex(
    canonicalJson({
      rules: RULES_VERSION,
      graph: job.graph,
      dataset: job.dataset.digest,
      engine: `${job.engineName}@${job.engine.version}`,
      recipe: job.recipe,
      epochs: job.epochs,
      patience: job.patience,
      seed: job.seed,
      start: job.start === undefined ? undefined : weightsDigest(job.start),
    }),
  )

/**
 * How long a training goes on without a better result unless told otherwise. The cosine schedule gains most in its last
 * third, so that less patience would end trainings that are only slow.
 */
export const defaultPatience = (epochs: number): number => Math.max(10, Math.ceil(epochs / 2))

/** The first epoch with the highest validation accuracy. */
export const peakOf = (history: readonly EpochRecord[]): EpochRecord =>
  history.reduce((peak, record) => (record.validationAccuracy > peak.validationAccuracy ? record : peak))

/**
 * Whether an epoch's weights replace those kept before: its accuracy is the highest so far, or less by no more than one
 * standard error of a share measured on so many samples. Of epochs that cannot be told apart the last is kept, as the
 * schedule ends in smaller and smaller steps (the one-standard-error rule, Breiman et al. 1984, for this order).
 * @param history up to this epoch, itself included.
 */
export function isKept(record: EpochRecord, history: readonly EpochRecord[], validationSamples: number): boolean {
  const { validationAccuracy: highest } = peakOf(history)
  const standardError = Math.sqrt((highest * (1 - highest)) / Math.max(validationSamples, 1))
  return record.validationAccuracy >= highest - standardError
}
