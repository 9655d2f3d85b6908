import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Dataset, SplitName } from '../evaluators/datasets/dataset.ts'
import { OperationalError } from '../lib/errors.ts'
import { countRight } from './count-right.ts'
import { createRawReader } from './raw-samples.ts'

export interface VerifiedAccuracy {
  readonly correct: number
  readonly samples: number
  readonly accuracy: number
  /** 95 % Wilson score interval (Wilson 1927). */
  readonly interval: readonly [number, number]
}

const BATCH = 256

/**
 * Runs an exported ONNX file on every sample of one part of the data, reading nothing but the file and the raw samples.
 * @throws OperationalError when the file does not load or gives an output of another shape.
 */
export async function verifyOnnx(model: Uint8Array, dataset: Dataset, split: SplitName): Promise<VerifiedAccuracy> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 })
  try {
    const indices = dataset.splits[split]
    const reader = createRawReader(dataset)
    const classes = dataset.classNames.length
    let correct = 0
    for (let start = 0; start < indices.length; start += BATCH) {
      const count = Math.min(BATCH, indices.length - start)
      const input = new Tensor('float32', reader(indices.subarray(start, start + count)), [
        count,
        ...dataset.inputShape,
      ])
      const { output } = await session.run({ input })
      const logits = output?.data
      if (!(logits instanceof Float32Array) || logits.length !== count * classes) {
        throw new OperationalError(
          `the exported file gives an output of ${logits?.length ?? 0} values for ${count} samples of ${classes} classes`,
        )
      }
      correct += countRight(dataset, indices.subarray(start, start + count), logits)
    }
    return verifiedAccuracy(correct, indices.length)
  } finally {
    await session.release()
  }
}

/** A count of rightly classified samples with its interval. */
export const verifiedAccuracy = (correct: number, samples: number): VerifiedAccuracy => ({
  correct,
  samples,
  accuracy: samples === 0 ? 0 : correct / samples,
  interval: wilsonInterval(correct, samples),
})

/** 95 % Wilson score interval of a share: `correct` of `samples`. */
export function wilsonInterval(correct: number, samples: number): readonly [number, number] {
  if (samples === 0) return [0, 1]
  const z = 1.959964
  const share = correct / samples
  const centre = share + z ** 2 / (2 * samples)
  const spread = z * Math.sqrt((share * (1 - share)) / samples + z ** 2 / (4 * samples ** 2))
  const scale = 1 + z ** 2 / samples
  return [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)]
}
