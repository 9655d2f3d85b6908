import type { Failure } from '../lib/errors.ts'
import type { NetworkGraph } from '../network/types.ts'
import type { Recipe } from './training/engine.ts'

/** How much is spent on one candidate. */
export interface Fidelity {
  readonly epochs: number
  /** Share of the training part used, 0 < f ≤ 1. */
  readonly dataFraction: number
}

export interface EvaluationRequest {
  readonly graph: NetworkGraph
  readonly archId: string
  readonly fidelity: Fidelity
  readonly recipe: Recipe
  /** Seeds initialisation and data order; equal requests give equal results, bit for bit, on one engine. */
  readonly seed: number
}

/** What training a candidate gave. Accuracies are shares from 0 to 1. */
export interface Measurement {
  readonly ok: true
  /** The search's objective: measured on the validation part. */
  readonly accuracy: number
  /** For information only; no decision of a search reads it. */
  readonly testAccuracy: number
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
  /** Never rejects: whatever goes wrong is a `Failure`. */
  evaluate(request: EvaluationRequest, options?: EvaluateOptions): Promise<Measurement | Failure>
  /** Waits for candidates that are being given up, then frees everything. */
  dispose(): Promise<void>
}
