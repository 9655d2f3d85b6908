import type { Failure } from '../lib/errors.ts'
import type { Genome } from '../search/algorithm.ts'

/** What a search was asked to do: everything that decides its outcome. Plain JSON, validated by the command line. */
export interface ExperimentSettings {
  readonly [key: string]: unknown
}

/** Where a search ran; for cards and comparisons, never read by the search. Plain JSON. */
export interface Environment {
  readonly [key: string]: unknown
}

export interface NewExperiment {
  readonly name: string
  readonly settings: ExperimentSettings
  readonly environment: Environment
  readonly datasetDigest: string
  readonly devices: readonly string[]
  /** Names of the objectives, in the order of every vector; `accuracy` stands for the error 1 − accuracy in vectors. */
  readonly objectives: readonly string[]
  /** Per device: the worst corner of the hypervolume, in the units of the objective vectors. */
  readonly references: Readonly<Record<string, readonly number[]>>
  /** Trials to run. */
  readonly budget: number
}

export type ExperimentStatus = 'running' | 'interrupted' | 'done' | 'exhausted'

export interface Experiment extends NewExperiment {
  readonly id: number
  readonly status: ExperimentStatus
  readonly createdAt: string
}

/** A trial that was asked for and has not been told yet. `crashes` counts process deaths while it was being trained. */
export interface PendingTrial {
  readonly trial: number
  readonly genome: Genome
  readonly archId: string
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

/** Measured part of a trial: deterministic figures first, then those that differ from run to run. */
export interface TrialMeasurement {
  readonly accuracy: number
  readonly testAccuracy: number
  readonly loss: number
  readonly cpuSeconds: number
  readonly wallSeconds: number
}

/** A finished trial, told to the algorithm. */
export interface TrialRecord {
  readonly trial: number
  readonly genome: Genome
  readonly archId: string
  readonly macs: number
  readonly params: number
  readonly result: ({ readonly ok: true } & TrialMeasurement) | Failure
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
  readonly asked: readonly { readonly trial: number; readonly genome: Genome; readonly archId: string }[]
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

export interface FrontPoint {
  readonly trial: number
  readonly archId: string
  readonly accuracy: number
  readonly latencyMs: number
  readonly energyMj: number
  readonly peakRamBytes: number
  readonly flashBytes: number
  readonly macs: number
  readonly params: number
  readonly testAccuracy: number
}

export interface Front {
  readonly experiment: number
  readonly device: string
  readonly objectives: readonly string[]
  /** The reference point, each entry in the unit of its objective (`accuracy` as an accuracy). */
  readonly reference: readonly number[]
  /** Dominated share of the box between the ideal point (error 0, cost 0) and the reference, 0 to 1. */
  readonly hypervolume: number
  /** Non-dominated feasible trials, by latency, then trial. */
  readonly points: readonly FrontPoint[]
}

export interface ExperimentSummary {
  readonly id: number
  readonly name: string
  readonly status: ExperimentStatus
  readonly createdAt: string
  readonly budget: number
  readonly completed: number
  readonly failed: number
  readonly rejected: number
  readonly devices: readonly string[]
  readonly bestAccuracy: number | undefined
}

/** The results of all searches in one database. Synchronous; one writer at a time, any number of readers. */
export interface Store {
  createExperiment(experiment: NewExperiment): number
  /** @throws UserError when there is no such experiment (the message lists what there is); without an id: the latest one. */
  experiment(id?: number): Experiment
  summaries(): readonly ExperimentSummary[]
  setStatus(experiment: number, status: ExperimentStatus): void

  commit(experiment: number, turn: LoopCommit): void
  /** Undefined before the first commit. */
  loopState(experiment: number): LoopState | undefined
  /** Marks trials as being trained right now; what is still marked when a search is resumed was in flight at a crash. */
  markTraining(experiment: number, trial: number, training: boolean): void
  /** Called once on resume: every trial still marked gets one more crash and loses its mark. */
  countCrashes(experiment: number): void

  trials(experiment: number): readonly TrialRecord[]
  trial(experiment: number, trial: number): TrialRecord | undefined
  rejections(experiment: number): readonly Rejection[]
  front(experiment: number, device: string): Front

  /** A measurement made before under this key, by any experiment. */
  cachedMeasurement(key: string): TrialMeasurement | undefined
  cacheMeasurement(key: string, measurement: TrialMeasurement): void
  close(): void
}
