import type { Algorithm, FrontResult, Genome, Told } from '../algorithm.ts'
import type { UntrainedNetwork } from './correction.ts'
import { type Ladder, networksPerRung, promotionQuota } from './ladder.ts'
import type { ParentCandidate } from './parents.ts'
import { promotionOrder } from './promotion-order.ts'
import { RungCorrection } from './rung-correction.ts'
import { parseSchedulerState, type SchedulerState } from './scheduler-state.ts'

/** What is to be trained next: a new network on the lowest rung, or one that goes up. */
export interface Assignment {
  readonly genome: Genome
  readonly rung: number
  /** The trial of the rung below that this one goes on from; undefined on the lowest rung. */
  readonly continues: number | undefined
}

/** An assignment that is going to be trained. */
export interface Accepted extends Assignment {
  /** Size of the network, such as its MACs; left out when not known. */
  readonly size?: number
}

/** A trial of an earlier part of the search; without `fronts` it has not been told yet. */
export interface PastTrial extends Accepted {
  readonly trial: number
  readonly fronts?: readonly FrontResult[]
}

export interface SchedulerPlan {
  /** New networks to begin. */
  readonly networks: number
  readonly ladder: Ladder
  readonly frontCount: number
  readonly objectiveCount: number
  /** How far genomes are apart, 0 to 1. */
  readonly distance: (a: Genome, b: Genome) => number
}

/** One network on its way up. Results and trials by rung. */
interface Network extends UntrainedNetwork {
  readonly trials: number[]
  readonly results: (readonly FrontResult[])[]
  /** The errors of the results carried to full training; undefined for a failure. */
  readonly carried: (number | undefined)[]
}

/**
 * What a network larger by one standard deviation is believed to gain from the lowest rung to the last, in standard
 * deviations of the logarithms of errors (decision 8).
 */
const SIZE_GAIN = 0.4

/**
 * Successive halving (Jamieson and Talwalkar 2016; asynchronous: Li et al. 2020) around any algorithm, Pareto-aware: of
 * the networks of a rung the best by non-dominated rank go up, each device's front counting as much as the others'. With
 * one rung it is the algorithm itself.
 *
 * Errors are carried to full training by corrections learnt from networks measured on two rungs. The algorithm is told
 * one figure per network: that of the highest rung it has reached. When a network goes up or corrections change, it is
 * told again.
 * An infeasible proposal never becomes a trial: it is told at once by `reject`.
 */
export class FidelityScheduler {
  readonly #algorithm: Algorithm
  readonly #plan: SchedulerPlan
  readonly #networks: Network[] = []
  readonly #byTrial = new Map<number, Network>()
  /** Per rung: trials planned, accepted and told. */
  readonly #planned: readonly number[]
  readonly #accepted: number[]
  readonly #told: number[]
  /** Per rung but the last. */
  readonly #corrections: readonly RungCorrection[]
  #exhausted = false
  /** Networks measured on a rung, best first, until something is told there. */
  readonly #rankings = new Map<number, readonly Network[]>()

