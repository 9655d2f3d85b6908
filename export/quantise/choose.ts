import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { inputShapeOf } from '../../evaluators/training/train.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { VerifiedAccuracy } from '../verify.ts'
import { chooseWeightBits } from './choose-bits.ts'
import { normalisedInputs } from './input.ts'
import { prepareQuantisation } from './quantise.ts'
import { runReference } from './run-reference.ts'
import type { CalibrationMethod, QuantisedNetwork } from './types.ts'
import type { WeightBitsMode } from './weight-bits.ts'

export interface QuantisationChoice {
  readonly network: QuantisedNetwork
  readonly calibrationSamples: number
  /** Share of a validation sample that each way of choosing ranges classifies rightly. */
  readonly validation: Readonly<Record<CalibrationMethod, number>>
  readonly validationSamples: number
  readonly weightBits: {
    readonly mode: WeightBitsMode
    /** Share of the validation sample that the network classifies rightly; with 8 bits: the best of `validation`. */
    readonly validation: number
  }
  /** Measured by the integer reference on the whole test part. */
  readonly test: VerifiedAccuracy
  /** The reference's outputs for the test part, sample after sample. */
  readonly testOutputs: Int8Array
}

const CALIBRATION_SAMPLES = 512
const VALIDATION_SAMPLES = 1000

/** The validation samples that decisions about a quantised network are taken on. */
export const validationSample = ({ splits }: Dataset): Uint32Array => splits.validation.subarray(0, VALIDATION_SAMPLES)

/**
 * Quantises a trained network, calibrated on training samples: by the extremes that were seen or without the outermost
 * 0.01 % of each tensor's values, whichever classifies more of a validation sample rightly (of equals, the extremes).
 * Which layers have 4-bit weights is decided after that.
 * @param fourBitLayers where that is decided already.
 */
export async function chooseQuantisation(
  graph: NetworkGraph,
  weights: Weights,
  dataset: Dataset,
  check: () => void,
  mode: WeightBitsMode = '8',
  fourBitLayers?: ReadonlySet<string>,
): Promise<QuantisationChoice> {
  const calibration = dataset.splits.train.subarray(0, CALIBRATION_SAMPLES)
  const sample = validationSample(dataset)
  const { mean, standardDeviation } = dataset
  const prepared = await prepareQuantisation({
    graph,
    weights,
    normalisation: { mean, standardDeviation },
    sample: { inputs: normalisedInputs(dataset, inputShapeOf(graph), calibration), count: calibration.length },
  })
  const onSample = async (network: QuantisedNetwork): Promise<number> =>
    (await runReference(network, dataset, sample, check)).accuracy.accuracy
  const candidates = { minmax: prepared.quantised('minmax'), percentile: prepared.quantised('percentile') }
  const validation = {
    minmax: await onSample(candidates.minmax),
    percentile: await onSample(candidates.percentile),
  }
  const int8 = validation.percentile > validation.minmax ? candidates.percentile : candidates.minmax
  const accuracy = validation[int8.calibration]
  const network =
    fourBitLayers === undefined
      ? await chooseWeightBits({ mode, network: int8, accuracy, prepared, dataset, sample, check })
      : prepared.quantised(int8.calibration, fourBitLayers)
  const { accuracy: test, outputs } = await runReference(network, dataset, dataset.splits.test, check)
  return {
    network,
    calibrationSamples: calibration.length,
    validation,
    validationSamples: sample.length,
    weightBits: { mode, validation: network === int8 ? accuracy : await onSample(network) },
    test,
    testOutputs: outputs,
  }
}
