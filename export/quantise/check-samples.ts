import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { QuantisationChoice } from './choose.ts'
import { quantisedInputs } from './input.ts'

/** Larger test parts run in part: the samples pass through files and messages. */
const MOST_CHECKED_BYTES = 256 << 20

export interface CheckSamples {
  readonly count: number
  /** Test samples in int8, one after the other. */
  readonly inputs: Int8Array
  /** What the reference gives for them. */
  readonly expected: Int8Array
}

/** The test samples (the first of them, where they are over 256 MB), quantised, with what the reference gives. */
export function checkSamples(
  dataset: Dataset,
  { network, testOutputs }: QuantisationChoice,
  most = Number.POSITIVE_INFINITY,
): CheckSamples {
  const size = sizeOf(network.tensors[network.input]!.shape)
  const { test } = dataset.splits
  const count = Math.min(test.length, most, Math.max(Math.floor(MOST_CHECKED_BYTES / size), 1))
  const inputs = new Int8Array(count * size)
  let at = 0
  for (const input of quantisedInputs(network, dataset, test.subarray(0, count))) {
    inputs.set(input, at)
    at += size
  }
  return { count, inputs, expected: testOutputs.subarray(0, (testOutputs.length / test.length) * count) }
}
