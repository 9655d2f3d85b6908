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
      const row = logits.subarray(i * classes, (i + 1) * classes)
      const best = largestIndex(row)
      if (best < 0) return failure('diverged', 'a logit of the trained network is not finite')
      if (best === labels[i]) correct++
      entropy += crossEntropy(row, labels[i]!, row[best]!)
    }
  }
  const samples = Math.max(indices.length, 1)
  return { ok: true, accuracy: correct / samples, crossEntropy: entropy / samples }
}

/** Place of the first largest value; −1 when one is not finite. */
function largestIndex(values: Float32Array): number {
  let best = 0
  for (const [i, value] of values.entries()) {
    if (!Number.isFinite(value)) return -1
    if (value > values[best]!) best = i
  }
  return best
}

function crossEntropy(logits: Float32Array, label: number, largest: number): number {
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - largest)
  return Math.log(sum) + largest - logits[label]!
}
