import type { Genome } from '../../spaces/genome.ts'
import { type Correction, type ErrorPair, fitCorrection, type UntrainedNetwork } from './correction.ts'
import { NO_SIZES, SCALED_NETWORKS, type SizedError, type SizeScale, sizeScale } from './size-scale.ts'

/** Corrections are fitted again when the pairs have grown by this share: all results are told again each time. */
const REFIT_GROWTH = 0.25

/** The correction of the errors of one rung, and what it is learnt from. It depends on the order of what it is given. */
export class RungCorrection {
  readonly #distance: (a: Genome, b: Genome) => number
  readonly #sizeGain: number
  readonly #first: SizedError[] = []
  readonly #pairs: ErrorPair[] = []
  #sizes: SizeScale = NO_SIZES
  #correction: Correction = (error) => error
  #fitted = 0

  /** @param sizeGain see `CorrectionSettings` */
  constructor(distance: (a: Genome, b: Genome) => number, sizeGain: number) {
    this.#distance = distance
    this.#sizeGain = sizeGain
  }

  /** How many pairs the correction was learnt from. */
  get fitted(): number {
    return this.#fitted
  }

  /** Whether there are enough new pairs to learn from. */
  get isDue(): boolean {
    return this.#pairs.length >= this.#fitted + Math.max(1, Math.floor(this.#fitted * REFIT_GROWTH))
  }

  apply(error: number, network: UntrainedNetwork): number {
    return this.#correction(error, network)
  }

  /**
   * Takes note of an error measured on the rung.
   * @returns true when it made the scale of sizes known, which changes the correction
   */
  observe(error: number, { size }: UntrainedNetwork): boolean {
    if (this.#first.length === SCALED_NETWORKS) return false
    this.#first.push({ error, size })
    if (this.#first.length < SCALED_NETWORKS) return false
    this.#sizes = sizeScale(this.#first)
    this.fit(this.#fitted)
    return true
  }

  /** Takes note of a network that was measured on the next rung, too; it is learnt from by the next `fit`. */
  pair(pair: ErrorPair): void {
    this.#pairs.push(pair)
  }

  /** Learns from the first `count` pairs, from all by default. */
  fit(count = this.#pairs.length): void {
    this.#fitted = count
    this.#correction = fitCorrection(this.#pairs.slice(0, count), {
      distance: this.#distance,
      sizes: this.#sizes,
      sizeGain: this.#sizeGain,
    })
  }
}
