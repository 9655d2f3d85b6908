import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Measurement } from '../evaluators/evaluator.ts'
import type { Failure } from '../lib/errors.ts'
import { watched } from '../lib/own-code.ts'
import type { RandomStream } from '../lib/random.ts'
import type { Genome, GenomeOperations } from '../spaces/genome.ts'
import type { SearchSpace, Task } from '../spaces/space.ts'
import type { AlgorithmConfig, AlgorithmDefinition, FrontResult } from './algorithm.ts'
import type { Ladder } from './fidelity/ladder.ts'
import { genomeDistance, nearestParent } from './fidelity/parents.ts'
import { type Assignment, FidelityScheduler, type SchedulerPlan } from './fidelity/scheduler.ts'
import { type TrainerPlan, TrialTrainer } from './fidelity/trainer.ts'
import type {
  DeviceCosts,
  ExperimentStatus,
  PendingTrial,
  Rejection,
  SearchJournal,
  TrialHead,
  TrialRecord,
} from './journal.ts'
import { earlyAccuracy, type ObjectiveName, objectiveVector } from './objectives.ts'
import { type Candidate, isFeasible, priceGenome, type SearchDevice } from './pricing.ts'

export interface SearchPlan extends TrainerPlan {
  readonly space: SearchSpace
  readonly task: Task
  readonly operations: GenomeOperations
  readonly algorithm: AlgorithmDefinition
  readonly algorithmConfig: AlgorithmConfig
  /** Stream of a new search; a resumed one continues from the journal. */
  readonly random: RandomStream
  readonly devices: readonly SearchDevice[]
  readonly objectives: readonly ObjectiveName[]
  /** Networks to begin. */
  readonly networks: number
  /** How they climb; as many rungs as there are stages of training. */
  readonly ladder: Ladder
  /** Trial i is asked for when trial i − lookAhead has been told, whatever else has finished: this fixes the outcome. */
  readonly lookAhead: number
  /** Candidates trained at the same time. */
  readonly workers: number
  /** Candidates that may be turned down in a row before the space counts as exhausted. */
  readonly patience: number
}

export type SearchEvent =
  | ({ readonly event: 'asked'; readonly rejected: number } & TrialHead)
  | { readonly event: 'started'; readonly trial: number }
  /** Trained, and waiting for its turn to be told. */
  | { readonly event: 'measured'; readonly trial: number }
  | { readonly event: 'trial'; readonly record: TrialRecord; readonly rejected: number }

interface InFlight extends PendingTrial {
  readonly candidate: Candidate
}

interface Proposal {
  readonly assignment: Assignment
  readonly candidate: Candidate
}

/** A new network comes from the best so far; more would only fill the disk with checkpoints. */
const MOST_PARENTS = 48

/** The main thread serves timers and signals again after this long. */
const BUSY_LIMIT_MS = 25

/**
 * Runs a search, or continues one, until all its networks are trained as far as they get, the space is exhausted or
 * `signal` aborts.
 *
 * Results are told in the order of the asks with a fixed look-ahead, and every turn is one commit of the journal: the
 * outcome depends on the seed and the settings alone, not on how many workers there are, which finishes first, or how
 * often the process was killed in between.
 */
export class SearchLoop {
  readonly #plan: SearchPlan
  readonly #journal: SearchJournal
  readonly #emit: (event: SearchEvent) => void
  readonly #scheduler: FidelityScheduler
  readonly #trainer: TrialTrainer
  readonly #distance: (a: Genome, b: Genome) => number
  readonly #waiting = new Map<number, InFlight>()
  readonly #finished = new Map<number, Measurement | Failure>()
  readonly #seen = new Set<string>()
  readonly #turnedDown = new Set<string>()
  /** Whose weights the network of a trial began with. */
  readonly #origins = new Map<number, number | undefined>()
  #told = 0
  #asked = 0

