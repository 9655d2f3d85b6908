import type { Failure } from '../../lib/errors.ts'
import type { RandomStream } from '../../lib/random.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { createBatcher } from '../datasets/batches.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { Recipe } from '../training/engine.ts'
import { DEFAULT_RECIPE } from '../training/recipe.ts'
import { inputShapeOf } from '../training/train.ts'

/** Samples that a score looks at: as a training step gets them. */
export interface ScoreBatch {
  /** Normalised, `[labels.length, height, width, channels]` row-major. */
  readonly inputs: Float32Array
  readonly labels: Int32Array
}

/**
 * A guess at how well a network would learn, made without training it; more is better. The stream draws its initial
 * weights. Gives a finite number or a `Failure`.
 */
export interface ZeroCostScore {
  readonly id: string
  /** One line for tables. */
  readonly title: string
  readonly compute: (graph: NetworkGraph, batch: ScoreBatch, random: RandomStream) => Promise<number | Failure>
}

/** The first samples of the training part, which hold every class in about equal numbers, for a network's input. */
export function scoreBatch(dataset: Dataset, graph: NetworkGraph, samples = 32): ScoreBatch {
  const shape = inputShapeOf(graph)
  const indices = dataset.splits.train.subarray(0, samples)
  const batcher = createBatcher(dataset, shape)
  const inputs = new Float32Array(indices.length * sizeOf(shape))
  const labels = new Int32Array(indices.length)
  batcher.fill(indices, 0, indices.length, inputs)
  batcher.labels(indices, 0, indices.length, labels)
  return { inputs, labels }
}

/** A step whose change of the weights is the gradient times the rate, and nothing else. */
export const gradientRecipe = (batchSize: number): Recipe => ({
  ...DEFAULT_RECIPE,
  batchSize,
  momentum: 0,
  weightDecay: 0,
  labelSmoothing: 0,
  batchNormMomentum: 0,
  loadBalancing: 0,
})
