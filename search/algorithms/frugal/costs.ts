import type { AlgorithmConfig, Genome, KnownCosts } from '../../algorithm.ts'
import type { Observation } from './archive.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { type Fit, GaussianProcess } from './gaussian-process.ts'
import type { KernelParameters } from './kernel.ts'
import { initialParameters, parametersOf } from './parameter-search.ts'
import { RecentlyUsed } from './recently-used.ts'
import { initialTuning, TunedProcess, type TuningState } from './tuned-process.ts'

/** Costs of one device that may be uncertain. */
export interface ExpectedCosts extends KnownCosts {
  /** What the costs may be instead, with probabilities, which add up to 1; absent when they are exact. */
  readonly alternatives?: readonly { readonly costs: readonly number[]; readonly weight: number }[]
}

/** What a genome costs, per device: known for free, or predicted from what has been measured. */
export interface CostSource {
  /** Undefined when the genome has no costs at all; a positive violation means that it will be turned down. */
  costs(genome: Genome): readonly ExpectedCosts[] | undefined
}

/** Answers that are kept, because a candidate is looked at many times before it is asked for. */
const RECENT = 4096

export function knownCosts(cheapObjectives: NonNullable<AlgorithmConfig['cheapObjectives']>): CostSource {
  const recent = new RecentlyUsed<readonly KnownCosts[] | undefined>(RECENT)
  return { costs: (genome) => recent.get(genome.join(), () => cheapObjectives(genome)) }
}

/** Costs are close to a sum over genes, so the additive part weighs much; and they have next to no noise. */
export const INITIAL_COST_PARAMETERS: KernelParameters = {
  main: 1,
  count: 1,
  cost: 0,
  decay: 1.7,
  costScale: 1,
  noise: 0.003,
}
const FIRST_SEARCH = 16
/** Parameters are searched again when the observations have grown by this share. */
const GROWTH = 0.08
/** Gauss and Hermite's three points stand for a normal distribution: at 0 and so many deviations to both sides. */
const QUADRATURE = [
  { deviations: -Math.sqrt(3), weight: 1 / 6 },
  { deviations: 0, weight: 2 / 3 },
  { deviations: Math.sqrt(3), weight: 1 / 6 },
] as const

export const initialCostTuning = (latents: readonly number[]): TuningState =>
  initialTuning(initialParameters(INITIAL_COST_PARAMETERS, latents), FIRST_SEARCH)

interface DeviceModel {
  /** A process of its own, for a device that lacks the costs of some observation; otherwise it uses the common one. */
  own?: GaussianProcess
  /** The observations that it knows. */
  readonly rows: EncodedGenome[]
  /** One list per cost. */
  readonly columns: number[][]
  models: readonly { readonly fit: Fit; readonly positive: boolean }[]
}

/**
 * Regression of each cost on the genome, logarithmic where all are positive; good after a few dozen measurements. All
 * costs share one kernel, whose parameters follow their likelihood.
 */
export class PredictedCosts implements CostSource {
  readonly #encoding: Encoding
  readonly #frontCount: number
  readonly #tuned: TunedProcess
  #devices: readonly DeviceModel[]

  /** @param observations that the state belongs to */
  constructor(encoding: Encoding, frontCount: number, state: TuningState, observations: readonly Observation[]) {
    this.#encoding = encoding
    this.#frontCount = frontCount
    const rows = observations.map(({ genome }) => encoding.encode(genome))
    this.#tuned = new TunedProcess(encoding, state, rows, GROWTH)
    this.#devices = this.#newDevices()
    observations.forEach((observation, i) => {
      this.#take(observation, rows[i]!)
    })
    this.#fit()
  }

  get state(): TuningState {
    return this.#tuned.state
  }

  /**
   * Forgets all observations but those at some positions, which may lie beyond the last one known.
   * @param observations those left, in order
   */
  keep(positions: readonly number[], observations: readonly Observation[]): void {
    this.#tuned.keep(positions)
    this.#devices = this.#newDevices()
    this.#tuned.rows.forEach((row, i) => {
      this.#take(observations[i]!, row)
    })
    this.#fit()
  }

  /** Takes in the observations that were not there the last time, and goes on looking for better parameters. */
  update(observations: readonly Observation[]): void {
    const added = observations.slice(this.#tuned.rows.length)
    if (added.length === 0) return
    for (const observation of added) {
      const row = this.#encoding.encode(observation.genome)
      this.#tuned.add(row)
      this.#take(observation, row)
    }
    // Devices that lack some of the observations go along with the others.
    const targets = this.#devices.flatMap(({ rows, columns }) =>
      rows.length === observations.length ? columns.map((column) => targetsOf(column).targets) : [],
    )
    if (targets.length > 0 && this.#tuned.tune(targets)) for (const device of this.#devices) delete device.own
    this.#fit()
  }

  #newDevices(): readonly DeviceModel[] {
    return Array.from({ length: this.#frontCount }, () => ({ rows: [], columns: [], models: [] }))
  }

  #take({ costs }: Observation, row: EncodedGenome): void {
    this.#devices.forEach((device, index) => {
      costs[index]?.forEach((cost, j) => {
        device.columns[j] ??= []
        device.columns[j].push(cost)
      })
      if (costs[index] !== undefined) device.rows.push(row)
    })
  }

  #processOf(device: DeviceModel): GaussianProcess {
    if (device.rows.length === this.#tuned.rows.length) return this.#tuned.process
    const { serving } = this.#tuned.state
    device.own ??= new GaussianProcess(this.#encoding, parametersOf(serving), serving.latents)
    while (device.own.settled < device.rows.length) device.own.add(device.rows[device.own.settled]!)
    return device.own
  }

  #fit(): void {
    for (const device of this.#devices) {
      if (device.rows.length === 0) continue
      const process = this.#processOf(device)
      device.models = device.columns.map((column) => {
        const { positive, targets } = targetsOf(column)
        return { positive, fit: process.fit(targets) }
      })
    }
  }

  costs(genome: Genome): readonly ExpectedCosts[] {
    const row = this.#encoding.encode(genome)
    return this.#devices.map((device) => {
      const { models } = device
      if (models.length === 0) return { costs: [], violation: Number.POSITIVE_INFINITY }
      const process = this.#processOf(device)
      const values = models.map(({ fit }) => process.mean(fit, row))
      const costsAt = (deviations: number): readonly number[] =>
        models.map(({ fit, positive }, j) => {
          const value = values[j]! + deviations * fit.recentError
          return positive ? Math.exp(value) : value
        })
      const alternatives = QUADRATURE.map(({ deviations, weight }) => ({ costs: costsAt(deviations), weight }))
      return { costs: costsAt(0), violation: 0, alternatives }
    })
  }
}

/** What the process is fitted to: logarithms where all costs are positive. */
function targetsOf(column: readonly number[]): { readonly positive: boolean; readonly targets: Float64Array } {
  const positive = column.every((cost) => cost > 0)
  return { positive, targets: Float64Array.from(column, (cost) => (positive ? Math.log(cost) : cost)) }
}
