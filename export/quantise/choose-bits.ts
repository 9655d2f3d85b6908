import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { PreparedQuantisation } from './quantise.ts'
import { runReference } from './run-reference.ts'
import type { QuantisedNetwork } from './types.ts'
import { layerBits, type WeightBitsMode, type WeightedLayer } from './weight-bits.ts'

/** `mixed` gives up at most so many points of accuracy on the validation sample, all layers together. */
const MIXED_DROP_POINTS = 1
/** Validation samples on which the effect of a single layer is measured. */
const SENSITIVITY_SAMPLES = 100

interface Job {
  readonly mode: WeightBitsMode
  /** The network in int8 alone, and its accuracy on the validation sample. */
  readonly network: QuantisedNetwork
  readonly accuracy: number
  readonly prepared: PreparedQuantisation
  readonly dataset: Dataset
  /** The validation sample. */
  readonly sample: Uint32Array
  readonly check: () => void
}

/**
 * Gives layers weights of 4 bits. `mixed` measures for each inner layer how far its 4 bits move the outputs, orders the
 * layers by that for each byte saved, and takes them in turn, but for those with which the layers taken so far would cost
 * more than `MIXED_DROP_POINTS` on the validation sample.
 */
export async function chooseWeightBits(job: Job): Promise<QuantisedNetwork> {
  const { mode, network, prepared } = job
  if (mode === '8') return network
  const inner = layerBits(network).filter(({ id }) => prepared.inner.has(id))
  const withFour = (layers: readonly WeightedLayer[]): QuantisedNetwork =>
    prepared.quantised(network.calibration, new Set(layers.map(({ id }) => id)))
  if (mode === '4') return withFour(inner)
  const { dataset, sample, check, accuracy } = job
  const ordered = await bySensitivity(job, inner, withFour)
  // A hair's breadth for the share's rounding.
  const least = accuracy - MIXED_DROP_POINTS / 100 - 1e-9
  const costLittle = async (layers: readonly WeightedLayer[]): Promise<boolean> => {
    const { accuracy: found } = await runReference(withFour(layers), dataset, sample, check)
    return found.accuracy >= least
  }
  if (await costLittle(ordered)) return withFour(ordered)
  const chosen: WeightedLayer[] = []
  for (const layer of ordered) if (await costLittle([...chosen, layer])) chosen.push(layer)
  return withFour(chosen)
}

/** Layers by the squared deviation of the outputs that their 4 bits make for each weight, the least first. */
async function bySensitivity(
  { network, dataset, sample, check }: Job,
  inner: readonly WeightedLayer[],
  withFour: (layers: readonly WeightedLayer[]) => QuantisedNetwork,
): Promise<readonly WeightedLayer[]> {
  const few = sample.subarray(0, SENSITIVITY_SAMPLES)
  const { outputs } = await runReference(network, dataset, few, check)
  const rated: { readonly layer: WeightedLayer; readonly harm: number }[] = []
  for (const layer of inner) {
    const found = await runReference(withFour([layer]), dataset, few, check)
    const squares = found.outputs.reduce((sum, value, i) => sum + (value - outputs[i]!) ** 2, 0)
    rated.push({ layer, harm: squares / layer.elements })
  }
  return rated.sort((a, b) => a.harm - b.harm).map(({ layer }) => layer)
}