  constructor(algorithm: Algorithm, plan: SchedulerPlan) {
    const { rungs } = plan.ladder
    this.#algorithm = algorithm
    this.#plan = plan
    this.#planned = networksPerRung(plan.networks, plan.ladder)
    this.#accepted = new Array<number>(rungs).fill(0)
    this.#told = new Array<number>(rungs).fill(0)
    this.#corrections = Array.from(
      { length: rungs - 1 },
      () => new RungCorrection(plan.distance, SIZE_GAIN / (rungs - 1)),
    )
  }

  /**
   * Continues a search. `state` is what `state()` returned, `restore` makes the algorithm from its part of it, and
   * `history` are all trials accepted so far: those told in the order of the tells, then the others in the order of the
   * asks.
   * @throws UserError when the state is not one of a scheduler with this ladder.
   */
  static restore(
    restore: (state: unknown) => Algorithm,
    plan: SchedulerPlan,
    state: unknown,
    history: readonly PastTrial[],
  ): FidelityScheduler {
    const stored = parseSchedulerState(state, plan.ladder.rungs)
    const scheduler = new FidelityScheduler(restore(stored.algorithm), plan)
    for (const past of [...history].sort((a, b) => a.trial - b.trial)) scheduler.accept(past.trial, past)
    for (const { trial, rung, fronts } of history) {
      if (fronts !== undefined) scheduler.#record(scheduler.#byTrial.get(trial)!, rung, fronts)
    }
    scheduler.#exhausted = stored.exhausted
    stored.fitted.forEach((count, rung) => {
      scheduler.#corrections[rung]!.fit(count)
      scheduler.#carryUpTo(rung)
    })
    return scheduler
  }

  /**
   * What to train next; undefined when nothing can be asked before another result is told. The caller may drop a new
   * genome (one whose network it knows, or that is infeasible) and ask again; what it trains it must `accept`.
   */
  ask(): Assignment | undefined {
    for (let rung = this.#plan.ladder.rungs - 2; rung >= 0; rung--) {
      const network = this.#promotable(rung)
      if (network !== undefined) {
        return { genome: network.genome, rung: rung + 1, continues: network.trials[rung]! }
      }
    }
    if (this.#begun === this.#plan.networks || this.#exhausted) return undefined
    return { genome: this.#algorithm.ask(), rung: 0, continues: undefined }
  }

  /** The assignment will be trained as this trial. */
  accept(trial: number, { genome, rung, continues, size }: Accepted): void {
    const network =
      continues === undefined ? { genome, size, trials: [], results: [], carried: [] } : this.#byTrial.get(continues)!
    if (continues === undefined) this.#networks.push(network)
    network.trials[rung] = trial
    this.#byTrial.set(trial, network)
    this.#accepted[rung]!++
  }

  /** An infeasible proposal, which is not trained. */
  reject(told: Told): void {
    this.#algorithm.tell(told)
  }

  /** No new network can be found: what has begun goes on to its end. */
  exhaust(): void {
    this.#exhausted = true
  }

  get exhausted(): boolean {
    return this.#exhausted
  }

  /** The result of an accepted trial. Trials must be told in the order they were accepted in. */
  tell(trial: number, fronts: readonly FrontResult[]): void {
    const network = this.#byTrial.get(trial)!
    const rung = network.trials.indexOf(trial)
    const scaled = this.#record(network, rung, fronts)
    this.#algorithm.tell(toldOf(network, rung))
    if (scaled) this.#tellAgain(rung)
    if (rung > 0 && this.#corrections[rung - 1]!.isDue) {
      this.#corrections[rung - 1]!.fit()
      this.#tellAgain(rung - 1)
    }
  }

  /** The best networks by their lowest rung, with their latest told trials; those that failed later are left out. */
  leaders(count: number): readonly ParentCandidate[] {
    return this.#ranking(0)
      .filter(({ results }) => errorOf(results.at(-1)!) !== undefined)
      .slice(0, count)
      .map(({ genome, trials, results }) => ({ genome, trial: trials[results.length - 1]! }))
  }

  /** Told trials of networks that may still go up: on each rung as many of the best as there are places above. */
  reachable(): readonly number[] {
    return this.#planned.slice(1).flatMap((count, rung) =>
      this.#waiting(rung)
        .slice(0, Math.max(0, count - this.#accepted[rung + 1]!))
        .map(({ trials }) => trials[rung]!),
    )
  }

  /** Plain JSON: with the trials in the journal, everything a restored scheduler needs. */
  state(): SchedulerState {
    return {
      algorithm: this.#algorithm.state(),
      fitted: this.#corrections.map(({ fitted }) => fitted),
      exhausted: this.#exhausted,
    }
  }

  get #begun(): number {
    return this.#accepted[0]!
  }

  /** Returns true when it changes the correction of the rung. */
  #record(network: Network, rung: number, fronts: readonly FrontResult[]): boolean {
    network.results[rung] = fronts
    this.#told[rung]!++
    const error = errorOf(fronts)
    const scaled = error !== undefined && this.#corrections[rung]?.observe(error, network) === true
    this.#carry(network, rung)
    const lower = rung === 0 ? undefined : errorOf(network.results[rung - 1]!)
    if (lower !== undefined && error !== undefined) {
      this.#corrections[rung - 1]!.pair({ genome: network.genome, size: network.size, lower, upper: error })
    }
    return scaled
  }

  #carry(network: Network, rung: number): void {
    const error = errorOf(network.results[rung]!)
    network.carried[rung] =
      error === undefined
        ? undefined
        : this.#corrections.slice(rung).reduce((carried, correction) => correction.apply(carried, network), error)
    this.#rankings.delete(rung)
  }

  /** Whether no more trials will come to a rung. */
  #isClosed(rung: number): boolean {
    const ended = this.#accepted[rung] === this.#told[rung]
    if (rung === 0) return ended && (this.#exhausted || this.#begun === this.#plan.networks)
    return ended && this.#isClosed(rung - 1) && this.#promotable(rung - 1) === undefined
  }

  #promotable(rung: number): Network | undefined {
    const quota = promotionQuota(this.#told[rung]!, this.#planned[rung]!, this.#isClosed(rung), this.#plan.ladder)
    return this.#accepted[rung + 1]! < quota ? this.#waiting(rung)[0] : undefined
  }

  /** Networks of a rung that have not gone up, the best first. */
  #waiting(rung: number): readonly Network[] {
    return this.#ranking(rung).filter(({ trials }) => trials[rung + 1] === undefined)
  }

  #ranking(rung: number): readonly Network[] {
    const known = this.#rankings.get(rung)
    if (known !== undefined) return known
    const { frontCount, objectiveCount } = this.#plan
    const measured = this.#networks.filter(({ carried }) => carried[rung] !== undefined)
    const told = measured.map((network) => toldOf(network, rung))
    const ranking = promotionOrder(told, frontCount, objectiveCount).map((i) => measured[i]!)
    this.#rankings.set(rung, ranking)
    return ranking
  }

  /** The correction of a rung has changed: the figures of all networks that have got no further are others now. */
  #tellAgain(rung: number): void {
    this.#carryUpTo(rung)
    for (const network of this.#networks) {
      const reached = network.results.length - 1
      if (reached >= 0 && reached <= rung && network.carried[reached] !== undefined) {
        this.#algorithm.tell(toldOf(network, reached))
      }
    }
  }

  #carryUpTo(rung: number): void {
    for (const network of this.#networks) {
      for (let below = 0; below <= rung && below < network.results.length; below++) this.#carry(network, below)
    }
  }
}

/** A network's result on a rung with its error carried to full training. */
const toldOf = ({ genome, results, carried }: Network, rung: number): Told => ({
  genome,
  fronts: results[rung]!.map(({ objectives, violation }) => ({
    objectives: objectives === undefined ? undefined : [carried[rung]!, ...objectives.slice(1)],
    violation,
  })),
})

/** The error, which is the same on all devices; undefined for a trial that failed. */
const errorOf = (fronts: readonly FrontResult[]): number | undefined =>
  fronts.find(({ objectives }) => objectives !== undefined)?.objectives?.[0]
