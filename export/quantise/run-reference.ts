import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { sizeOf } from '../../network/shapes.ts'
import { countRight } from '../count-right.ts'
import { type VerifiedAccuracy, verifiedAccuracy } from '../verify.ts'
import { quantisedInputs } from './input.ts'
import { createInterpreter } from './reference/interpreter.ts'
import type { RoundedTwice } from './reference/sums-of-products.ts'
import type { QuantisedNetwork } from './types.ts'

/** Other work, such as a Ctrl-C, is let in after this long: a sample takes from microseconds to tens of milliseconds. */
const SLICE_MS = 20

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
  let since = performance.now()
  for (const input of quantisedInputs(network, dataset, indices)) {
    outputs.set(run(input), at * classes)
    at++
    if (performance.now() - since < SLICE_MS) continue
    await new Promise(setImmediate)
    check()
    since = performance.now()
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
