import type { Genome } from '../../algorithm.ts'
import type { Archive } from './archive.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { chosenShift, type ErrorScale, type ErrorShift, errorScale } from './error-scale.ts'
import type { Fit, Prediction } from './gaussian-process.ts'
import { TunedProcess, type TuningState } from './tuned-process.ts'

/**
 * Deviations are scaled, by turns at random: a model that trusts itself finds most of the front sooner, but it may never
 * look where it is wrong; one that doubts itself does.
 */
export const TRUSTING = 0.6
export const DOUBTING = 1
/** Parameters are searched again when the observations have grown by this share. */
const GROWTH = 0.04
/** A training would never give the same error twice. */
const LEAST_NOISE = 0.003

/** The model of the error: which genomes it has seen is kept in step with the archive. */
export class Surrogate {
  readonly #encoding: Encoding
  readonly #tuned: TunedProcess
  #shift: ErrorShift | undefined
  #scale: ErrorScale | undefined
  #fit: Fit | undefined
  #sdFactor = TRUSTING

  /**
   * @param shift of the error scale; undefined before it is chosen
   * @param archive whose observations the state belongs to
   */
  constructor(encoding: Encoding, state: TuningState, shift: ErrorShift | undefined, archive: Archive) {
    this.#encoding = encoding
    this.#shift = shift
    const rows = archive.observations.map(({ genome }) => encoding.encode(genome))
    this.#tuned = new TunedProcess(encoding, state, rows, { growth: GROWTH, leastNoise: LEAST_NOISE })
  }

  get state(): TuningState {
    return this.#tuned.state
  }

  /** The shift of the error scale, once it is chosen. */
  get shift(): ErrorShift | undefined {
    return this.#shift
  }

  /** @param key `genomeKey` of it, where the caller has it */
  encode(genome: Genome, key?: string): EncodedGenome {
    return this.#encoding.encode(genome, key)
  }

  /** Forgets all observations but those at some positions. */
  keep(positions: readonly number[]): void {
    this.#tuned.keep(positions)
  }

  /** Takes in new observations; with `tune` it goes on looking for better parameters. At least one observation. */
  learn(archive: Archive, referenceError: number, tune: boolean): void {
    const { observations } = archive
    const added = observations.slice(this.#tuned.rows.length)
    if (added.length === 0) return
    for (const { genome } of added) this.#tuned.add(this.encode(genome))
    const errors = observations.map(({ error }) => error)
    this.#shift ??= chosenShift(errors, referenceError, (values) => this.#tuned.process.fit(values).logLikelihood)
    if (!tune) return
    this.#tuned.tune([Float64Array.from(errors, errorScale(errors, referenceError, this.#shift).toModel)])
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
    this.#scale = errorScale(errors, referenceError, this.#shift)
    const targets = errors.map(this.#scale.toModel)
    const { process } = this.#tuned
    process.suppose([])
    const fit = process.fit(Float64Array.from(targets))
    this.#fit = fit
    if (pending.length === 0) return []
    const believed = pending.map((row) => process.mean(fit, row))
    process.suppose(pending)
    this.#fit = process.fit(Float64Array.from([...targets, ...believed]))
    return believed.map(this.#scale.toError)
  }

  /** A quick prediction whose uncertainty is an upper estimate. */
  predictRoughly(row: EncodedGenome): Prediction {
    const { process } = this.#tuned
    return { mean: process.mean(this.#fit!, row), sd: this.#scaled(process.roughSd(this.#fit!, row), row) }
  }

  predict(row: EncodedGenome): Prediction {
    const { process } = this.#tuned
    return { mean: process.mean(this.#fit!, row), sd: this.#scaled(process.sd(this.#fit!, row), row) }
  }

  #scaled(sd: number, row: EncodedGenome): number {
    return this.#sdFactor * this.#tuned.process.doubt(this.#fit!, row) * sd
  }

  /** E[(level − error)⁺] under a prediction. */
  shortfall(prediction: Prediction, level: number): number {
    return this.#scale!.shortfall(prediction, level)
  }
}
