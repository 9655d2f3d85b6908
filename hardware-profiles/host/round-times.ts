/** Rounds whose least times differ by more than this share: something else ran meanwhile in one of them. */
const SETTLED = 0.1
/** Where more than this share of what is timed differs so, the machine is too busy: on a quiet one it is a tenth or less. */
const MOST_UNSETTLED = 0.25
/** One thread that computes all the time gets this share of a core and more, unless other programs want it. */
const LEAST_PROCESSOR = 0.8

/** Times of many things, each taken once a round. */
export class RoundTimes {
  readonly #times = new Map<string, number[]>()

  add(name: string, ms: number): void {
    const known = this.#times.get(name)
    if (known === undefined) this.#times.set(name, [ms])
    else known.push(ms)
  }

  /** The least time of all rounds. @throws RangeError where there is none. */
  least(name: string): number {
    const known = this.#times.get(name)
    if (known === undefined) throw new RangeError(`'${name}' was not timed`)
    return Math.min(...known)
  }

  /** Whether the two least times agree: then neither was disturbed, and one that was before does not matter. */
  isSettled(name: string): boolean {
    const [least, next] = [...(this.#times.get(name) ?? [])].sort((a, b) => a - b)
    return least !== undefined && next !== undefined && next <= (1 + SETTLED) * least
  }

  /** Share of all things whose times did not settle, from 0 to 1. */
  unsettledShare(): number {
    const names = [...this.#times.keys()]
    return names.filter((name) => !this.isSettled(name)).length / Math.max(names.length, 1)
  }
}

/** What tells how busy a computer was while something was timed on it. */
export interface Disturbance {
  /** Share of what was timed that differed between two rounds by more than it does on a quiet machine. */
  readonly unsettledShare: number
  /** Processor time of this process by the time that went by; 1 when it is left out. */
  readonly processorShare?: number
}

/** From now on until it is called: processor time of this process by the time that went by. */
export function watchProcessor(): () => number {
  const [used, start] = [process.cpuUsage(), performance.now()]
  return () => {
    const { user, system } = process.cpuUsage(used)
    return (user + system) / 1000 / Math.max(performance.now() - start, 1e-3)
  }
}

/** Whether a computer was too busy to trust what was timed on it. */
export const isBusy = ({ unsettledShare, processorShare = 1 }: Disturbance): boolean =>
  unsettledShare > MOST_UNSETTLED || processorShare < LEAST_PROCESSOR

/** Why a computer counts as busy. */
export function busyText({ unsettledShare, processorShare = 1 }: Disturbance): string {
  const percent = (share: number): string => `${Math.round(100 * share)} %`
  const differed = `${percent(unsettledShare)} of the times differed by more than ${percent(SETTLED)} between two rounds`
  return processorShare < LEAST_PROCESSOR
    ? `other programs left ${percent(processorShare)} of a processor core to it, and ${differed}`
    : differed
}

const BUSY_NOTE = 'Measured while this computer was busy'

/** A note for the profile of a computer that was busy. */
export const busyNote = (disturbance: Disturbance): string => `${BUSY_NOTE}: ${busyText(disturbance)}.`

/** The note of a profile that was measured on a busy computer; undefined for others. */
export const busyNoteOf = (notes: readonly string[]): string | undefined =>
  notes.find((note) => note.startsWith(BUSY_NOTE))

/** What to do about it. */
export const measureAgain = (id: string): string =>
  `Measure it again while nothing else runs: frugal devices bench ${id}`
