/** How often a limit looks at the clock, in milliseconds; a short limit looks more often. */
const LOOK_MS = 1000
/** Looks within the shortest limit. */
const LEAST_LOOKS = 8
/** A look that comes so many times too late comes from a process that stood still. */
const LATE = 5

/** A limit in time. */
export interface TimeLimit {
  /** Aborts when the time is over. */
  readonly signal: AbortSignal
  /** Nothing is limited any more. */
  lift(): void
}

/**
 * Limits work to so many seconds in which this process ran. While it is stopped (Ctrl-Z, a machine that sleeps) time passes
 * for the clock, and nothing is worked on.
 */
export function timeLimit(seconds: number): TimeLimit {
  const over = new AbortController()
  const lookMs = Math.min(LOOK_MS, (1000 * seconds) / LEAST_LOOKS)
  let leftMs = 1000 * seconds
  let lookedAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    leftMs -= Math.min(now - lookedAt, LATE * lookMs)
    lookedAt = now
    if (leftMs > 0) return
    clearInterval(timer)
    over.abort()
  }, lookMs).unref()
  return { signal: over.signal, lift: () => clearInterval(timer) }
}
