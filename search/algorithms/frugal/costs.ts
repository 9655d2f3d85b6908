import type { AlgorithmConfig, Genome, KnownCosts } from '../../algorithm.ts'
import type { Observation } from './archive.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { type Fit, GaussianProcess } from './gaussian-process.ts'
import type { KernelParameters } from './kernel.ts'
import { improveParameters, initialParameters, type ParameterState, parametersOf } from './parameter-search.ts'

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

/** Answers are kept, because a candidate is looked at many times before it is asked for. */
export function knownCosts(cheapObjectives: NonNullable<AlgorithmConfig['cheapObjectives']>): CostSource {
  const kept = new Map<string, readonly KnownCosts[] | undefined>()
  return {
    costs: (genome) => {
      const key = genome.join()
      const before = kept.get(key)
      if (before !== undefined || kept.has(key)) return before
      if (kept.size >= 4096) kept.clear()
      const costs = cheapObjectives(genome)
      kept.set(key, costs)
      return costs
    },
  }
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

/** The state of the cost models, plain JSON. */
export interface CostModelState {
  readonly parameters: ParameterState
  /** Number of observations at which the parameters are searched again. */
  readonly nextSearch: number
}

export const initialCostModels = (latents: readonly number[]): CostModelState => ({
  parameters: initialParameters(INITIAL_COST_PARAMETERS, latents),
  nextSearch: FIRST_SEARCH,
})

interface DeviceModel {
  process: GaussianProcess
  /** One list per cost. */
  readonly columns: number[][]
  models: readonly { readonly fit: Fit; readonly positive: boolean }[]
  /** Whether every observation so far has costs on this device, so that it can use the common process. */
  complete: boolean
}

/**
 * Regression of each cost on the genome, logarithmic where all are positive; good after a few dozen measurements. All
 * costs share one kernel, whose parameters follow their likelihood.
 */
export class PredictedCosts implements CostSource {
  #state: CostModelState
  readonly #encoding: Encoding
  readonly #frontCount: number
  #common: GaussianProcess
  #rows: EncodedGenome[] = []
  #devices: readonly DeviceModel[] = []

  constructor(encoding: Encoding, frontCount: number, state: CostModelState) {
    this.#encoding = encoding
    this.#frontCount = frontCount
    this.#state = state
    this.#common = this.#newProcess()
    this.restart()
  }

  get state(): CostModelState {
    return this.#state
  }

  #newProcess(): GaussianProcess {
    const { parameters } = this.#state
    return new GaussianProcess(this.#encoding, parametersOf(parameters), parameters.latents)
  }

  /** Forgets everything, because the observations to come are others than before. */
  restart(): void {
    this.#common = this.#newProcess()
    this.#rows = []
    this.#devices = Array.from({ length: this.#frontCount }, () => ({
      process: this.#common,
      columns: [],
      models: [],
      complete: true,
    }))
  }

  /** Takes in the observations that were not there the last time, and now and then looks for better parameters. */
  update(observations: readonly Observation[]): void {
    if (observations.length === this.#rows.length) return
    this.#add(observations)
    if (observations.length < this.#state.nextSearch) return
    // Devices that lack some of the observations go along with the others.
    const targets = this.#devices.flatMap(({ complete, columns }) =>
      complete ? columns.map((column) => targetsOf(column).targets) : [],
    )
    const { parameters } = this.#state
    this.#state = {
      nextSearch: observations.length + Math.max(1, Math.floor(observations.length * GROWTH)),
      parameters:
        targets.length === 0 ? parameters : improveParameters(this.#encoding, this.#rows, targets, parameters),
    }
    if (targets.length === 0) return
    this.restart()
    this.#add(observations)
  }

  #add(observations: readonly Observation[]): void {
    for (const { genome, costs } of observations.slice(this.#rows.length)) {
      const row = this.#encoding.encode(genome, undefined)
      this.#devices.forEach((device, index) => {
        const known = costs[index]
        if (known === undefined && device.complete) this.#separate(device)
        if (known === undefined) return
        if (!device.complete) device.process.add(row)
        known.forEach((cost, j) => {
          device.columns[j] ??= []
          device.columns[j].push(cost)
        })
      })
      this.#rows.push(row)
      this.#common.add(row)
    }
    for (const device of this.#devices) {
      device.models = device.columns.map((column) => {
        const { positive, targets } = targetsOf(column)
        return { positive, fit: device.process.fit(targets) }
      })
    }
  }

  /** Gives a device a process of its own, over the observations before the one that it lacks. */
  #separate(device: DeviceModel): void {
    device.complete = false
    device.process = this.#newProcess()
    for (const row of this.#rows) device.process.add(row)
  }

  costs(genome: Genome): readonly ExpectedCosts[] {
    const row = this.#encoding.encode(genome, undefined)
    const common = this.#devices.some(({ complete }) => complete) ? this.#common.covariances(row) : undefined
    return this.#devices.map(({ process, models, complete }) => {
      if (models.length === 0) return { costs: [], violation: Number.POSITIVE_INFINITY }
      const covariances = complete ? common! : process.covariances(row)
      const values = models.map(({ fit }) => process.mean(fit, covariances))
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
