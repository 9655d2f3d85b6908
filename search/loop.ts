import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EvaluationRequest, Evaluator, Measurement } from '../evaluators/evaluator.ts'
import { type Failure, failure } from '../lib/errors.ts'
import type { RandomStream } from '../lib/random.ts'
import type { Genome, GenomeOperations } from '../spaces/genome.ts'
import type { SearchSpace, Task } from '../spaces/space.ts'
import type { Algorithm, AlgorithmConfig, AlgorithmDefinition } from './algorithm.ts'
import type { DeviceCosts, ExperimentStatus, PendingTrial, Rejection, SearchJournal, TrialRecord } from './journal.ts'
import { type ObjectiveName, objectiveVector } from './objectives.ts'
import { type Candidate, isFeasible, priceGenome, type SearchDevice } from './pricing.ts'

export interface SearchPlan {
  readonly space: SearchSpace
  readonly task: Task
  readonly operations: GenomeOperations
  readonly algorithm: AlgorithmDefinition
  readonly algorithmConfig: AlgorithmConfig
  /** Stream of a new search; a resumed one continues from the journal. */
  readonly random: RandomStream
  readonly devices: readonly SearchDevice[]
  readonly objectives: readonly ObjectiveName[]
  readonly evaluator: Evaluator
  /** How a candidate is trained; its seed must depend on the search's seed and the archId only. */
  readonly request: (candidate: Candidate) => EvaluationRequest
  /** Names an accuracy for the cache: everything it depends on. */
  readonly cacheKey: (request: EvaluationRequest) => string
  /** Trials to train. */
  readonly budget: number
  /** Trial i is asked for when trial i − lookAhead has been told, whatever else has finished: this fixes the outcome. */
  readonly lookAhead: number
  /** Candidates trained at the same time. */
  readonly workers: number
  /** Candidates that may be turned down in a row before the space counts as exhausted. */
  readonly patience: number
}

export type SearchEvent =
  | { readonly event: 'asked'; readonly trial: number; readonly archId: string; readonly rejected: number }
  | { readonly event: 'started'; readonly trial: number }
  /** Trained, and waiting for its turn to be told. */
  | { readonly event: 'measured'; readonly trial: number }
  | { readonly event: 'trial'; readonly record: TrialRecord; readonly rejected: number }

interface InFlight extends PendingTrial {
  readonly candidate: Candidate
}

/** What the journal keeps of the loop beside the trials. */
interface SavedState {
  readonly algorithm: unknown
  readonly exhausted: boolean
}

/** The main thread serves timers and signals again after this long. */
const BUSY_LIMIT_MS = 25

/**
 * Runs a search, or continues one, until its budget is spent, the space is exhausted or `signal` aborts.
 *
 * Results are told in the order of the asks with a fixed look-ahead, and every turn is one commit of the journal: the
 * outcome depends on the seed and the settings alone, not on how many workers there are, which finishes first, or how
 * often the process was killed in between.
 */
export class SearchLoop {
  readonly #plan: SearchPlan
  readonly #journal: SearchJournal
  readonly #emit: (event: SearchEvent) => void
  readonly #algorithm: Algorithm
  readonly #waiting = new Map<number, InFlight>()
  readonly #finished = new Map<number, Measurement | Failure>()
  readonly #seen = new Set<string>()
  readonly #turnedDown = new Set<string>()
  #told = 0
  #asked = 0
  #exhausted = false

  constructor(plan: SearchPlan, journal: SearchJournal, emit: (event: SearchEvent) => void) {
    this.#plan = plan
    this.#journal = journal
    this.#emit = emit
    const state = journal.loopState()
    if (state === undefined) {
      this.#algorithm = plan.algorithm.create(plan.algorithmConfig, plan.random)
      return
    }
    journal.countCrashes()
    const saved = state.algorithmState as SavedState
    this.#algorithm = plan.algorithm.restore(plan.algorithmConfig, saved.algorithm)
    this.#exhausted = saved.exhausted
    for (const archId of journal.rejectedArchIds()) this.#turnedDown.add(archId)
    for (const record of journal.trials()) this.#seen.add(record.archId)
    this.#told = state.told
    this.#asked = state.told
    for (const pending of journal.loopState()!.pending) {
      const candidate = this.#price(pending.genome)
      this.#waiting.set(pending.trial, { ...pending, candidate })
      this.#seen.add(pending.archId)
      this.#asked = Math.max(this.#asked, pending.trial + 1)
    }
  }

  async run(signal: AbortSignal): Promise<ExperimentStatus> {
    const stop = new AbortController()
    const forward = () => stop.abort()
    signal.addEventListener('abort', forward, { once: true })
    if (signal.aborted) stop.abort()
    try {
      return await this.#run(stop.signal)
    } finally {
      stop.abort()
      signal.removeEventListener('abort', forward)
    }
  }

  async #run(signal: AbortSignal): Promise<ExperimentStatus> {
    const running = new Map<number, Promise<number>>()
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    while (!signal.aborted) {
      await this.#askAhead(undefined)
      while (this.#finished.has(this.#told)) await this.#turn()
      if (this.#waiting.size === 0) return this.#exhausted ? 'exhausted' : 'done'
      for (const [trial, pending] of this.#waiting) {
        if (running.size >= this.#plan.workers) break
        if (!running.has(trial) && !this.#finished.has(trial)) running.set(trial, this.#train(pending, signal))
      }
      const ended = await Promise.race([stopped, ...running.values()])
      if (ended !== undefined) running.delete(ended)
    }
    // A clean stop clears the marks of what is in flight: only a crash leaves them.
    for (const trial of running.keys()) this.#journal.markTraining(trial, false)
    return 'interrupted'
  }

  /** Tells the oldest trial, asks for as many as that allows, and commits both together. */
  async #turn(): Promise<void> {
    const trial = this.#told
    const { candidate } = this.#waiting.get(trial)!
    const record = this.#record(trial, candidate, this.#finished.get(trial)!)
    this.#waiting.delete(trial)
    this.#finished.delete(trial)
    this.#told++
    this.#algorithm.tell({
      genome: candidate.genome,
      fronts: record.costs.map(({ objectives, violation }) => ({
        objectives,
        violation: record.result.ok ? violation : Number.POSITIVE_INFINITY,
      })),
    })
    await this.#askAhead(record)
    this.#emit({ event: 'trial', record, rejected: this.#turnedDown.size })
  }

