import path from 'node:path'
import { Piscina } from 'piscina'
import { threadsLoaded } from '../../lib/threads-loaded.ts'
import { createLane, type Thread } from './lane.ts'
import type { ThreadData, TrainingTask } from './training-thread.ts'
import type { Candidate, Result, WorkerData, Workers } from './workers.ts'

export interface ThreadOptions {
  readonly workers: number
  /** Trials of a thread after which a fresh one takes over. */
  readonly lifetime: number
}

/** Threads with the data set's arrays shared, not copied. A crash in native code takes all of them and the search. */
export function createThreads(workerData: WorkerData, { workers, lifetime }: ThreadOptions): Workers {
  const lanes = Array.from({ length: workers }, () => createLane(() => startThread(workerData), lifetime))
  const idle = [...lanes]
  return {
    async run(candidates, terminate) {
      const lane = idle.shift()
      if (lane === undefined) throw new Error(`more than ${workers} candidates for as many threads`)
      try {
        return (await lane.run(candidates.map(taskOf), candidates.length, terminate)) as readonly Result[]
      } finally {
        idle.push(lane)
      }
    },
    async end() {
      await Promise.all(lanes.map((lane) => lane.end()))
    },
  }
}

function startThread(workerData: WorkerData): Thread {
  const loaded = new Int32Array(new SharedArrayBuffer(4))
  const threadData: ThreadData = { ...workerData, loaded }
  const pool = new Piscina({
    filename: path.join(import.meta.dirname, `training-thread${path.extname(import.meta.filename)}`),
    workerData: threadData,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    // Workers train asynchronously; waiting on an atomic between tasks would stop their event loop.
    atomics: 'disabled',
  })
  return {
    run: (task, options) => pool.run(task, options),
    // A search that has nothing left to train ends before its thread has begun.
    destroy: async () => {
      await threadsLoaded(pool, loaded)
      await pool.destroy()
    },
  }
}

function taskOf({ request, signal }: Candidate): TrainingTask {
  const cancelled = new Int32Array(new SharedArrayBuffer(4))
  const cancel = () => void Atomics.store(cancelled, 0, 1)
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  return { request, cancelled }
}
