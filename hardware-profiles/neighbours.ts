import { FEATURES, type FeatureName, type KernelFacts } from './features.ts'

/** Where kernels are alike: distances are taken between logarithms of these. */
const AXES: readonly FeatureName[] = ['reduction', 'outChannels', 'pixels', 'kernelArea', 'strideArea', 'inChannels']
/** Width of the neighbourhood in natural-log units: 0.35 is a factor of 1.4. */
const BANDWIDTH = 0.35
/** Weight of "the model is right" against the neighbours; far from all of them the correction fades to 1. */
const PRIOR_WEIGHT = 1

/** Adds where a kernel lies to a list of positions. */
export function addPosition(facts: KernelFacts, positions: number[]): void {
  for (const axis of AXES) positions.push(Math.log(FEATURES[axis](facts)))
}

/**
 * Local correction of a parametric model: the model's mean log error on the measured kernels near a new one
 * (Nadaraya–Watson with a Gaussian kernel, shrunk towards no correction).
 */
export class Neighbours {
  readonly #positions: readonly number[]
  /** Not a number until a kernel near it asks: few of a table's thousand rows are near the kernels of a network. */
  readonly #logRatios: Float64Array
  readonly #logRatioOf: (row: number) => number

  /** @param positions of measured kernels (`addPosition`); @param logRatioOf ln(measured / model) of one by its place among them */
  constructor(positions: readonly number[], logRatioOf: (row: number) => number) {
    this.#positions = positions
    this.#logRatios = new Float64Array(positions.length / AXES.length).fill(Number.NaN)
    this.#logRatioOf = logRatioOf
  }

  /** Factor to multiply the model's answer with. */
  correction(facts: KernelFacts): number {
    const here: number[] = []
    addPosition(facts, here)
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
      if (Number.isNaN(this.#logRatios[row])) this.#logRatios[row] = this.#logRatioOf(row)
      sum += weight * this.#logRatios[row]!
    }
    return Math.exp(sum / weights)
  }
}
