import path from 'node:path'
import { Piscina } from 'piscina'
import type { BenchmarkTask, BenchmarkThreadData } from './benchmark-thread.ts'
import type { Run } from './run.ts'

export interface Benchmark extends BenchmarkThreadData {
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
  readonly algorithm: string
  /** Per seed, and within it per search: one for all devices together, or one for each. */
  readonly runs: readonly (readonly Run[])[]
}

/** Runs every algorithm from every seed on threads of their own. */
export async function runBenchmark(job: Benchmark): Promise<readonly AlgorithmRuns[]> {
  const { problem, costNames, scales, settings, algorithms, seeds, workers } = job
  const threadData: BenchmarkThreadData = { problem, costNames, scales, settings }
  const searches = job.together ? [costNames.map((_, device) => device)] : costNames.map((_, device) => [device])
  const total = algorithms.length * seeds.length * searches.length
  const pool = new Piscina({
    filename: path.join(import.meta.dirname, `benchmark-thread${path.extname(import.meta.filename)}`),
    workerData: threadData,
    minThreads: Math.min(workers, total),
    maxThreads: Math.min(workers, total),
    idleTimeout: Number.POSITIVE_INFINITY,
  })
  let done = 0
  const run = async (task: BenchmarkTask): Promise<Run> => {
    const result: Run = await pool.run(task)
    job.onProgress?.(++done, total)
    return result
  }
  try {
    return await Promise.all(
      algorithms.map(async (algorithm) => ({
        algorithm,
        runs: await Promise.all(
          seeds.map((seed) => Promise.all(searches.map((devices) => run({ algorithm, seed, devices })))),
        ),
      })),
    )
  } finally {
    await pool.destroy()
  }
}
