import type { Dataset, SplitName } from '../../evaluators/datasets/dataset.ts'
import { inputShapeOf } from '../../evaluators/training/train.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { type VerifiedAccuracy, verifiedAccuracy } from '../verify.ts'
import { normalisedInputs, quantisedInputs } from './input.ts'
import { quantiseNetwork } from './quantise.ts'
import { createInterpreter } from './reference/interpreter.ts'
import type { CalibrationMethod, QuantisedNetwork } from './types.ts'

export interface QuantisationChoice {
  readonly network: QuantisedNetwork
  readonly calibrationSamples: number
  /** Share of a validation sample that each way of choosing ranges classifies rightly. */
  readonly validation: Readonly<Record<CalibrationMethod, number>>
  readonly validationSamples: number
  /** Measured by the integer reference on the whole test part. */
  readonly test: VerifiedAccuracy
  /** The reference's outputs for the test part, sample after sample. */
  readonly testOutputs: Int8Array
}

const CALIBRATION_SAMPLES = 512
const VALIDATION_SAMPLES = 1000

/**
 * Quantises a trained network, calibrated on training samples: by the extremes that were seen or without the outermost
 * 0.01 % of each tensor's values, whichever classifies more of a validation sample rightly (of equals, the extremes).
 */
export async function chooseQuantisation(
  graph: NetworkGraph,
  weights: Weights,
  dataset: Dataset,
  check: () => void,
): Promise<QuantisationChoice> {
  const calibration = dataset.splits.train.subarray(0, CALIBRATION_SAMPLES)
  const { mean, standardDeviation } = dataset
  const candidates = await quantiseNetwork({
    graph,
    weights,
    normalisation: { mean, standardDeviation },
    sample: { inputs: normalisedInputs(dataset, inputShapeOf(graph), calibration), count: calibration.length },
  })
  const measure = (network: QuantisedNetwork, split: SplitName, most = Number.POSITIVE_INFINITY) =>
    runReference(network, dataset, dataset.splits[split].subarray(0, most), check)
  const validation = {
    minmax: (await measure(candidates.minmax, 'validation', VALIDATION_SAMPLES)).accuracy.accuracy,
    percentile: (await measure(candidates.percentile, 'validation', VALIDATION_SAMPLES)).accuracy.accuracy,
  }
  const network = validation.percentile > validation.minmax ? candidates.percentile : candidates.minmax
  const { accuracy, outputs } = await measure(network, 'test')
  return {
    network,
    calibrationSamples: calibration.length,
    validation,
    validationSamples: Math.min(VALIDATION_SAMPLES, dataset.splits.validation.length),
    test: accuracy,
    testOutputs: outputs,
  }
}

/** Samples between two looks at the clock. */
const SLICE = 50

/** Runs the integer reference on some samples; lets other work in between, and `check` throw to give up. */
export async function runReference(
  network: QuantisedNetwork,
  dataset: Dataset,
  indices: Uint32Array,
  check: () => void,
): Promise<{ readonly accuracy: VerifiedAccuracy; readonly outputs: Int8Array }> {
  const run = createInterpreter(network)
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
