export interface PaceNow {
  readonly elapsedMs: number
  /** Undefined until a trial has been told. */
  readonly trialsPerMinute: number | undefined
  /** Undefined as long as that is not known, and at the end. */
  readonly remainingMs: number | undefined
}

/** Trials over which the pace is averaged: enough to be steady, few enough to follow a change. */
const WINDOW = 20

/** How fast trials are told, from the last of them; those of an earlier run do not count. */
export class Pace {
  readonly #startedAt: number
  /** Trials told, and when, of the last changes. */
  #marks: { readonly told: number; readonly at: number }[] = []

  constructor(startedAt: number) {
    this.#startedAt = startedAt
  }

  told(told: number, at: number): void {
    const last = this.#marks.at(-1)
    if (last === undefined) this.#marks.push({ told, at: this.#startedAt })
    else if (told > last.told) this.#marks.push({ told, at })
    if (this.#marks.length > WINDOW) this.#marks.shift()
  }

  at(now: number, total: number): PaceNow {
    const elapsedMs = now - this.#startedAt
    const first = this.#marks[0]
    const last = this.#marks.at(-1)
    if (first === undefined || last === undefined || last.told === first.told) {
      return { elapsedMs, trialsPerMinute: undefined, remainingMs: undefined }
    }
    const perTrialMs = Math.max(1e-6, last.at - first.at) / (last.told - first.told)
    // What the running trials have had since the last one ended is not waited for again.
    const remainingMs = Math.max(0, (total - last.told) * perTrialMs - (now - last.at))
    return {
      elapsedMs,
      trialsPerMinute: 60_000 / perTrialMs,
      remainingMs: last.told >= total ? undefined : remainingMs,
    }
  }
}
