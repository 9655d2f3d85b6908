import type { Fit, GaussianProcess } from './gaussian-process.ts'
import { GrowingTargets } from './growing-targets.ts'

/** One cost on one device, predicted from the genome. */
export interface CostModel {
  readonly fit: Fit
  /** Whether the logarithm is predicted and not the cost itself. */
  readonly logarithmic: boolean
  /** No prediction is lower. */
  readonly least: number
}

/** @param value predicted by the model's process */
export const costOf = ({ logarithmic, least }: CostModel, value: number): number =>
  logarithmic ? Math.exp(value) : Math.max(least, value)

/** The measured values of one cost on one device. */
export class CostColumn {
  readonly #plain = new GrowingTargets()
  /** Undefined once a value was not positive. */
  #logarithms: GrowingTargets | undefined = new GrowingTargets()

  add(cost: number): void {
    this.#plain.values.push(cost)
    if (cost > 0) this.#logarithms?.values.push(Math.log(cost))
    else this.#logarithms = undefined
  }

  targets(logarithmic: boolean): readonly number[] {
    return (logarithmic ? this.#logarithms : undefined)?.values ?? this.#plain.values
  }

  /**
   * Of both models the one that would have been closer to each measurement, given those before it.
   * @param process with one point for each value
   */
  model(process: GaussianProcess): CostModel {
    const plain = this.#plain
    const logarithms = this.#logarithms
    if (logarithms === undefined) {
      return { fit: plain.fit(process), logarithmic: false, least: Number.NEGATIVE_INFINITY }
    }
    const missed = plain.misses(process).reduce((sum, miss) => sum + Math.abs(miss), 0)
    const missedByLogarithms = logarithms.misses(process).reduce((sum, miss, i) => {
      const cost = plain.values[i]!
      return sum + cost * Math.abs(1 - Math.exp(-miss))
    }, 0)
    const logarithmic = missedByLogarithms < missed
    return { fit: (logarithmic ? logarithms : plain).fit(process), logarithmic, least: 0 }
  }
}
