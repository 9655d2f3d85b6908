import type { EncodedGenome, Encoding } from './encoding.ts'
import { GaussianProcess } from './gaussian-process.ts'
import {
  improveParameters,
  type ParameterState,
  parametersOf,
  pointsJudged,
  STEPS_PER_SEARCH,
} from './parameter-search.ts'

/** Everything about a tuned process but its points. Plain JSON. */
export interface TuningState {
  /** Parameters of the process that serves. */
  readonly serving: Pick<ParameterState, 'positions' | 'latents'>
  /** Those found in the search under way, or in the last one. */
  readonly found: ParameterState
  /** Steps that the search under way has made; none is under way after the last step. */
  readonly steps: number
  /** Points of the next process so far, while one is being made. */
  readonly built: number | null
  /** Number of points at which the next search begins. */
  readonly nextSearch: number
}

export const initialTuning = (found: ParameterState, nextSearch: number): TuningState => ({
  serving: { positions: found.positions, latents: found.latents },
  found,
  steps: STEPS_PER_SEARCH,
  built: null,
  nextSearch,
})

/**
 * Multiplications, about, that one call of `tune` may spend before it leaves the rest to the next one. Work is counted and
 * not timed, so that the same observations give the same parameters on every machine.
 */
const WORK_PER_CALL = 4e6
/** What it takes to compare two genomes. */
const WORK_PER_PAIR = 100
/** Likelihoods that a step of the search judges, about. */
const JUDGED_PER_STEP = 4

export interface TuningOptions {
  /** Share that the points grow by from one search to the next. */
  readonly growth: number
  /** The noise that is looked for is not below this. */
  readonly leastNoise: number
}

/**
 * A Gaussian process that serves while better parameters are looked for and while its successor is made, a little with
 * every observation, so that no single one takes long.
 */
export class TunedProcess {
  readonly #encoding: Encoding
  readonly #options: TuningOptions
  #state: TuningState
  #rows: EncodedGenome[] = []
  #serving: GaussianProcess
  #next: GaussianProcess | undefined

  /** @param rows the points so far */
  constructor(encoding: Encoding, state: TuningState, rows: readonly EncodedGenome[], options: TuningOptions) {
    this.#encoding = encoding
    this.#options = options
    this.#state = state
    this.#serving = this.#processOf(state.serving)
    this.#rows = [...rows]
    if (state.built !== null) {
      this.#next = this.#processOf(state.found)
      for (const row of rows.slice(0, state.built)) this.#next.add(row)
    }
  }

  get state(): TuningState {
    return this.#state
  }

  get rows(): readonly EncodedGenome[] {
    return this.#rows
  }

  /** The process that serves, with all points. */
  get process(): GaussianProcess {
    while (this.#serving.settled < this.#rows.length) this.#serving.add(this.#rows[this.#serving.settled]!)
    return this.#serving
  }

  add(row: EncodedGenome): void {
    this.#rows.push(row)
  }

  /** Forgets all points but those at some positions, which may lie beyond the last point. */
  keep(positions: readonly number[]): void {
    const points = positions.flatMap((position) => {
      const row = this.#rows[position]
      return row === undefined ? [] : [{ row, position }]
    })
    const reduced = (process: GaussianProcess) =>
      process.with(points.filter(({ position }) => position < process.settled))
    this.#serving = reduced(this.#serving)
    this.#rows = points.map(({ row }) => row)
    if (this.#next === undefined) return
    this.#next = reduced(this.#next)
    this.#state = { ...this.#state, built: this.#next.settled }
  }

  /**
   * Goes on with the search for better parameters when one is due, and with making the process that has them.
   * @param targets lists of values, one value per point
   * @returns whether another process serves from now on
   */
  tune(targets: readonly Float64Array[]): boolean {
    const size = this.#rows.length
    let work = 0
    if (this.#next === undefined && this.#state.steps === STEPS_PER_SEARCH && size >= this.#state.nextSearch) {
      const nextSearch = size + Math.max(1, Math.floor(size * this.#options.growth))
      this.#state = { ...this.#state, steps: 0, nextSearch }
    }
    while (this.#state.steps < STEPS_PER_SEARCH && work < WORK_PER_CALL) {
      const { found, steps } = this.#state
      const better = improveParameters(this.#encoding, this.#rows, targets, found, steps, this.#options.leastNoise)
      this.#state = { ...this.#state, found: better, steps: steps + 1 }
      work += stepWork(pointsJudged(size))
      if (steps + 1 === STEPS_PER_SEARCH && this.#isNew(better)) {
        this.#next = this.#processOf(better)
        this.#state = { ...this.#state, built: 0 }
      }
    }
    if (this.#next === undefined) return false
    while (this.#next.settled < size && work < WORK_PER_CALL) {
      const at = this.#next.settled
      this.#next.add(this.#rows[at]!)
      work += at * (WORK_PER_PAIR + at / 2)
    }
    this.#state = { ...this.#state, built: this.#next.settled }
    if (this.#next.settled < size) return false
    const { positions, latents } = this.#state.found
    this.#state = { ...this.#state, serving: { positions, latents }, built: null }
    this.#serving = this.#next
    this.#next = undefined
    return true
  }

  #isNew({ positions, latents }: ParameterState): boolean {
    const { serving } = this.#state
    return (
      latents.some((value, k) => value !== serving.latents[k]) || positions.some((at, k) => at !== serving.positions[k])
    )
  }

  #processOf(parameters: Pick<ParameterState, 'positions' | 'latents'>): GaussianProcess {
    return new GaussianProcess(this.#encoding, parametersOf(parameters), parameters.latents)
  }
}

const stepWork = (points: number): number => JUDGED_PER_STEP * points ** 2 * (WORK_PER_PAIR / 2 + points / 6)
