import { ESTIMATE_SOURCE, estimatedJoules } from '../evaluators/energy/estimate.ts'
import type { EnergyUse } from '../evaluators/energy/meter.ts'
import type { TrialRecord } from '../search/journal.ts'

/** What became of a trial, costs apart. */
export type TrialOutcome = Omit<TrialRecord, 'costs'>

/** A trial as far as its energy is concerned. */
export interface SpentTrial {
  readonly trial: number
  readonly archId: string
  readonly rung: number
  /** 0 for one that failed. */
  readonly cpuSeconds: number
}

/** What a search may use, and how its energy is counted. */
export interface EnergyPlan {
  readonly limitJoules: number | undefined
  /** Grams of CO2 equivalent per kilowatt-hour of the grid that feeds the search. */
  readonly gramsPerKwh: number | undefined
  /** Where the figures come from: of every run of the search, each once. */
  readonly sources: readonly string[]
}

/** The energy of a search so far. */
export interface SearchEnergy extends EnergyPlan {
  readonly joules: number
  /** Of them, from counters of the machine; the rest is estimated. */
  readonly measuredJoules: number
  readonly basis: 'measured' | 'estimated' | 'partly measured'
  /** Used while nothing was trained, and by trainings that were given up. */
  readonly overheadJoules: number
  /**
   * Of finished trials, in their order; 0 for one that was taken from earlier measurements, and for a network's trials
   * but the last, which has the whole.
   */
  readonly trials: readonly { readonly trial: number; readonly joules: number }[]
}

/** Sums up a search. Without a plan (a search from before energy was counted), trials' processor seconds are taken. */
export function searchEnergy(
  plan: EnergyPlan | undefined,
  uses: readonly EnergyUse[],
  records: readonly SpentTrial[],
): SearchEnergy {
  const counted = plan === undefined ? records.map(useOf) : uses
  const byTraining = new Map<string, number>()
  let joules = 0
  let measuredJoules = 0
  for (const use of counted) {
    const both = use.measuredJoules + use.estimatedJoules
    joules += both
    measuredJoules += use.measuredJoules
    if (use.archId === undefined) continue
    const name = nameOf(use)
    byTraining.set(name, (byTraining.get(name) ?? 0) + both)
  }
  const trials = records.map((record) => ({ trial: record.trial, joules: byTraining.get(nameOf(record)) ?? 0 }))
  const ofTrials = trials.reduce((sum, trial) => sum + trial.joules, 0)
  return {
    limitJoules: plan?.limitJoules,
    gramsPerKwh: plan?.gramsPerKwh,
    sources: plan?.sources ?? [ESTIMATE_SOURCE],
    joules,
    measuredJoules,
    basis: measuredJoules === 0 ? 'estimated' : measuredJoules === joules ? 'measured' : 'partly measured',
    overheadJoules: Math.max(0, joules - ofTrials),
    trials,
  }
}

/** A network has one trial on each rung. */
const nameOf = ({ archId, rung }: { readonly archId: string | undefined; readonly rung: number }): string =>
  `${archId}/${rung}`

const useOf = ({ archId, rung, cpuSeconds }: SpentTrial): EnergyUse => ({
  archId,
  rung,
  measuredJoules: 0,
  estimatedJoules: estimatedJoules(cpuSeconds),
})

/** Whether a search stands still because it used what it may. */
export const atEnergyLimit = ({ joules, limitJoules }: SearchEnergy): boolean =>
  limitJoules !== undefined && joules >= limitJoules

/** Grams of CO2 equivalent of some energy. */
export const gramsOf = (joules: number, gramsPerKwh: number): number => (joules / 3.6e6) * gramsPerKwh