  constructor(plan: SearchPlan, journal: SearchJournal, emit: (event: SearchEvent) => void) {
    this.#plan = plan
    this.#journal = journal
    this.#emit = emit
    this.#distance = genomeDistance(plan.operations.genes)
    this.#trainer = new TrialTrainer(plan, journal, ({ genome }) => this.#price(genome))
    const { algorithm, algorithmConfig, networks, ladder } = plan
    const { frontCount, objectiveCount } = algorithmConfig
    const distance = this.#distance
    const schedulerPlan: SchedulerPlan = { networks, ladder, frontCount, objectiveCount, distance }
    const state = journal.loopState()
    if (state === undefined) {
      this.#scheduler = new FidelityScheduler(algorithm.create(algorithmConfig, plan.random), schedulerPlan)
      return
    }
    journal.countCrashes()
    const { pending } = journal.loopState()!
    const records = journal.trials()
    const restore = (stored: unknown) => algorithm.restore(algorithmConfig, stored)
    const candidates = pending.map(({ genome }) => this.#price(genome))
    const history = [
      ...records.map((record) => ({ ...record, size: record.macs, fronts: frontsOf(record) })),
      ...pending.map((trial, i) => ({ ...trial, size: candidates[i]!.macs })),
    ]
    this.#scheduler = FidelityScheduler.restore(restore, schedulerPlan, state.algorithmState, history)
    for (const archId of journal.rejectedArchIds()) this.#turnedDown.add(archId)
    for (const head of history) {
      this.#know(head)
    }
    this.#told = state.told
    this.#asked = history.length
    pending.forEach((trial, i) => {
      this.#waiting.set(trial.trial, { ...trial, candidate: candidates[i]! })
    })
    this.#removeOldCheckpoints()
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
    try {
      const status = await this.#runWith(running, signal)
      this.#clearMarks(running.keys())
      return status
    } catch (error) {
      try {
        this.#clearMarks(running.keys())
      } catch {
        // A disk that takes nothing more is what the first error is about.
      }
      throw error
    }
  }

  /** What ends a search otherwise than by a crash is not the fault of the networks in training. */
  #clearMarks(trials: Iterable<number>): void {
    for (const trial of trials) this.#journal.markTraining(trial, false)
  }

  async #runWith(running: Map<number, Promise<number>>, signal: AbortSignal): Promise<ExperimentStatus> {
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    while (!signal.aborted) {
      await this.#askAhead(undefined)
      while (this.#finished.has(this.#told)) await this.#turn()
      if (this.#waiting.size === 0) {
        this.#trainer.removeCheckpoints()
        return this.#scheduler.exhausted ? 'exhausted' : 'done'
      }
      for (const [trial, pending] of this.#waiting) {
        if (running.size >= this.#plan.workers) break
        if (!running.has(trial) && !this.#finished.has(trial)) running.set(trial, this.#train(pending, signal))
      }
      const ended = await Promise.race([stopped, ...running.values()])
      if (ended !== undefined) running.delete(ended)
    }
    return 'interrupted'
  }

  /** Tells the oldest trial, asks for as many as that allows, and commits both together. */
  async #turn(): Promise<void> {
    const trial = this.#told
    const record = this.#record(this.#waiting.get(trial)!, this.#finished.get(trial)!)
    this.#waiting.delete(trial)
    this.#finished.delete(trial)
    this.#told++
    this.#scheduler.tell(trial, frontsOf(record))
    await this.#askAhead(record)
    this.#removeOldCheckpoints()
    this.#emit({ event: 'trial', record, rejected: this.#turnedDown.size })
  }

  /** Asks until the look-ahead is full or results must come first; commits what is new with the trial just told. */
  async #askAhead(finished: TrialRecord | undefined): Promise<void> {
    const asked: TrialHead[] = []
    const rejections: Rejection[] = []
    while (this.#asked < this.#told + this.#plan.lookAhead) {
      const proposal = await this.#propose(rejections)
      if (proposal === undefined) break
      asked.push(this.#accept(proposal))
      this.#emit({ event: 'asked', ...asked.at(-1)!, rejected: this.#turnedDown.size })
    }
    if (finished === undefined && asked.length === 0 && rejections.length === 0) return
    const turn = { asked, rejections, algorithmState: this.#scheduler.state() }
    this.#journal.commit(finished === undefined ? turn : { ...turn, finished })
  }

  #accept({ assignment, candidate }: Proposal): TrialHead {
    const { genome, rung, continues } = assignment
    const trial = this.#asked++
    const head = {
      trial,
      genome,
      archId: candidate.archId,
      rung,
      continues,
      inherits: this.#originOf(assignment),
    }
    this.#scheduler.accept(trial, { ...assignment, size: candidate.macs })
    this.#know(head)
    this.#waiting.set(trial, { ...head, crashes: 0, candidate })
    return head
  }

  #know(head: TrialHead): void {
    this.#seen.add(head.archId)
    this.#origins.set(head.trial, head.inherits)
    this.#trainer.add(head)
  }

