import type { Measurement } from '../evaluators/evaluator.ts'
import type { Failure } from '../lib/errors.ts'
import type { Genome } from './algorithm.ts'

export type ExperimentStatus = 'running' | 'interrupted' | 'done' | 'exhausted'

/** One training of one network: all of it, or a stage on its way up the ladder of fidelities. */
export interface TrialHead {
  readonly trial: number
  readonly genome: Genome
  readonly archId: string
  /** 0 for the cheapest training; the experiment's last rung is the full one. */
  readonly rung: number
  /** The trial of the same network one rung below that this one goes on from; undefined on the lowest rung. */
  readonly continues: number | undefined
  /** The trial of another network whose weights this network began with, if any; the same on all its rungs. */
  readonly inherits: number | undefined
}

/** A trial that was asked for and has not been told yet. `crashes` counts process deaths while it was being trained. */
export interface PendingTrial extends TrialHead {
  readonly crashes: number
}

export interface DeviceCosts {
  readonly device: string
  readonly latencyMs: number
  readonly energyMj: number
  readonly peakRamBytes: number
  readonly flashBytes: number
  /** Sum of relative violations of this device's limits; 0 when feasible. */
  readonly violation: number
  /** Minimisation vector; undefined for a failed trial. */
  readonly objectives: readonly number[] | undefined
  /** Shares of the latency that come from exact, interpolated, extrapolated and fallback table answers. Plain JSON. */
  readonly basis: Readonly<Record<string, number>>
}

/** A finished trial, told to the algorithm. */
export interface TrialRecord extends TrialHead {
  readonly macs: number
  readonly params: number
  readonly result: Measurement | Failure
  readonly costs: readonly DeviceCosts[]
}

/** A candidate stopped by a limit before training: `beforeTrial` is the trial whose place it would have taken. */
export interface Rejection {
  readonly beforeTrial: number
  readonly genome: Genome
  readonly archId: string
  /** Per device, each broken limit with the value and the limit. Plain JSON. */
  readonly violations: Readonly<
    Record<string, readonly { readonly limit: string; readonly value: number; readonly allowed: number }[]>
  >
}

/** What one turn of the search loop makes durable, all or nothing. */
export interface LoopCommit {
  /** The trial that was told in this turn; none in the opening turns, which only ask. */
  readonly finished?: TrialRecord
  /** Trials asked for in this turn. */
  readonly asked: readonly TrialHead[]
  readonly rejections: readonly Rejection[]
  /** The algorithm's state, its random stream included. Plain JSON. */
  readonly algorithmState: unknown
  /** Set when the search ends with this turn. */
  readonly status?: ExperimentStatus
}

export interface LoopState {
  readonly algorithmState: unknown
  readonly pending: readonly PendingTrial[]
  readonly told: number
}

/** Where one experiment of the search loop keeps what must survive a crash. Synchronous. */
export interface SearchJournal {
  commit(turn: LoopCommit): void
  /** Undefined before the first commit. */
  loopState(): LoopState | undefined
  /** Marks trials as being trained right now; what is still marked when a search is resumed was in flight at a crash. */
  markTraining(trial: number, training: boolean): void
  /** Called once on resume: every trial still marked gets one more crash and loses its mark. */
  countCrashes(): void

  /** Finished trials in order. */
  trials(): readonly TrialRecord[]
  /** Architectures turned down by a limit. */
  rejectedArchIds(): readonly string[]
  /** A measurement made before under this key, by any experiment. */
  cachedMeasurement(key: string): Measurement | undefined
  cacheMeasurement(key: string, measurement: Measurement): void
}
