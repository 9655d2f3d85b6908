import { canonicalJson } from '../../lib/canonical-json.ts'
import { failure, messageOf } from '../../lib/errors.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { EvaluateOptions, EvaluationRequest, Evaluator } from '../evaluator.ts'
import { createGatherer } from './gatherer.ts'
import { createProcesses } from './processes.ts'
import { createThreads } from './threads.ts'
import { timeLimit } from './time-limit.ts'
import { type Result, type WorkerData, WorkerDeath, type Workers } from './workers.ts'

export interface PoolOptions {
  readonly dataset: Dataset
  readonly engine: string
  readonly engineVersion: string
  /** Threads; each trains one candidate at a time, or one group of them. */
  readonly workers: number
  /** Candidates of one thread whose steps run together; 1 where left out, and with engines that cannot do more. */
  readonly netsPerStep?: number
  /** Processes in place of threads: a crash in native code then ends one of them, and not the search. */
  readonly isolate?: boolean
  /** A candidate that takes longer is given up as `timed-out`. */
  readonly timeoutSeconds: number
  /** Trials of a worker after which a fresh one takes its place, so that nothing native libraries leave behind adds up. */
  readonly recycleAfter?: number
}

const DEFAULT_RECYCLE_AFTER = 250

/**
 * A candidate to be given up is asked to stop between two steps: ending a thread inside the native runtime would take the
 * whole process with it. Only a thread that has not answered for this long is ended all the same.
 */
const HUNG_THREAD_MS = 60_000
/** A process can be ended at any time. */
const HUNG_PROCESS_MS = 5_000

/** A search asks for its candidates one after another; those that share their steps are waited for this long. */
const GATHER_MS = 250

/** Candidates of a group make as many steps each, so that they end together. */
const stepsOf = ({ request: { fidelity, earlier, recipe } }: Call): string =>
  canonicalJson({ fidelity, earlier, batchSize: recipe.batchSize })

interface Call {
  readonly request: EvaluationRequest
  readonly signal: AbortSignal | undefined
}

const GIVEN_UP = failure('timed-out', 'given up while training')

/** Proxy training in worker threads, or in processes: the evaluator of real searches. */
export function createPool(options: PoolOptions): Evaluator {
  const { workers, netsPerStep = 1, isolate = false, timeoutSeconds, recycleAfter = DEFAULT_RECYCLE_AFTER } = options
  const data: WorkerData = { dataset: options.dataset, engine: options.engine }
  const crew = isolate ? createProcesses(data, recycleAfter) : createThreads(data, { workers, lifetime: recycleAfter })
  /** A fresh process for each candidate. */
  const alone = createProcesses(data, 1)
  const inFlight = new Set<Promise<unknown>>()

  /** The time-out of a candidate begins with its training. */
  async function timed({ signal: outer }: Call, train: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const limit = timeLimit(timeoutSeconds)
    const result = await train(outer === undefined ? limit.signal : AbortSignal.any([outer, limit.signal]))
    limit.lift()
    return limit.signal.aborted && !result.ok ? failure('timed-out', `not trained within ${timeoutSeconds} s`) : result
  }

  /**
   * Trains candidates on one worker.
   * @param died what becomes of a candidate whose worker ended without an answer.
   */
  function train(
    on: Workers,
    calls: readonly Call[],
    died: (call: Call, error: unknown) => Result | Promise<Result>,
  ): readonly Promise<Result>[] {
    if (calls.every(({ signal }) => signal?.aborted)) return calls.map(() => Promise.resolve(GIVEN_UP))
    const terminate = new AbortController()
    const candidates = calls.map(({ request }) => ({ request, giveUp: new AbortController() }))
    const graceMs = on === crew && !isolate ? HUNG_THREAD_MS : HUNG_PROCESS_MS
    const run = on.run(
      candidates.map(({ request, giveUp }) => ({ request, signal: giveUp.signal })),
      terminate.signal,
    )
    inFlight.add(run)
    void run.catch(() => undefined).then(() => inFlight.delete(run))
    const resultOf = (place: number) => async (signal: AbortSignal) => {
      let grace: NodeJS.Timeout | undefined
      const giveUp = () => {
        candidates[place]!.giveUp.abort()
        grace = setTimeout(() => terminate.abort(), graceMs)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      if (signal.aborted) giveUp()
      try {
        return (await run)[place]!
      } catch (error) {
        if (signal.aborted) return GIVEN_UP
        throw error
      } finally {
        clearTimeout(grace)
        signal.removeEventListener('abort', giveUp)
      }
    }
    return calls.map((call, place) => timed(call, resultOf(place)).catch((error: unknown) => died(call, error)))
  }

  const blame = (_: Call, error: unknown): Result =>
    failure('crashed-twice', `${messageOf(error)} while it was trained alone`)
  /** A kill may be meant for another: a kernel short of memory takes one of those that train. It gets one more try. */
  const diedAlone = (call: Call, error: unknown): Result | Promise<Result> =>
    error instanceof WorkerDeath && error.killed ? train(alone, [call], blame)[0]! : blame(call, error)

  /** No more processes at a time than workers, however many networks step together. */
  const evaluateAlone = createGatherer<Call, Result>({
    size: 1,
    groups: workers,
    patienceMs: 0,
    kindOf: () => 'any',
    run: (calls) => train(alone, calls, diedAlone),
  })

  /** Whose fault it was shows when each is trained alone; innocent ones get the figures that they would have got. */
  function diedInCrew(calls: readonly Call[]) {
    return (call: Call, error: unknown): Result | Promise<Result> => {
      if (isolate || calls.length > 1) return evaluateAlone(call)
      const { code } = error as NodeJS.ErrnoException
      return code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? failure('out-of-memory', 'its thread ran out of memory')
        : failure('worker-died', messageOf(error))
    }
  }
  const evaluateInCrew = createGatherer<Call, Result>({
    size: netsPerStep,
    groups: workers,
    patienceMs: GATHER_MS,
    kindOf: stepsOf,
    run: (calls) => train(crew, calls, diedInCrew(calls)),
  })

  return {
    id: 'proxy',
    version: `2+${options.engine}@${options.engineVersion}`,
    apart: isolate,
    evaluate: (request, { signal, isolated = false }: EvaluateOptions = {}) =>
      (isolated ? evaluateAlone : evaluateInCrew)({ request, signal }),
    async dispose() {
      await Promise.allSettled(inFlight)
      await Promise.all([crew.end(), alone.end()])
    },
  }
}
