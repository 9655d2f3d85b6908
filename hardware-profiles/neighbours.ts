import { FEATURES, type FeatureName, type KernelFacts } from './features.ts'

/** Where kernels are alike: distances are taken between logarithms of these. */
const AXES: readonly FeatureName[] = ['reduction', 'outChannels', 'pixels', 'kernelArea', 'strideArea', 'inChannels']
/** Width of the neighbourhood in natural-log units: 0.35 is a factor of 1.4. */
const BANDWIDTH = 0.35
/** Weight of "the model is right" against the neighbours; far from all of them the correction fades to 1. */
const PRIOR_WEIGHT = 1

/**
 * Local correction of a parametric model: the model's mean log error on the measured kernels near a new one
 * (Nadaraya–Watson with a Gaussian kernel, shrunk towards no correction).
 */
export class Neighbours {
  readonly #positions: Float64Array
  readonly #logRatios: Float64Array

  /** @param kernels measured kernels; @param logRatios ln(measured / model) of each */
  constructor(kernels: readonly KernelFacts[], logRatios: readonly number[]) {
    this.#positions = new Float64Array(kernels.length * AXES.length)
    this.#logRatios = Float64Array.from(logRatios)
    kernels.forEach((facts, row) => {
      AXES.forEach((axis, column) => {
        this.#positions[row * AXES.length + column] = Math.log(FEATURES[axis](facts))
      })
    })
  }

  /** Factor to multiply the model's answer with. */
  correction(facts: KernelFacts): number {
    const here = AXES.map((axis) => Math.log(FEATURES[axis](facts)))
    let weights = PRIOR_WEIGHT
    let sum = 0
    for (let row = 0; row < this.#logRatios.length; row++) {
      let distance = 0
      for (let column = 0; column < AXES.length; column++) {
        const step = (this.#positions[row * AXES.length + column]! - here[column]!) / BANDWIDTH
        distance += step * step
      }
      if (distance > 18) continue // a weight below exp(−9) changes nothing
      const weight = Math.exp(-distance / 2)
      weights += weight
      sum += weight * this.#logRatios[row]!
    }
    return Math.exp(sum / weights)
  }
}
