import path from 'node:path'
import { Piscina } from 'piscina'
import { type Failure, failure, messageOf } from '../../lib/errors.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { EvaluateOptions, EvaluationRequest, Evaluator, Measurement } from '../evaluator.ts'
import { parseEngineName, trainsAlone } from '../training/engines.ts'
import { createGenerations } from './generations.ts'
import { evaluateIsolated } from './isolated.ts'
import type { TrainingTask, TrainingThreadData } from './training-thread.ts'

export interface PoolOptions {
  readonly dataset: Dataset
  readonly engine: string
  readonly engineVersion: string
  /** Threads; each trains one candidate at a time on one core. */
  readonly workers: number
  /** A candidate that takes longer is given up as `timed-out`. */
  readonly timeoutSeconds: number
  /** Trials per thread after which fresh threads take over, so that nothing native libraries leave behind adds up. */
  readonly recycleAfter?: number
  /**
   * Whether fresh threads may begin while old ones finish their last trials. Not by default where trainings share a GPU
   * or a native library that bears one at a time.
   */
  readonly overlap?: boolean
}

const DEFAULT_RECYCLE_AFTER = 250

/**
 * A candidate to be given up is asked to stop between two steps: ending a thread inside the native runtime would take the
 * process with it. Only a thread that has not answered for this long is ended all the same.
 */
const HUNG_GRACE_MS = 60_000

/** Proxy training in worker threads: the evaluator of real searches. */
export function createPool(options: PoolOptions): Evaluator {
  const data: TrainingThreadData = { dataset: options.dataset, engine: options.engine }
  const extension = path.extname(import.meta.filename)
  const threads = createGenerations(
    () =>
      new Piscina({
        filename: path.join(import.meta.dirname, `training-thread${extension}`),
        workerData: data,
        minThreads: options.workers,
        maxThreads: options.workers,
        idleTimeout: Number.POSITIVE_INFINITY,
        concurrentTasksPerWorker: 1,
        // Workers train asynchronously; waiting on an atomic between tasks would stop their event loop.
        atomics: 'disabled',
      }),
    {
      lifetime: (options.recycleAfter ?? DEFAULT_RECYCLE_AFTER) * options.workers,
      overlap: options.overlap ?? !trainsAlone(parseEngineName(options.engine)),
    },
  )

  const inFlight = new Set<Promise<unknown>>()

  async function evaluateInThread(request: EvaluationRequest, signal: AbortSignal): Promise<Measurement | Failure> {
    const cancelled = new Int32Array(new SharedArrayBuffer(4))
    const terminate = new AbortController()
    let graceTimer: NodeJS.Timeout | undefined
    const giveUp = () => {
      Atomics.store(cancelled, 0, 1)
      graceTimer = setTimeout(() => terminate.abort(), HUNG_GRACE_MS)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    if (signal.aborted) giveUp()
    const task: TrainingTask = { request, cancelled }
    const run = threads.run(task, terminate.signal) as Promise<Measurement | Failure>
    inFlight.add(run)
    try {
      return await run
    } catch (error) {
      if (signal.aborted) return failure('timed-out', 'given up while training')
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ERR_WORKER_OUT_OF_MEMORY') return failure('out-of-memory', 'its thread ran out of memory')
      return failure('worker-died', messageOf(error))
    } finally {
      inFlight.delete(run)
      clearTimeout(graceTimer)
      signal.removeEventListener('abort', giveUp)
    }
  }

  return {
    id: 'proxy',
    version: `2+${options.engine}@${options.engineVersion}`,
    async evaluate(request, { signal: outer, isolated = false }: EvaluateOptions = {}) {
      const timeout = AbortSignal.timeout(options.timeoutSeconds * 1000)
      const signal = outer === undefined ? timeout : AbortSignal.any([outer, timeout])
      const result = isolated ? await evaluateIsolated(request, data, signal) : await evaluateInThread(request, signal)
      return timeout.aborted && !result.ok
        ? failure('timed-out', `not trained within ${options.timeoutSeconds} s`)
        : result
    },
    async dispose() {
      await Promise.allSettled(inFlight)
      await threads.end()
    },
  }
}
