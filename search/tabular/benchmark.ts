import path from 'node:path'
import { Piscina } from 'piscina'
import { looksLikePath } from '../../lib/discover.ts'
import { messageOf, OperationalError, UserError } from '../../lib/errors.ts'
import { threadsLoaded } from '../../lib/threads-loaded.ts'
import type { BenchmarkTask, BenchmarkThreadData, Outcome } from './benchmark-thread.ts'
import type { Run } from './run.ts'

export interface Benchmark extends Omit<BenchmarkThreadData, 'signals'> {
  /** Ids, or paths of files. */
  readonly algorithms: readonly string[]
  readonly seeds: readonly number[]
  /** One search serves all devices; otherwise each device has searches of its own. */
  readonly together: boolean
  /** Searches that run at the same time. Results do not depend on it. */
  readonly workers: number
  readonly onProgress?: (done: number, total: number) => void
}

/** The searches of one algorithm. */
export interface AlgorithmRuns {
  /** Its name; with `in stages` when it was run so. */
  readonly algorithm: string
  /** Per seed, and within it per search: one for all devices together, or one for each. */
  readonly runs: readonly (readonly Run[])[]
}

/**
 * Runs every algorithm from every seed on threads of their own; with a ladder a second time, in stages.
 * @throws UserError where a file of the user's own is not right, and OperationalError where an algorithm fails.
 */
export async function runBenchmark(job: Benchmark): Promise<readonly AlgorithmRuns[]> {
  const { problem, costNames, scales, settings, algorithms, seeds, workers } = job
  const signals = {
    stopped: new Int32Array(new SharedArrayBuffer(4)),
    loaded: new Int32Array(new SharedArrayBuffer(4)),
  }
  const threadData: BenchmarkThreadData = { problem, costNames, scales, settings, signals }
  const searches = job.together ? [costNames.map((_, device) => device)] : costNames.map((_, device) => [device])
  const ways = algorithms.flatMap((algorithm) =>
    settings.staged === undefined
      ? [{ algorithm, staged: false }]
      : [
          { algorithm, staged: false },
          { algorithm, staged: true },
        ],
  )
  const total = ways.length * seeds.length * searches.length
  const pool = new Piscina({
    filename: path.join(import.meta.dirname, `benchmark-thread${path.extname(import.meta.filename)}`),
    workerData: threadData,
    minThreads: Math.min(workers, total),
    maxThreads: Math.min(workers, total),
    idleTimeout: Number.POSITIVE_INFINITY,
  })
  let done = 0
  const tasks: Promise<Run>[] = []
  const started = (task: BenchmarkTask): Promise<Run> => {
    const running = run(task)
    tasks.push(running)
    return running
  }
  const run = async (task: BenchmarkTask): Promise<Run> => {
    const outcome: Outcome = await pool.run(task).catch((error: unknown) => {
      Atomics.store(signals.stopped, 0, 1)
      // Messages of files of the user's own name the file.
      const owner = looksLikePath(task.algorithm) ? '' : `the algorithm '${task.algorithm}' failed: `
      throw new OperationalError(owner + messageOf(error), { cause: error })
    })
    if ('refused' in outcome) {
      Atomics.store(signals.stopped, 0, 1)
      throw new UserError(outcome.refused)
    }
    job.onProgress?.(++done, total)
    return outcome.run
  }
  try {
    return await Promise.all(
      ways.map(async ({ algorithm, staged }) => ({
        algorithm: staged ? `${algorithm} in stages` : algorithm,
        runs: await Promise.all(
          seeds.map((seed) => Promise.all(searches.map((devices) => started({ algorithm, seed, staged, devices })))),
        ),
      })),
    )
  } finally {
    await Promise.allSettled(tasks)
    await threadsLoaded(pool, signals.loaded)
    await pool.destroy()
  }
}
