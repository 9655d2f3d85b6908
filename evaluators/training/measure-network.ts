import { type Failure, failure } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { createBatcher } from '../datasets/batches.ts'
import type { Dataset, SplitName } from '../datasets/dataset.ts'
import type { TrainingProgram } from './engine.ts'
import { inputShapeOf } from './epochs.ts'

export interface NetworkMeasurement {
  readonly ok: true
  /** Share of samples whose largest logit is the label; 0 for an empty part. */
  readonly accuracy: number
  /** Mean cross entropy in nats, without label smoothing. */
  readonly crossEntropy: number
}

/** Samples between two looks at the signal. */
const CHUNK = 128

/** Measures a program on one part of the data; `Failure`: `diverged` for a logit that is not finite, `timed-out` when aborted. */
export async function measureNetwork(
  {
    graph,
    dataset,
    signal,
  }: {
    readonly graph: NetworkGraph
    readonly dataset: Dataset
    readonly signal?: { readonly aborted: boolean }
  },
  program: TrainingProgram,
  split: SplitName,
): Promise<NetworkMeasurement | Failure> {
  const indices = dataset.splits[split]
  const shape = inputShapeOf(graph)
  const batcher = createBatcher(dataset, shape)
  const classes = dataset.classNames.length
  const chunk = Math.min(CHUNK, indices.length)
  const inputs = new Float32Array(chunk * sizeOf(shape))
  const labels = new Int32Array(chunk)
  let correct = 0
  let entropy = 0
  for (let start = 0; start < indices.length; start += chunk) {
    if (signal?.aborted) return failure('timed-out', 'given up while measuring accuracy')
    const count = Math.min(chunk, indices.length - start)
    batcher.fill(indices, start, count, inputs)
    batcher.labels(indices, start, count, labels)
    const logits = await program.predict(inputs.subarray(0, count * sizeOf(shape)), count)
    for (let i = 0; i < count; i++) {
      const row = i * classes
      const best = largestPlace(logits, row, classes)
      if (best < 0) return failure('diverged', 'a logit of the trained network is not finite')
      if (best === labels[i]) correct++
      entropy += logSum(logits, row, classes, logits[row + best]!) - logits[row + labels[i]!]!
    }
  }
  const samples = Math.max(indices.length, 1)
  return { ok: true, accuracy: correct / samples, crossEntropy: entropy / samples }
}

/** Place, from 0, of the first largest of `length` values from `start`; −1 when one is not finite. */
function largestPlace(values: Float32Array, start: number, length: number): number {
  let best = 0
  for (let i = 0; i < length; i++) {
    const value = values[start + i]!
    if (!Number.isFinite(value)) return -1
    if (value > values[start + best]!) best = i
  }
  return best
}

/** Logarithm of the sum of the exponentials of `length` values from `start`. */
function logSum(values: Float32Array, start: number, length: number, largest: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += Math.exp(values[start + i]! - largest)
  return Math.log(sum) + largest
}
