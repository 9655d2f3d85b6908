import path from 'node:path'
import { Piscina } from 'piscina'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { type Failure, failure, messageOf } from '../../lib/errors.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { EvaluateOptions, EvaluationRequest, Evaluator, Measurement } from '../evaluator.ts'
import { parseEngineName, trainsAlone } from '../training/engines.ts'
import { createGatherer } from './gatherer.ts'
import { createGenerations } from './generations.ts'
import { evaluateIsolated } from './isolated.ts'
import type { TrainingTask, TrainingThreadData } from './training-thread.ts'

export interface PoolOptions {
  readonly dataset: Dataset
  readonly engine: string
  readonly engineVersion: string
  /** Threads; each trains one candidate at a time, or one group of them. */
  readonly workers: number
  /** Candidates of one thread whose steps run together; 1 where left out, and with engines that cannot do more. */
  readonly netsPerStep?: number
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

/** A search asks for its candidates one after another; those that share their steps are waited for this long. */
const GATHER_MS = 250

/** Candidates of a group make as many steps each, so that they end together. */
const stepsOf = ({ request: { fidelity, earlier, recipe } }: Pick<Call, 'request'>): string =>
  canonicalJson({ fidelity, earlier, batchSize: recipe.batchSize })

interface Call {
  readonly request: EvaluationRequest
  readonly signal: AbortSignal | undefined
}

type Result = Measurement | Failure
const GIVEN_UP = failure('timed-out', 'given up while training')

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

  /** The time-out of a candidate begins with its training. */
  async function timed({ signal: outer }: Call, train: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const timeout = AbortSignal.timeout(options.timeoutSeconds * 1000)
    const result = await train(outer === undefined ? timeout : AbortSignal.any([outer, timeout]))
    return timeout.aborted && !result.ok
      ? failure('timed-out', `not trained within ${options.timeoutSeconds} s`)
      : result
  }

  /** Trains candidates on one thread. */
  function evaluateGroup(calls: readonly Call[]): readonly Promise<Result>[] {
    if (calls.every(({ signal }) => signal?.aborted)) return calls.map(() => Promise.resolve(GIVEN_UP))
    const terminate = new AbortController()
    const tasks = calls.map(
      ({ request }): TrainingTask => ({ request, cancelled: new Int32Array(new SharedArrayBuffer(4)) }),
    )
    const run = threads.run(tasks, calls.length, terminate.signal) as Promise<readonly Result[]>
    inFlight.add(run)
    const evaluateOne = (call: Call, i: number) => async (signal: AbortSignal) => {
      let graceTimer: NodeJS.Timeout | undefined
      const giveUp = () => {
        Atomics.store(tasks[i]!.cancelled, 0, 1)
        graceTimer = setTimeout(() => terminate.abort(), HUNG_GRACE_MS)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      if (signal.aborted) giveUp()
      try {
        return (await run)[i]!
      } catch (error) {
        if (signal.aborted) return GIVEN_UP
        // Whichever of them ended the thread, each gives the same figures alone.
        if (calls.length > 1) return evaluateGroup([call])[0]!
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ERR_WORKER_OUT_OF_MEMORY') return failure('out-of-memory', 'its thread ran out of memory')
        return failure('worker-died', messageOf(error))
      } finally {
        inFlight.delete(run)
        clearTimeout(graceTimer)
        signal.removeEventListener('abort', giveUp)
      }
    }
    return calls.map((call, i) => timed(call, evaluateOne(call, i)))
  }

  const { netsPerStep = 1, workers } = options
  const evaluateInThread =
    netsPerStep === 1
      ? (call: Call) => evaluateGroup([call])[0]!
      : createGatherer<Call, Result>({
          size: netsPerStep,
          groups: workers,
          patienceMs: GATHER_MS,
          kindOf: stepsOf,
          run: evaluateGroup,
        })
  /** No more processes than threads, however many networks step together. */
  const evaluateApart = createGatherer<Call, Result>({
    size: 1,
    groups: workers,
    patienceMs: 0,
    kindOf: () => 'any',
    run: (calls) => calls.map((call) => timed(call, (signal) => evaluateIsolated(call.request, data, signal))),
  })

  return {
    id: 'proxy',
    version: `2+${options.engine}@${options.engineVersion}`,
    evaluate: (request, { signal, isolated = false }: EvaluateOptions = {}) =>
      (isolated ? evaluateApart : evaluateInThread)({ request, signal }),
    async dispose() {
      await Promise.allSettled(inFlight)
      await threads.end()
    },
  }
}
