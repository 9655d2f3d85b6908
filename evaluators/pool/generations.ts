import type { Piscina } from 'piscina'

/** What is asked of a pool of threads. */
export type Threads = Pick<Piscina, 'run' | 'destroy'>

/** Threads that began together. */
interface Generation {
  /** Resolves when they may begin. */
  readonly pool: Promise<Threads>
  /** Trials. */
  started: number
  /** Tasks. */
  running: number
}

export interface Generations {
  /**
   * Runs a task of so many trials on the present threads. Those of before end with the last task they run: none is lost.
   */
  run(task: unknown, trials: number, signal: AbortSignal): Promise<unknown>
  /** Ends all threads; tasks must be over. */
  end(): Promise<void>
}

/**
 * Threads that are replaced by fresh ones after so many trials.
 * @param overlap whether fresh threads begin while the old ones still run tasks, or wait until all have ended.
 */
export function createGenerations(
  createThreads: () => Threads,
  { lifetime, overlap }: { readonly lifetime: number; readonly overlap: boolean },
): Generations {
  const startGeneration = (ready: Promise<void>): Generation => ({
    pool: ready.then(createThreads),
    started: 0,
    running: 0,
  })
  const endThreads = async ({ pool }: Generation): Promise<void> => (await pool).destroy()

  let current = startGeneration(Promise.resolve())
  /** Told when the last task of a retired generation is over. */
  const lastTaskOver = new Map<Generation, () => void>()
  const endings = new Set<Promise<void>>()

  function retire(): void {
    const retired = current
    const idle = new Promise<void>((resolve) => {
      if (retired.running === 0) resolve()
      else lastTaskOver.set(retired, resolve)
    })
    const ended = idle.then(() => endThreads(retired))
    endings.add(ended)
    void ended.finally(() => endings.delete(ended))
    current = startGeneration(overlap ? Promise.resolve() : ended)
  }

  return {
    async run(task, trials, signal) {
      if (current.started >= lifetime) retire()
      const generation = current
      generation.started += trials
      generation.running++
      try {
        return await (await generation.pool).run(task, { signal })
      } finally {
        if (--generation.running === 0) lastTaskOver.get(generation)?.()
      }
    },
    async end() {
      await Promise.all(endings)
      await endThreads(current)
    },
  }
}
