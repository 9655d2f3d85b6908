import { createBatcher } from '../../evaluators/datasets/batches.ts'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import { quantiseValue } from './fixed-point.ts'
import type { QuantisedGraph } from './types.ts'

const CHUNK = 256

/** Normalised samples as the float network reads them: `[indices, …shape]`. */
export function normalisedInputs(dataset: Dataset, shape: Shape, indices: Uint32Array): Float32Array {
  const out = new Float32Array(indices.length * sizeOf(shape))
  createBatcher(dataset, shape).fill(indices, 0, indices.length, out)
  return out
}

/** Samples as the int8 network reads them, one after the other. */
export function* quantisedInputs(
  network: QuantisedGraph,
  dataset: Dataset,
  indices: Uint32Array,
): Generator<Int8Array> {
  const { shape, quantisation } = network.tensors[network.input]!
  const size = sizeOf(shape)
  for (let start = 0; start < indices.length; start += CHUNK) {
    const values = normalisedInputs(dataset, shape, indices.subarray(start, start + CHUNK))
    const quantised = Int8Array.from(values, (value) => quantiseValue(value, quantisation))
    for (let at = 0; at < quantised.length; at += size) yield quantised.subarray(at, at + size)
  }
}
