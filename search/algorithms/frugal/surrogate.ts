import type { Genome, KnownCosts } from '../../algorithm.ts'
import type { Archive } from './archive.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { type ErrorScale, errorScale } from './error-scale.ts'
import { type Fit, GaussianProcess, type Prediction } from './gaussian-process.ts'
import { improveParameters, type ParameterState, parametersOf } from './parameter-search.ts'

/**
 * Deviations are scaled, by turns at random: a model that trusts itself finds most of the front sooner, but it may never
 * look where it is wrong; one that doubts itself does.
 */
export const TRUSTING = 0.6
export const DOUBTING = 1
/** Parameters are searched again when the observations have grown by this share. */
const GROWTH = 0.04

/** The model of the error: which genomes it has seen is kept in step with the archive. */
export class Surrogate {
  parameters: ParameterState
  /** Number of observations at which the parameters are searched again. */
  nextSearch: number
  readonly #encoding: Encoding
  #process: GaussianProcess
  #rows: EncodedGenome[] = []
  /** How many of the process's points are observations; those after them are being measured. */
  #measured = 0
  #scale: ErrorScale | undefined
  #fit: Fit | undefined
  #sdFactor = TRUSTING

  constructor(encoding: Encoding, parameters: ParameterState, nextSearch: number) {
    this.#encoding = encoding
    this.parameters = parameters
    this.nextSearch = nextSearch
    this.#process = new GaussianProcess(encoding, parametersOf(parameters), parameters.latents)
  }

  encode(genome: Genome, known: readonly KnownCosts[] | undefined): EncodedGenome {
    return this.#encoding.encode(genome, known)
  }

  /** Forgets the rows, because the observations to come are others than before. */
  restart(): void {
    this.#rows = []
    this.#startProcess()
  }

  /** Takes in new observations and now and then looks for better parameters. At least one observation. */
  learn(
    archive: Archive,
    costsOf: (genome: Genome) => readonly KnownCosts[] | undefined,
    referenceError: number,
  ): void {
    const { observations } = archive
    for (const { genome } of observations.slice(this.#rows.length)) {
      this.#rows.push(this.#encoding.encode(genome, costsOf(genome)))
    }
    const errors = observations.map(({ error }) => error)
    const scale = errorScale(errors, referenceError)
    const targets = Float64Array.from(errors, scale.toModel)
    if (observations.length < this.nextSearch) return
    this.nextSearch = observations.length + Math.max(1, Math.floor(observations.length * GROWTH))
    const improved = improveParameters(this.#encoding, this.#rows, [targets], this.parameters)
    const { positions, latents } = this.parameters
    const same = improved.latents === latents && improved.positions.every((position, i) => position === positions[i])
    this.parameters = improved
    if (!same) this.#startProcess()
  }

  #startProcess(): void {
    this.#process = new GaussianProcess(this.#encoding, parametersOf(this.parameters), this.parameters.latents)
    this.#measured = 0
  }

  /**
   * Prepares for predictions: what is being measured is believed to turn out as predicted, so that other candidates get
   * their turn. The deviations of the predictions are scaled by `sdFactor`.
   * @returns the errors believed, one per pending row
   */
  prepare(
    archive: Archive,
    pending: readonly EncodedGenome[],
    referenceError: number,
    sdFactor: number,
  ): readonly number[] {
    this.#sdFactor = sdFactor
    const errors = archive.observations.map(({ error }) => error)
    this.#scale = errorScale(errors, referenceError)
    this.#process.truncate(this.#measured)
    for (const row of this.#rows.slice(this.#measured)) this.#process.add(row)
    this.#measured = this.#rows.length
    const targets = errors.map(this.#scale.toModel)
    this.#fit = this.#process.fit(Float64Array.from(targets))
    if (pending.length === 0) return []
    const believed = pending.map((row) => this.#process.mean(this.#fit!, this.#process.covariances(row)))
    for (const row of pending) this.#process.add(row)
    this.#fit = this.#process.fit(Float64Array.from([...targets, ...believed]))
    return believed.map(this.#scale.toError)
  }

  /** A quick prediction whose uncertainty is an upper estimate. */
  predictRoughly(row: EncodedGenome): Prediction {
    const covariances = this.#process.covariances(row)
    return {
      mean: this.#process.mean(this.#fit!, covariances),
      sd: this.#sdFactor * this.#process.roughSd(this.#fit!, covariances),
    }
  }

  predict(row: EncodedGenome): Prediction {
    const covariances = this.#process.covariances(row)
    return {
      mean: this.#process.mean(this.#fit!, covariances),
      sd: this.#sdFactor * this.#process.sd(this.#fit!, covariances),
    }
  }

  /** E[(level − error)⁺] under a prediction. */
  shortfall(prediction: Prediction, level: number): number {
    return this.#scale!.shortfall(prediction, level)
  }
}
