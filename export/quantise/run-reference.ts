import type { Dataset } from '../../evaluators/datasets/dataset.ts'
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
  let correct = 0
  let at = 0
  for (const input of quantisedInputs(network, dataset, indices)) {
    const output = run(input)
    outputs.set(output, at * classes)
    let best = 0
    for (let c = 1; c < output.length; c++) if (output[c]! > output[best]!) best = c
    if (best === dataset.labels[indices[at]!]) correct++
    if (++at % SLICE === 0) {
      await new Promise(setImmediate)
      check()
    }
  }
  return { accuracy: verifiedAccuracy(correct, indices.length), outputs }
}
