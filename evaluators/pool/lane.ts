import type { Piscina } from 'piscina'

/** What is asked of a thread that trains. */
export type Thread = Pick<Piscina, 'run' | 'destroy'>

/** The place of one thread, which is taken by fresh ones in turn. */
export interface Lane {
  /** Runs a task of so many trials; a lane runs one task at a time. */
  run(task: unknown, trials: number, signal: AbortSignal): Promise<unknown>
  /** Ends the thread; its task must be over. */
  end(): Promise<void>
}

/**
 * A thread that is replaced by a fresh one after so many trials. The fresh one begins when the old one has ended, never
 * beside it: the allocator of the C library (glibc) keeps memory apart for every thread, and hands what an ended thread
 * leaves behind to the next that begins. One that begins sooner gets memory of its own, and neither is ever given back.
 */
export function createLane(startThread: () => Thread, lifetime: number): Lane {
  let thread = startThread()
  let trialsStarted = 0
  return {
    async run(task, trials, signal) {
      if (trialsStarted >= lifetime) {
        trialsStarted = 0
        await thread.destroy()
        thread = startThread()
      }
      trialsStarted += trials
      return thread.run(task, { signal })
    },
    end: () => thread.destroy(),
  }
}
