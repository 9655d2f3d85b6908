import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { compareOutputs } from '../compare-outputs.ts'
import type { CheckSamples } from '../quantise/check-samples.ts'
import type { RoundedTwice } from '../quantise/reference/sums-of-products.ts'
import { runReference } from '../quantise/run-reference.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'

/**
 * How builds of LiteRT round the sums of kernels with 4-bit weights: TFLite's own kernels run them, XNNPACK those of dense
 * ones, which round once. WebAssembly (2.5.3) rounds depthwise sums twice with halves away from zero, Python on x86
 * (2.3.0) depthwise and other convolutions with halves upwards; measured on networks of one kernel kind and whole ones.
 */
const ROUNDINGS: readonly RoundedTwice[] = [
  { kinds: ['depthwiseConv2d'], halves: 'away from zero' },
  { kinds: ['depthwiseConv2d'], halves: 'up' },
  { kinds: ['depthwiseConv2d', 'conv2d'], halves: 'up' },
  { kinds: ['depthwiseConv2d', 'conv2d'], halves: 'away from zero' },
]

/** Samples by which it is found out how a runtime rounds. */
const PROBES = 20

/** What the reference gives for the check samples when it rounds as a runtime does, and which kernels round twice there. */
export interface RoundedReference {
  readonly expected: Int8Array
  /** Undefined: none, as the reference itself. */
  readonly roundedTwice: RoundedTwice | undefined
}

/** Finds the rounding with which the reference is nearest to a runtime's outputs for the first samples. */
export async function referenceRoundedAs(
  outputs: Int8Array,
  network: QuantisedNetwork,
  dataset: Dataset,
  { count, expected }: CheckSamples,
): Promise<RoundedReference> {
  const indices = dataset.splits.test.subarray(0, count)
  const probes = Math.min(PROBES, count)
  if (outputs.length !== expected.length) return { expected, roundedTwice: undefined }
  const probed = (values: Int8Array): Int8Array => values.subarray(0, (expected.length / count) * probes)
  let nearest: RoundedReference = { expected, roundedTwice: undefined }
  let least = compareOutputs(probed(expected), probed(outputs)).differing
  for (const roundedTwice of ROUNDINGS) {
    if (least === 0) break
    const found = await runReference(network, dataset, indices.subarray(0, probes), () => {}, roundedTwice)
    const { differing } = compareOutputs(found.outputs, probed(outputs))
    if (differing >= least) continue
    least = differing
    nearest = { expected: new Int8Array(), roundedTwice }
  }
  if (nearest.roundedTwice === undefined) return nearest
  const { outputs: all } = await runReference(network, dataset, indices, () => {}, nearest.roundedTwice)
  return { ...nearest, expected: all }
}
