import type { AlgorithmConfig, Genome, KnownCosts } from '../../algorithm.ts'
import type { Observation } from './archive.ts'
import { CostColumn, type CostModel, costOf } from './cost-column.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { GaussianProcess } from './gaussian-process.ts'
import type { KernelParameters } from './kernel.ts'
import { initialParameters, parametersOf } from './parameter-search.ts'
import { genomeKey, RecentlyUsed } from './recently-used.ts'
import { initialTuning, TunedProcess, type TuningState } from './tuned-process.ts'

/** Costs of one device that may be uncertain. */
export interface ExpectedCosts extends KnownCosts {
  /** What the costs may be instead, with probabilities, which add up to 1; absent when they are exact. */
  readonly alternatives?: readonly { readonly costs: readonly number[]; readonly weight: number }[]
}

/** What a genome costs, per device: known for free, or predicted from what has been measured. */
export interface CostSource {
  /**
   * Those that are known, or the likeliest. Undefined when the genome has no costs at all; a positive violation means that
   * it will be turned down.
   * @param key `genomeKey` of it, where the caller has it
   */
  costs(genome: Genome, key?: string): readonly KnownCosts[] | undefined
  /** The same with what they may be instead, where costs are predicted; takes longer. */
  uncertainCosts?(genome: Genome): readonly ExpectedCosts[]
}

/** Answers that are kept, because a candidate is looked at many times before it is asked for. */
const RECENT = 4096

export function knownCosts(cheapObjectives: NonNullable<AlgorithmConfig['cheapObjectives']>): CostSource {
  const recent = new RecentlyUsed<readonly KnownCosts[] | undefined>(RECENT)
  return { costs: (genome, key = genomeKey(genome)) => recent.get(key, () => cheapObjectives(genome)) }
}

/** Costs are close to a sum over genes, so the additive part weighs much; and they have next to no noise, or none. */
export const INITIAL_COST_PARAMETERS: KernelParameters = {
  main: 1,
  count: 1,
  cost: 0,
  decay: 1.7,
  costScale: 1,
  noise: 0.003,
  smooth: 1,
  smoothDecay: 1,
  bend: 1,
}
/** So slow that the count part is next to linear: what a choice costs adds up over the places it is taken in. */
const COUNT_DECAY = 0.01
const FIRST_SEARCH = 16
/** Parameters are searched again when the observations have grown by this share. */
const GROWTH = 0.08
const LEAST_NOISE = 0.0003
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
  /** One per cost. */
  readonly columns: CostColumn[]
  models: readonly CostModel[]
}

/**
 * Regression of each cost on the genome; good after a few dozen measurements. Latencies add up over the parts of a network,
 * sizes are products, so each cost is predicted as it is or by its logarithm, whichever would have been closer.
 * All costs share one kernel, whose parameters follow their likelihood.
 */
export class PredictedCosts implements CostSource {
  readonly #encoding: Encoding
  readonly #frontCount: number
  readonly #tuned: TunedProcess
  #devices: readonly DeviceModel[]

  /** @param observations that the state belongs to */
  constructor(encoding: Encoding, frontCount: number, state: TuningState, observations: readonly Observation[]) {
    this.#encoding = { ...encoding, countDecay: COUNT_DECAY }
    this.#frontCount = frontCount
    const rows = observations.map(({ genome }) => encoding.encode(genome))
    this.#tuned = new TunedProcess(this.#encoding, state, rows, { growth: GROWTH, leastNoise: LEAST_NOISE })
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
    const targets = this.#devices.flatMap(({ rows, columns, models }) =>
      rows.length === observations.length
        ? columns.map((column, j) => Float64Array.from(column.targets(models[j]?.logarithmic ?? false)))
        : [],
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
        device.columns[j] ??= new CostColumn()
        device.columns[j].add(cost)
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
      device.models = device.columns.map((column) => column.model(process))
    }
  }

  costs(genome: Genome, key?: string): readonly KnownCosts[] {
    return this.#predict(this.#encoding.encode(genome, key), (models, process, row) => {
      const means = process.means(
        models.map(({ fit }) => fit),
        row,
      )
      return { costs: models.map((model, j) => costOf(model, means[j]!)), violation: 0 }
    })
  }

  /** Costs of one device are taken to be too high or too low together: they come from one network. */
  uncertainCosts(genome: Genome): readonly ExpectedCosts[] {
    return this.#predict(this.#encoding.encode(genome), (models, process, row) => {
      const means = process.means(
        models.map(({ fit }) => fit),
        row,
      )
      const relativeVariance = process.relativeVariance(row)
      const sds = models.map(({ fit }) => Math.sqrt(fit.variance * relativeVariance))
      const costsAt = (deviations: number): readonly number[] =>
        models.map((model, j) => costOf(model, means[j]! + deviations * sds[j]!))
      const alternatives = QUADRATURE.map(({ deviations, weight }) => ({ costs: costsAt(deviations), weight }))
      return { costs: costsAt(0), violation: 0, alternatives }
    })
  }

  #predict<T extends KnownCosts>(
    row: EncodedGenome,
    ofDevice: (models: readonly CostModel[], process: GaussianProcess, row: EncodedGenome) => T,
  ): readonly (T | KnownCosts)[] {
    return this.#devices.map((device) =>
      device.models.length === 0
        ? { costs: [], violation: Number.POSITIVE_INFINITY }
        : ofDevice(device.models, this.#processOf(device), row),
    )
  }
}