  /** The trial whose weights a network begins with: for one that goes up, that of its first rung. */
  #originOf({ genome, continues }: Assignment): number | undefined {
    if (continues !== undefined) return this.#origins.get(continues)
    if (!this.#plan.inherit) return undefined
    return nearestParent(genome, this.#scheduler.leaders(MOST_PARENTS), this.#distance)?.trial
  }

  /**
   * What to train next: a network that goes up, or a new one within the limits of some device. Undefined when results
   * must come first, when all is begun, or when patience with the algorithm runs out.
   */
  async #propose(rejections: Rejection[]): Promise<Proposal | undefined> {
    let busySince = performance.now()
    for (let attempt = 0; attempt < this.#plan.patience; attempt++) {
      if (performance.now() - busySince > BUSY_LIMIT_MS) {
        await nextTurn()
        busySince = performance.now()
      }
      const proposal = watched('what a proposal calls', () => this.#ask())
      if (proposal === undefined) return undefined
      const { assignment, candidate } = proposal
      if (assignment.continues !== undefined) return proposal
      if (this.#seen.has(candidate.archId)) continue
      if (isFeasible(candidate)) return proposal
      this.#scheduler.reject({
        genome: candidate.genome,
        fronts: candidate.violation.map((violation) => ({ objectives: undefined, violation })),
      })
      if (this.#turnedDown.has(candidate.archId)) continue
      this.#turnedDown.add(candidate.archId)
      rejections.push(this.#rejection(candidate))
    }
    this.#scheduler.exhaust()
    return this.#propose(rejections)
  }

  #ask(): Proposal | undefined {
    const assignment = this.#scheduler.ask()
    return assignment && { assignment, candidate: this.#price(assignment.genome) }
  }

  async #train(pending: InFlight, signal: AbortSignal): Promise<number> {
    const { trial, candidate } = pending
    let started = false
    const result = await this.#trainer.train(pending, candidate, signal, () => {
      started = true
      this.#emit({ event: 'started', trial })
    })
    if (result === undefined) return trial
    this.#finished.set(trial, result)
    if (started) this.#emit({ event: 'measured', trial })
    return trial
  }

  /** Keeps the checkpoints that a trial in flight, or one that may still come, goes on from. */
  #removeOldCheckpoints(): void {
    const kept = new Set(this.#scheduler.reachable())
    if (this.#plan.inherit) for (const { trial } of this.#scheduler.leaders(MOST_PARENTS)) kept.add(trial)
    for (const { trial, continues, inherits } of this.#waiting.values()) {
      for (const needed of [trial, continues, inherits]) if (needed !== undefined) kept.add(needed)
    }
    this.#trainer.keepOnly(kept)
  }

  #price = (genome: Genome): Candidate => priceGenome(this.#plan.space, this.#plan.task, this.#plan.devices, genome)

  #record(pending: InFlight, measured: Measurement | Failure): TrialRecord {
    const { candidate, crashes: _, ...head } = pending
    const { macs, params, prices, violation } = candidate
    const { devices, objectives: names } = this.#plan
    const { classCount } = this.#plan.task
    const top = head.rung === this.#plan.ladder.rungs - 1
    let result = measured
    const vectors = prices.map((price) => {
      if (!result.ok) return undefined
      const accuracy = top ? result.accuracy : earlyAccuracy(result, classCount)
      const vector = objectiveVector(names, { ...price, macs, accuracy })
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
    return { ...head, macs, params, result, costs }
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

/** What the algorithm is told of a trial. */
const frontsOf = ({ result, costs }: TrialRecord): readonly FrontResult[] =>
  costs.map(({ objectives, violation }) => ({
    objectives,
    violation: result.ok ? violation : Number.POSITIVE_INFINITY,
  }))
