import type { Encoding } from './encoding.ts'

/** What the covariance of two genomes is made of. All entries but the noise are relative to the interaction part's 1. */
export interface KernelParameters {
  /** Weight of the additive part: each gene on its own. */
  readonly main: number
  /** Weight of the choice counts. */
  readonly count: number
  /** Weight of the known costs. */
  readonly cost: number
  /** How fast the interaction part falls with the share of genes that differ. */
  readonly decay: number
  /** Distance in standard deviations over which costs are alike. */
  readonly costScale: number
  /** Variance of the noise, relative to that of the whole. */
  readonly noise: number
}

export const INITIAL_PARAMETERS: KernelParameters = {
  main: 0.3,
  count: 3,
  cost: 1,
  decay: 1.7,
  costScale: 1,
  noise: 0.01,
}

/** Values each parameter may take, in order. */
export const PARAMETER_GRIDS: Readonly<Record<keyof KernelParameters, readonly number[]>> = {
  main: [0, 0.3, 1, 3],
  count: [0, 0.3, 1, 3, 10],
  cost: [0, 0.3, 1, 3, 10],
  decay: [0.5, 1, 1.7, 2.5, 3.3],
  costScale: [0.5, 1, 2],
  noise: [0.003, 0.01, 0.03, 0.1],
}

/** Fall of the count part at the typical distance of two random genomes. */
const COUNT_DECAY = 0.27

/**
 * Covariances, relative to the variance, of an encoded genome with the first `count` rows of a matrix of encoded genomes:
 * positive definite, 1 for equal ones.
 */
export type Kernel = (matrix: Float64Array, count: number, row: Float64Array) => Float64Array

export function createKernel(encoding: Encoding, parameters: KernelParameters): Kernel {
  const { geneCount, countCount, costCount, typicalMismatch, width } = encoding
  const costStart = geneCount + countCount
  const count = countCount > 0 ? parameters.count : 0
  const cost = costCount > 0 ? parameters.cost : 0
  const total = 1 + parameters.main + count + cost
  const mainWeight = parameters.main / total
  const mainRate = mainWeight / Math.max(1, geneCount)
  const decayRate = -parameters.decay / typicalMismatch
  const countWeight = count / total
  const costWeight = cost / total
  const costRate = costCount > 0 ? -0.5 / (costCount * parameters.costScale ** 2) : 0
  return (matrix, rowCount, row) => {
    const covariances = new Float64Array(rowCount)
    for (let i = 0, start = 0; i < rowCount; i++, start += width) {
      let differing = 0
      for (let k = 0; k < geneCount; k++) {
        const difference = Math.abs(matrix[start + k]! - row[k]!)
        differing += Math.min(difference, 1)
      }
      let covariance = mainWeight - mainRate * differing + Math.exp(decayRate * differing) / total
      if (countWeight > 0) {
        let squared = 0
        for (let k = geneCount; k < costStart; k++) {
          const difference = matrix[start + k]! - row[k]!
          squared += difference * difference
        }
        covariance += countWeight * Math.exp(-COUNT_DECAY * squared)
      }
      if (costWeight > 0) {
        let squared = 0
        for (let k = costStart; k < width; k++) {
          const difference = matrix[start + k]! - row[k]!
          squared += difference * difference
        }
        covariance += costWeight * Math.exp(costRate * squared)
      }
      covariances[i] = covariance
    }
    return covariances
  }
}
