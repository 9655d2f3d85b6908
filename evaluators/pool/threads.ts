import path from 'node:path'
import { Piscina } from 'piscina'
import { threadsLoaded } from '../../lib/threads-loaded.ts'
import { createGenerations } from './generations.ts'
import type { ThreadData, TrainingTask } from './training-thread.ts'
import type { Candidate, Result, WorkerData, Workers } from './workers.ts'

export interface ThreadOptions {
  readonly workers: number
  /** Trials of all threads after which fresh ones take over. */
  readonly lifetime: number
  readonly overlap: boolean
}

/** Threads with the data set's arrays shared, not copied. A crash in native code takes all of them and the search. */
export function createThreads(workerData: WorkerData, { workers, lifetime, overlap }: ThreadOptions): Workers {
  const extension = path.extname(import.meta.filename)
  const threads = createGenerations(
    () => {
      const loaded = new Int32Array(new SharedArrayBuffer(4))
      const threadData: ThreadData = { ...workerData, loaded }
      const pool = new Piscina({
        filename: path.join(import.meta.dirname, `training-thread${extension}`),
        workerData: threadData,
        minThreads: workers,
        maxThreads: workers,
        idleTimeout: Number.POSITIVE_INFINITY,
        concurrentTasksPerWorker: 1,
        // Workers train asynchronously; waiting on an atomic between tasks would stop their event loop.
        atomics: 'disabled',
      })
      return {
        run: (task, options) => pool.run(task, options),
        // A search that has nothing left to train ends before its threads have begun.
        destroy: async () => {
          await threadsLoaded(pool, loaded)
          await pool.destroy()
        },
      }
    },
    { lifetime, overlap },
  )
  return {
    async run(candidates, terminate) {
      const tasks = candidates.map(taskOf)
      return threads.run(tasks, tasks.length, terminate) as Promise<readonly Result[]>
    },
    end: () => threads.end(),
  }
}

function taskOf({ request, signal }: Candidate): TrainingTask {
  const cancelled = new Int32Array(new SharedArrayBuffer(4))
  const cancel = () => void Atomics.store(cancelled, 0, 1)
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  return { request, cancelled }
}
