import type { AlgorithmConfig, Genome, KnownCosts } from '../../algorithm.ts'
import type { Observation } from './archive.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { type Fit, GaussianProcess } from './gaussian-process.ts'

/** What a genome costs, per device: known for free, or predicted from what has been measured. */
export interface CostSource {
  /** Undefined when the genome has no costs at all; a positive violation means that it will be turned down. */
  costs(genome: Genome): readonly KnownCosts[] | undefined
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

/** Costs are close to a sum over genes, so the additive part weighs most. */
const COST_PARAMETERS = { main: 3, count: 1, cost: 0, decay: 1.7, costScale: 1, noise: 0.003 }

interface DeviceModel {
  process: GaussianProcess
  /** One list per cost. */
  readonly columns: number[][]
  models: readonly { readonly fit: Fit; readonly positive: boolean }[]
  /** Whether every observation so far has costs on this device, so that it can use the common process. */
  complete: boolean
}

/** Regression of each cost on the genome, logarithmic where all are positive; good after a few dozen measurements. */
export class PredictedCosts implements CostSource {
  readonly #encoding: Encoding
  readonly #frontCount: number
  #common: GaussianProcess
  #rows: EncodedGenome[] = []
  #devices: readonly DeviceModel[] = []

  constructor(encoding: Encoding, frontCount: number) {
    this.#encoding = encoding
    this.#frontCount = frontCount
    this.#common = new GaussianProcess(encoding, COST_PARAMETERS)
    this.restart()
  }

  /** Forgets everything, because the observations to come are others than before. */
  restart(): void {
    this.#common = new GaussianProcess(this.#encoding, COST_PARAMETERS)
    this.#rows = []
    this.#devices = Array.from({ length: this.#frontCount }, () => ({
      process: this.#common,
      columns: [],
      models: [],
      complete: true,
    }))
  }

  /** Takes in the observations that were not there the last time. */
  update(observations: readonly Observation[]): void {
    if (observations.length === this.#rows.length) return
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
        const positive = column.every((cost) => cost > 0)
        const targets = Float64Array.from(column, (cost) => (positive ? Math.log(cost) : cost))
        return { positive, fit: device.process.fit(targets) }
      })
    }
  }

  /** Gives a device a process of its own, over the observations before the one that it lacks. */
  #separate(device: DeviceModel): void {
    device.complete = false
    device.process = new GaussianProcess(this.#encoding, COST_PARAMETERS)
    for (const row of this.#rows) device.process.add(row)
  }

  costs(genome: Genome): readonly KnownCosts[] {
    const row = this.#encoding.encode(genome, undefined)
    const common = this.#devices.some(({ complete }) => complete) ? this.#common.covariances(row) : undefined
    return this.#devices.map(({ process, models, complete }) => {
      if (models.length === 0) return { costs: [], violation: Number.POSITIVE_INFINITY }
      const covariances = complete ? common! : process.covariances(row)
      const costs = models.map(({ fit, positive }) => {
        const value = process.mean(fit, covariances)
        return positive ? Math.exp(value) : value
      })
      return { costs, violation: 0 }
    })
  }
}