  /** Asks until the look-ahead is full; commits what is new together with the trial just told. */
  async #askAhead(finished: TrialRecord | undefined): Promise<void> {
    const asked: { trial: number; genome: Genome; archId: string }[] = []
    const rejections: Rejection[] = []
    const { budget, lookAhead } = this.#plan
    while (!this.#exhausted && this.#asked < Math.min(budget, this.#told + lookAhead)) {
      const candidate = await this.#propose(rejections)
      if (candidate === undefined) {
        this.#exhausted = true
        break
      }
      const trial = this.#asked++
      this.#seen.add(candidate.archId)
      this.#waiting.set(trial, { trial, genome: candidate.genome, archId: candidate.archId, crashes: 0, candidate })
      asked.push({ trial, genome: candidate.genome, archId: candidate.archId })
      this.#emit({ event: 'asked', trial, archId: candidate.archId, rejected: this.#turnedDown.size })
    }
    if (finished === undefined && asked.length === 0 && rejections.length === 0) return
    const saved: SavedState = {
      algorithm: this.#algorithm.state(),
      exhausted: this.#exhausted,
    }
    const turn = { asked, rejections, algorithmState: saved }
    this.#journal.commit(finished === undefined ? turn : { ...turn, finished })
  }

  /** The next candidate worth training: new and within the limits of some device. Undefined when patience runs out. */
  async #propose(rejections: Rejection[]): Promise<Candidate | undefined> {
    let busySince = performance.now()
    for (let attempt = 0; attempt < this.#plan.patience; attempt++) {
      if (performance.now() - busySince > BUSY_LIMIT_MS) {
        await nextTurn()
        busySince = performance.now()
      }
      const candidate = this.#price(this.#algorithm.ask())
      if (this.#seen.has(candidate.archId)) continue
      if (isFeasible(candidate)) return candidate
      this.#algorithm.tell({
        genome: candidate.genome,
        fronts: candidate.violation.map((violation) => ({ objectives: undefined, violation })),
      })
      if (this.#turnedDown.has(candidate.archId)) continue
      this.#turnedDown.add(candidate.archId)
      rejections.push(this.#rejection(candidate))
    }
    return undefined
  }

  async #train(pending: InFlight, signal: AbortSignal): Promise<number> {
    const { trial, candidate, crashes } = pending
    const { evaluator } = this.#plan
    const request = this.#plan.request(candidate)
    const key = this.#plan.cacheKey(request)
    const cached = this.#journal.cachedMeasurement(key)
    if (cached !== undefined) {
      this.#finished.set(trial, cached)
      return trial
    }
    this.#journal.markTraining(trial, true)
    this.#emit({ event: 'started', trial })
    const result = checked(await evaluator.evaluate(request, { signal, isolated: crashes > 0 }))
    // After a stop the search is over: its journal may be closed already.
    if (signal.aborted) return trial
    if (result.ok) this.#journal.cacheMeasurement(key, result)
    this.#finished.set(trial, result)
    this.#journal.markTraining(trial, false)
    this.#emit({ event: 'measured', trial })
    return trial
  }

  #price = (genome: Genome): Candidate => priceGenome(this.#plan.space, this.#plan.task, this.#plan.devices, genome)

  #record(trial: number, candidate: Candidate, measured: Measurement | Failure): TrialRecord {
    const { genome, archId, macs, params, prices, violation } = candidate
    const { devices, objectives: names } = this.#plan
    let result = measured
    const vectors = prices.map((price) => {
      if (!result.ok) return undefined
      const vector = objectiveVector(names, { ...price, macs, accuracy: result.accuracy })
      if (!('ok' in vector)) return vector
      result = vector
      return undefined
    })
    const costs: DeviceCosts[] = prices.map(({ latencyMs, energyMj, peakRamBytes, flashBytes, basis }, i) => ({
      device: devices[i]!.id,
      latencyMs,
      energyMj,
      peakRamBytes,
      flashBytes,
      violation: violation[i]!,
      objectives: result.ok ? vectors[i] : undefined,
      basis,
    }))
    return { trial, genome, archId, macs, params, result, costs }
  }

  #rejection(candidate: Candidate): Rejection {
    const violations: Record<string, Rejection['violations'][string]> = {}
    candidate.prices.forEach((price, i) => {
      violations[this.#plan.devices[i]!.id] = price.violations.map(({ limit, value, allowed }) => ({
        limit,
        value,
        allowed,
      }))
    })
    return { beforeTrial: this.#asked, genome: candidate.genome, archId: candidate.archId, violations }
  }
}

/** NaN and infinities never pass the border of an evaluator. */
function checked(result: Measurement | Failure): Measurement | Failure {
  if (!result.ok) return result
  for (const name of ['accuracy', 'testAccuracy', 'loss'] as const) {
    if (!Number.isFinite(result[name])) return failure('non-finite-objective', `${name} is ${result[name]}`)
  }
  return result
}
