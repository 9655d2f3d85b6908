import type { EnergyUse } from '../evaluators/energy/meter.ts'
import type { ExperimentStatus, Rejection, SearchJournal, TrialRecord } from '../search/journal.ts'
import type { EnergyPlan, SearchEnergy, TrialOutcome } from './search-energy.ts'

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
  /** Trials to run, on all rungs together. */
  readonly budget: number
  /** Levels of fidelity. Fronts hold networks of the last one only: figures of different levels cannot be compared. */
  readonly rungs: number
}

export interface Experiment extends NewExperiment {
  readonly id: number
  readonly status: ExperimentStatus
  readonly createdAt: string
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
  /** Non-dominated feasible trials of the last rung, by latency, then trial. */
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
  /** Of fully trained networks. */
  readonly bestAccuracy: number | undefined
}

/** The results of all searches in one database. Synchronous; one writer at a time, any number of readers. */
export interface Store {
  createExperiment(experiment: NewExperiment): number
  /** @throws UserError when there is no such experiment (the message lists what there is); without an id: the latest one. */
  experiment(id?: number): Experiment
  summaries(): readonly ExperimentSummary[]
  /** Deletes an experiment with its trials; the measurements of its networks stay. @throws UserError when there is none. */
  deleteExperiment(id: number): void
  setStatus(experiment: number, status: ExperimentStatus): void

  /** The part of the store that the search loop of one experiment writes to. */
  journal(experiment: number): SearchJournal
  /** All trials in their order, with what they cost on one device, or on all. */
  trials(experiment: number, device?: string): readonly TrialRecord[]
  /**
   * As `trials`, one after the other: memory does not grow with their number. The visitor may not use the store; it says
   * whether it wants the next one.
   */
  visitTrials(experiment: number, device: string | undefined, visit: (trial: TrialRecord) => boolean): void
  /** The same without what networks cost on the devices, which is most of what there is to read. */
  outcomes(experiment: number): readonly TrialOutcome[]
  trial(experiment: number, trial: number): TrialRecord | undefined
  rejections(experiment: number): readonly Rejection[]
  /** How many there are. */
  rejected(experiment: number): number
  front(experiment: number, device: string): Front

  /** Replaces what the search may use and how its energy is counted. */
  setEnergyPlan(experiment: number, plan: EnergyPlan): void
  /** Adds what was used; durable when it returns. */
  recordEnergy(experiment: number, use: EnergyUse): void
  energy(experiment: number): SearchEnergy

  close(): void
}
