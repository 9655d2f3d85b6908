import type { EvaluationRequest, Evaluator, Fidelity, Measurement } from '../../evaluators/evaluator.ts'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { type Failure, failure, OperationalError } from '../../lib/errors.ts'
import type { PendingTrial, SearchJournal, TrialHead } from '../journal.ts'
import type { Candidate } from '../pricing.ts'
import type { CheckpointFolder } from './checkpoints.ts'

export interface TrainerPlan {
  readonly evaluator: Evaluator
  /** The training of each rung, counted on top of those below it. */
  readonly stages: readonly Fidelity[]
  /** How a candidate is trained on a rung; its seed must depend on the search's seed and the archId only. */
  readonly request: (candidate: Candidate, rung: number) => EvaluationRequest
  /**
   * Names an accuracy for the cache: everything it depends on. `origin` stands for the network whose weights this one
   * began with, and for all that those depend on.
   */
  readonly cacheKey: (request: EvaluationRequest, origin: string | undefined) => string
  /** Where trainings leave their state; needed when networks go on or inherit weights. */
  readonly checkpoints: CheckpointFolder | undefined
  /** Whether new networks begin with the weights of others. */
  readonly inherit: boolean
}

/**
 * Trains the trials of a search. A result is a function of the trial alone: checkpoints save time where they are there,
 * and are made again where they are not.
 */
export class TrialTrainer {
  readonly #plan: TrainerPlan
  readonly #journal: SearchJournal
  readonly #price: (trial: TrialHead) => Candidate
  readonly #trials = new Map<number, TrialHead>()
  /** Names of the trials' checkpoints. */
  readonly #names = new Map<number, string>()
  readonly #remaking = new Map<number, Promise<void>>()
  /** Names of checkpoints that could not be read; each is removed once, so that no one takes away what another has made again. */
  readonly #discarded = new Set<string>()
  /** Names that trainings under way read and write, each as often as it is in use. */
  readonly #inUse: string[] = []

  constructor(plan: TrainerPlan, journal: SearchJournal, price: (trial: TrialHead) => Candidate) {
    this.#plan = plan
    this.#journal = journal
    this.#price = price
    plan.checkpoints?.create()
  }

  /** Makes a trial known; those it continues or inherits from must be known already. */
  add(trial: TrialHead): void {
    this.#trials.set(trial.trial, trial)
    const { archId, rung, inherits } = trial
    // A checkpoint's name stands for its content: the network, the stages behind it, and where its weights came from.
    const stages = this.#plan.stages.slice(0, rung + 1)
    const name = sha256Hex(canonicalJson({ archId, stages, origin: this.#nameOf(inherits) }))
    this.#names.set(trial.trial, name)
  }

  /** Undefined when `signal` stopped it. */
  async train(
    pending: PendingTrial,
    candidate: Candidate,
    signal: AbortSignal,
    started: () => void,
  ): Promise<Measurement | Failure | undefined> {
    const { trial, rung, inherits, crashes } = pending
    const request = this.#plan.request(candidate, rung)
    const key = this.#plan.cacheKey(request, this.#nameOf(inherits))
    const cached = this.#journal.cachedMeasurement(key)
    // What a lower rung of another search measured may lack the test part.
    if (cached !== undefined && (cached.testAccuracy !== undefined || request.skipTest)) return cached
    this.#journal.markTraining(trial, true)
    started()
    const result = checked(await this.#evaluate(pending, request, { signal, isolated: crashes > 0 }))
    // After a stop the search is over: its journal may be closed already.
    if (signal.aborted) return undefined
    if (result.ok) this.#journal.cacheMeasurement(key, result)
    this.#journal.markTraining(trial, false)
    return result
  }

  /** Removes the checkpoints of all other trials. */
  keepOnly(trials: Iterable<number>): void {
    const names = [...trials].map((trial) => this.#names.get(trial)!)
    this.#plan.checkpoints?.keepOnly(new Set([...names, ...this.#inUse]))
  }

  /** Removes all checkpoints: the search is over. */
  removeCheckpoints(): void {
    this.#plan.checkpoints?.remove()
  }

  #nameOf(trial: number | undefined): string | undefined {
    return trial === undefined ? undefined : this.#names.get(trial)!
  }

  async #evaluate(
    head: TrialHead,
    request: EvaluationRequest,
    options: { readonly signal: AbortSignal; readonly isolated: boolean },
  ): Promise<Measurement | Failure> {
    const { checkpoints, evaluator, inherit, stages } = this.#plan
    if (checkpoints === undefined) return evaluator.evaluate(request, options)
    const { trial, rung, continues, inherits } = head
    const [save, continueFrom, inheritFrom] = [trial, continues, inherits].map((number) => this.#nameOf(number))
    const names = [save, continueFrom, inheritFrom].filter((name) => name !== undefined)
    this.#inUse.push(...names)
    const use = {
      directory: checkpoints.directory,
      ...(inherit || rung < stages.length - 1 ? { save: save! } : {}),
      ...(continueFrom === undefined ? {} : { continueFrom }),
      ...(inheritFrom === undefined ? {} : { inheritFrom }),
    }
    let goesOn = continueFrom !== undefined && checkpoints.has(continueFrom)
    let again = false
    try {
      for (;;) {
        if (inherits !== undefined && !goesOn) await this.#remake(inherits, options.signal)
        const result = await evaluator.evaluate({ ...request, checkpoints: use }, options)
        if (result.ok || result.code !== 'checkpoint' || options.signal.aborted) return result
        if (again || inheritFrom === undefined) {
          throw new OperationalError(
            `${result.message}: everything committed is safe; mend that, then continue with 'frugal resume'`,
          )
        }
        // Files that cannot be read, of the parent or of the earlier stages, are made again.
        if (!this.#discarded.has(inheritFrom)) checkpoints.discard(inheritFrom)
        this.#discarded.add(inheritFrom)
        goesOn = false
        again = true
      }
    } finally {
      for (const name of names) this.#inUse.splice(this.#inUse.indexOf(name), 1)
    }
  }

  /** Trains a told trial again if its checkpoint is gone: its result was taken from the cache, or the file was lost. */
  async #remake(trial: number, signal: AbortSignal): Promise<void> {
    if (this.#plan.checkpoints!.has(this.#names.get(trial)!)) return
    const running = this.#remaking.get(trial)
    if (running !== undefined) return running
    const head = this.#trials.get(trial)!
    const request = this.#plan.request(this.#price(head), head.rung)
    const remade = this.#evaluate(head, request, { signal, isolated: false }).then(() => undefined)
    this.#remaking.set(trial, remade)
    await remade
    this.#remaking.delete(trial)
  }
}

/** NaN and infinities never pass the border of an evaluator. */
function checked(result: Measurement | Failure): Measurement | Failure {
  if (!result.ok) return result
  for (const name of ['accuracy', 'crossEntropy', 'testAccuracy', 'loss'] as const) {
    if (!Number.isFinite(result[name] ?? 0)) return failure('non-finite-objective', `${name} is ${result[name]}`)
  }
  return result
}
