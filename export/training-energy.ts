import { JOULES_PER_WATT_HOUR } from '../evaluators/energy/counter.ts'
import type { ModelCard } from './model-card.ts'

/** What one pass over the training part takes of a trial's network, by the meter of the search. */
export interface PassEnergy {
  readonly joules: number
  /** Where that is from, in words. */
  readonly source: string
}

/** A step with fake quantisation takes so many times as long, and with kernels of 4 bits (docs/training-a-network.md). */
const FAKE_QUANTISATION = 1.6
const FAKE_QUANTISATION_OF_FOUR_BITS = 1.9

interface Trainings {
  readonly training: ModelCard['training']
  readonly pruning?: ModelCard['pruning']
  readonly int8?: ModelCard['int8'] | undefined
}

/**
 * Energy of the trainings that made the exported network: the full training, that after pruning, and fine-tuning with
 * fake quantisation. Estimated from passes and not metered, so that the same export says the same.
 */
export function trainingEnergy(
  { training, pruning, int8 }: Trainings,
  { joules, source }: PassEnergy,
  gramsPerKwh: number | undefined,
): NonNullable<ModelCard['training']['energy']> {
  const left = pruning === undefined ? 1 : pruning.macs.after / pruning.macs.before
  const afterPruning = pruning === undefined ? 0 : left * pruning.fineTuning.epochs
  const { epochs = 0, fourBitLayers = 0 } = int8?.fineTuning.training ?? {}
  const fineTuning = (fourBitLayers === 0 ? FAKE_QUANTISATION : FAKE_QUANTISATION_OF_FOUR_BITS) * left * epochs
  const passes = training.epochsRun + afterPruning + fineTuning
  const wattHours = (passes * joules) / JOULES_PER_WATT_HOUR
  return {
    wattHours,
    passes,
    basis: 'estimated',
    source,
    ...(gramsPerKwh === undefined ? {} : { gramsPerKwh, gramsCo2e: (wattHours / 1000) * gramsPerKwh }),
  }
}
