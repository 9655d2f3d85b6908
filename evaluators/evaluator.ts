import type { Failure } from '../lib/errors.ts'
import type { NetworkGraph } from '../network/types.ts'
import type { Recipe } from './training/engine.ts'

/** How much is spent on one candidate. */
export interface Fidelity {
  readonly epochs: number
  /** Share of the training part used, 0 < f ≤ 1. */
  readonly dataFraction: number
  /** Share of the height and width that the network reads, 0 < r ≤ 1; 1 is left out. */
  readonly resolution?: number
}

/**
 * What a training reads and leaves in a folder of checkpoints. A checkpoint is one file `<name>.checkpoint`, written
 * atomically, with the weights and the optimiser's state. Names are plain file names without an ending.
 */
export interface CheckpointUse {
  /** Absolute path of an existing folder. */
  readonly directory: string
  /** Written when the training ends; nothing is kept where left out. */
  readonly save?: string
  /**
   * The state after `earlier`. Only a shortcut: where the file is missing, damaged or of another training, the earlier
   * stages are trained again.
   */
  readonly continueFrom?: string
  /**
   * Another network's: initial weights are taken from it where shapes overlap (`training/inherit.ts`). The name stands
   * for its content, so a file must keep its name. A missing or damaged file is a `Failure`, unless `continueFrom`
   * makes it unnecessary.
   */
  readonly inheritFrom?: string
}

export interface EvaluationRequest {
  readonly graph: NetworkGraph
  readonly archId: string
  readonly fidelity: Fidelity
  /**
   * Cheaper stages that this network went through before, first to last; none where left out. The training goes on from
   * where the last of them ended: `fidelity` counts what comes on top. Each stage follows the recipe's whole schedule.
   */
  readonly earlier?: readonly Fidelity[]
  readonly checkpoints?: CheckpointUse
  readonly recipe: Recipe
  /** Measure on the validation part only: a figure that nobody reads need not be paid for. */
  readonly skipTest?: boolean
  /** Seeds initialisation and data order; equal requests give equal results, bit for bit, on one engine. */
  readonly seed: number
}

/** What training a candidate gave. Accuracies are shares from 0 to 1. */
export interface Measurement {
  readonly ok: true
  /** The search's objective: measured on the validation part. */
  readonly accuracy: number
  /**
   * Mean over the validation part, in nats, without label smoothing. On the lower rungs of a ladder a search reads it in
   * place of the accuracy, since on hard data it ranks networks that have hardly been trained more as full training does.
   * Left out by evaluators that do not know it.
   */
  readonly crossEntropy?: number
  /** For information only; no decision of a search reads it. Left out after `skipTest`. */
  readonly testAccuracy?: number
  readonly loss: number
  /** Processor seconds and wall-clock of the evaluation; differ from run to run. */
  readonly cpuSeconds: number
  readonly wallSeconds: number
}

export interface EvaluateOptions {
  /** Aborting gives up on the candidate; the promise then settles with any `Failure`. */
  readonly signal?: AbortSignal
  /** Train in a process of its own, so that a native crash takes nothing else down. */
  readonly isolated?: boolean
}

export interface Evaluator {
  readonly id: string
  /** Changes when results could: part of the cache key. */
  readonly version: string
  /** Whether it trains in processes of their own, whose processor time is not in this one's. */
  readonly apart?: boolean
  /** Never rejects: whatever goes wrong is a `Failure`. */
  evaluate(request: EvaluationRequest, options?: EvaluateOptions): Promise<Measurement | Failure>
  /** Waits for candidates that are being given up, then frees everything. */
  dispose(): Promise<void>
}
