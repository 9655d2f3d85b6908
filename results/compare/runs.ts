import type { TrialRecord } from '../../search/journal.ts'

/** What a search spends. Trials of a ladder of fidelities cost differently much: there processor time is the fair one. */
const SPENDINGS = ['trials', 'cpuSeconds'] as const
export type Spending = (typeof SPENDINGS)[number]

/** What became of one trial on one device, as far as comparisons care. */
export interface ComparedTrial {
  /** Minimisation vector; undefined for a trial that failed, was not trained fully or breaks a limit of the device. */
  readonly objectives: readonly number[] | undefined
  /** What the run had spent when it ended. */
  readonly spent: number
}

/** The trials of one experiment on one device, in order. */
export interface Run {
  readonly experiment: number
  readonly trials: readonly ComparedTrial[]
}

/** The device's side of an experiment's trials. `rungs` are the experiment's; only its last one has full trainings. */
export function runOf(
  experiment: { readonly id: number; readonly rungs: number },
  records: readonly TrialRecord[],
  device: string,
  spending: Spending,
): Run {
  let spent = 0
  const trials = records.map(({ costs, rung, result }) => {
    spent += spending === 'trials' ? 1 : result.ok ? result.cpuSeconds : 0
    const own = costs.find((cost) => cost.device === device)
    const counts = own !== undefined && own.violation === 0 && rung === experiment.rungs - 1
    return { objectives: counts ? own.objectives : undefined, spent }
  })
  return { experiment: experiment.id, trials }
}

export const spentBy = ({ trials }: Run): number => trials.at(-1)?.spent ?? 0

/** Feasible vectors of all trials. */
export const vectorsOf = ({ trials }: Run): readonly (readonly number[])[] =>
  trials.flatMap(({ objectives }) => (objectives === undefined ? [] : [objectives]))
