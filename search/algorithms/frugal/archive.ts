import type { Genome, Told } from '../../algorithm.ts'
import { nonDominatedIndices } from '../../pareto/index.ts'
import { isFailed, isFeasible } from '../state.ts'
import type { FrontPoint } from './expected-gain.ts'

/** A measured genome: its error, and its costs on each device that can take it. */
export interface Observation {
  readonly genome: Genome
  readonly error: number
  readonly costs: readonly (readonly number[] | undefined)[]
}

/** When there are more observations than this, some are forgotten, so that the model stays quick. */
export const MOST_OBSERVATIONS = 512
const KEPT_OBSERVATIONS = 384
const MOST_INFEASIBLE = 20

/** What has been measured, and the least infeasible of the rest. */
export class Archive {
  /** In the same array as long as others only come after them. */
  observations: Observation[]
  /** Lowest violation first. */
  infeasible: Told[]
  readonly #frontCount: number
  /** By device, as far as they were asked for since the observations changed. */
  #fronts: (readonly number[])[] = []

  constructor(frontCount: number, observations: readonly Observation[] = [], infeasible: readonly Told[] = []) {
    this.#frontCount = frontCount
    this.observations = [...observations]
    this.infeasible = [...infeasible]
  }

  /** The observation of a genome, if it is remembered. */
  find(genome: Genome): Observation | undefined {
    return this.observations.find((observation) => observation.genome.every((choice, gene) => choice === genome[gene]))
  }

  /**
   * A later result of a genome takes the place of the earlier one; a later failure removes it.
   * @returns when some of the earlier observations have gone, the positions that those left had before
   */
  add(told: Told): readonly number[] | undefined {
    const { genome, fronts } = told
    const earlier = this.find(genome)
    if (isFailed(fronts)) {
      return earlier === undefined ? undefined : this.#keep((observation) => observation !== earlier)
    }
    if (!isFeasible(fronts)) {
      this.infeasible.push(told)
      this.infeasible.sort((a, b) => leastViolation(a) - leastViolation(b))
      this.infeasible.length = Math.min(this.infeasible.length, MOST_INFEASIBLE)
      return undefined
    }
    const feasible = fronts.map(({ objectives, violation }) => (violation === 0 ? objectives : undefined))
    const error = feasible.find((objectives) => objectives !== undefined)![0]!
    const observation = { genome, error, costs: feasible.map((objectives) => objectives?.slice(1)) }
    if (earlier !== undefined) {
      this.#fronts = []
      this.observations = this.observations.with(this.observations.indexOf(earlier), observation)
      return undefined
    }
    this.observations.push(observation)
    this.#fronts = this.#fronts.map((front, device) => this.#joined(front, device))
    if (this.observations.length <= MOST_OBSERVATIONS) return undefined
    const kept = this.#worthKeeping()
    return this.#keep((_, i) => kept.has(i))
  }

  #keep(isKept: (observation: Observation, i: number) => boolean): readonly number[] {
    const kept = [...this.observations.keys()].filter((i) => isKept(this.observations[i]!, i))
    this.#fronts = []
    this.observations = kept.map((i) => this.observations[i]!)
    return kept
  }

  /** Positions of the non-dominated observations of a device. */
  front(device: number): readonly number[] {
    this.#fronts[device] ??= this.#findFront(device)
    return this.#fronts[device]
  }

  #findFront(device: number): readonly number[] {
    const members = [...this.observations.keys()].filter((i) => this.observations[i]!.costs[device] !== undefined)
    if (members.length === 0) return []
    const objectives = 1 + this.observations[members[0]!]!.costs[device]!.length
    const rows = new Float64Array(members.length * objectives)
    for (const [k, i] of members.entries()) {
      const { error, costs } = this.observations[i]!
      rows[k * objectives] = error
      rows.set(costs[device]!, k * objectives + 1)
    }
    return Array.from(nonDominatedIndices(rows, members.length, objectives), (k) => members[k]!)
  }

  /** A front after the last observation has come. */
  #joined(front: readonly number[], device: number): readonly number[] {
    const last = this.observations.length - 1
    const added = this.observations[last]!
    if (added.costs[device] === undefined) return front
    const isBetter = (a: Observation, b: Observation) => isNoWorse(a, b, device) && !isNoWorse(b, a, device)
    if (front.some((i) => isBetter(this.observations[i]!, added))) return front
    return [...front.filter((i) => !isBetter(added, this.observations[i]!)), last]
  }

  frontPoints(device: number): readonly FrontPoint[] {
    return this.front(device).map((i) => ({
      error: this.observations[i]!.error,
      costs: this.observations[i]!.costs[device]!,
    }))
  }

  /** The fronts and, evenly over time, some of the rest; of very large fronts also only some. */
  #worthKeeping(): ReadonlySet<number> {
    const onFront = new Set<number>()
    for (let device = 0; device < this.#frontCount; device++) for (const i of this.front(device)) onFront.add(i)
    const all = this.observations.map((_, i) => i)
    const members = evenly(
      all.filter((i) => onFront.has(i)),
      KEPT_OBSERVATIONS,
    )
    const rest = evenly(
      all.filter((i) => !onFront.has(i)),
      KEPT_OBSERVATIONS - members.length,
    )
    return new Set([...members, ...rest])
  }
}

/** At most `count` of the items, evenly taken, the last one among them. */
const evenly = (items: readonly number[], count: number): readonly number[] =>
  items.length <= count
    ? items
    : Array.from({ length: count }, (_, k) => items[Math.floor(((k + 1) * items.length) / count) - 1]!)

/** Of two observations that have costs on a device. */
const isNoWorse = (a: Observation, b: Observation, device: number): boolean =>
  a.error <= b.error && a.costs[device]!.every((cost, j) => cost <= b.costs[device]![j]!)

const leastViolation = ({ fronts }: Told): number => Math.min(...fronts.map(({ violation }) => violation))
