import type { TrialRecord } from '../../search/journal.ts'

/** What became of one trial on one device, as far as comparisons care. */
export interface ComparedTrial {
  /** Minimisation vector; undefined for a trial that failed or breaks a limit of the device. */
  readonly objectives: readonly number[] | undefined
}

/** The trials of one experiment on one device, in order. */
export interface Run {
  readonly experiment: number
  readonly trials: readonly ComparedTrial[]
}

/** The device's side of an experiment's trials. */
export const runOf = (experiment: number, records: readonly TrialRecord[], device: string): Run => ({
  experiment,
  trials: records.map(({ costs }) => {
    const own = costs.find((cost) => cost.device === device)
    return { objectives: own !== undefined && own.violation === 0 ? own.objectives : undefined }
  }),
})

/** Feasible vectors among the first `count` trials. */
export const vectorsOf = ({ trials }: Run, count = trials.length): readonly (readonly number[])[] =>
  trials.slice(0, count).flatMap(({ objectives }) => (objectives === undefined ? [] : [objectives]))
