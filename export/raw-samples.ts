import { createBatcher } from '../evaluators/datasets/batches.ts'
import type { Dataset } from '../evaluators/datasets/dataset.ts'
import { sizeOf } from '../network/shapes.ts'

/** Samples as the data set holds them, as float32 `[count, height, width, channels]`: what an exported file is fed. */
export function createRawReader(dataset: Dataset): (indices: Uint32Array) => Float32Array {
  const { inputShape, mean } = dataset
  const identity = { mean: mean.map(() => 0), standardDeviation: mean.map(() => 1) }
  const batcher = createBatcher({ ...dataset, ...identity }, inputShape)
  return (indices) => {
    const out = new Float32Array(indices.length * sizeOf(inputShape))
    batcher.fill(indices, 0, indices.length, out)
    return out
  }
}
