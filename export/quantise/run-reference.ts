import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { sizeOf } from '../../network/shapes.ts'
import { countRight } from '../count-right.ts'
import { type VerifiedAccuracy, verifiedAccuracy } from '../verify.ts'
import { quantisedInputs } from './input.ts'
import { createInterpreter } from './reference/interpreter.ts'
import type { RoundedTwice } from './reference/sums-of-products.ts'
import type { QuantisedNetwork } from './types.ts'

/** Samples between two looks at the clock. */
const SLICE = 50

/** Runs the integer reference on some samples; lets other work in between, and `check` throw to give up. */
export async function runReference(
  network: QuantisedNetwork,
  dataset: Dataset,
  indices: Uint32Array,
  check: () => void,
  roundedTwice?: RoundedTwice,
): Promise<{ readonly accuracy: VerifiedAccuracy; readonly outputs: Int8Array }> {
  const run = createInterpreter(network, roundedTwice)
  const classes = dataset.classNames.length
  const outputs = new Int8Array(indices.length * classes)
  let at = 0
  for (const input of quantisedInputs(network, dataset, indices)) {
    outputs.set(run(input), at * classes)
    if (++at % SLICE === 0) {
      await new Promise(setImmediate)
      check()
    }
  }
  return { accuracy: verifiedAccuracy(countRight(dataset, indices, outputs), indices.length), outputs }
}

/** What the integer reference gives for samples in int8, one after the other. */
export function referenceOutputs(network: QuantisedNetwork, inputs: Int8Array, count: number): Int8Array {
  const [size, width] = [inputs.length / count, sizeOf(network.outputShape)]
  const outputs = new Int8Array(count * width)
  const run = createInterpreter(network)
  for (let i = 0; i < count; i++) outputs.set(run(inputs.subarray(i * size, (i + 1) * size)), i * width)
  return outputs
}
