import { createBatcher } from '../evaluators/datasets/batches.ts'
import type { Dataset } from '../evaluators/datasets/dataset.ts'
import { sizeOf } from '../network/shapes.ts'
import type { Shape } from '../network/types.ts'

/**
 * Samples as the data set holds them, as float32 `[count, height, width, channels]`, resized where the network wants
 * another resolution: what an exported file is fed, since it normalises by itself.
 */
export function createRawReader(dataset: Dataset, inputShape: Shape): (indices: Uint32Array) => Float32Array {
  const channels = dataset.mean.length
  const identity = { mean: Array<number>(channels).fill(0), standardDeviation: Array<number>(channels).fill(1) }
  const batcher = createBatcher({ ...dataset, ...identity }, inputShape)
  return (indices) => {
    const out = new Float32Array(indices.length * sizeOf(inputShape))
    batcher.fill(indices, 0, indices.length, out)
    return out
  }
}
