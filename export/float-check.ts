import { buildInferenceGraph } from '../evaluators/training/onnx/inference-graph.ts'
import { inputShapeOf } from '../evaluators/training/train.ts'
import { OperationalError } from '../lib/errors.ts'
import { sizeOf } from '../network/shapes.ts'
import type { NetworkGraph } from '../network/types.ts'
import { countRight } from './count-right.ts'
import type { ExportContext, FloatFileReport, FloatPrecision } from './formats/format.ts'
import type { RealSamples } from './litert/verify-litert.ts'
import { runRealInOnnxRuntime } from './onnx-int8/run-model.ts'
import { preparationOf } from './preparation.ts'
import { normalisedInputs } from './quantise/input.ts'
import { createRawReader } from './raw-samples.ts'
import { verifiedAccuracy } from './verify.ts'

/** Share of the largest output that outputs may be off by: roundings of 11 bits add up over layers, those of 24 hardly. */
const ALLOWED_DEVIATION: Readonly<Record<FloatPrecision, number>> = { float32: 0.001, float16: 0.02 }
/** Share of the test samples that may be classified otherwise. */
const TOLERATED_DIFFERENCE = 0.005
/** Share of the samples for which a router between nearly equal gates may choose another expert. */
const TOLERATED_ROUTES = 0.005

/** Test samples for a file, and what the float32 network gives for them in ONNX Runtime. */
export interface FloatSamples extends RealSamples {
  readonly expected: Float32Array
}

/** Samples as the data set holds them, for files that prepare them. */
export async function rawTestSamples({ graph, weights, dataset }: ExportContext): Promise<FloatSamples> {
  const { inputShape, splits } = dataset
  const reader = createRawReader(dataset)
  const values = (start: number, end: number): Float32Array => reader(splits.test.subarray(start, end))
  const model = buildInferenceGraph(graph, weights, { batch: 'batch', preparation: preparationOf(dataset) })
  const count = splits.test.length
  const expected = await runRealInOnnxRuntime({ model, samples: count, inputShape, inputs: values })
  return { count, size: sizeOf(inputShape), values, expected }
}

/** Samples resized and normalised, as the network itself reads them. */
export async function preparedTestSamples({ graph, weights, dataset }: ExportContext): Promise<FloatSamples> {
  const shape = inputShapeOf(graph)
  const { test } = dataset.splits
  const values = (start: number, end: number): Float32Array =>
    normalisedInputs(dataset, shape, test.subarray(start, end))
  const model = buildInferenceGraph(graph, weights, { batch: 'batch' })
  const job = { model, samples: test.length, inputShape: shape, inputs: values }
  return { count: test.length, size: sizeOf(shape), values, expected: await runRealInOnnxRuntime(job) }
}

/**
 * Compares what a file gives for the test samples with what the float32 network gives.
 * @throws OperationalError when outputs are not finite, off by more than is allowed, or classify clearly other samples.
 */
export function judgeFloatFile(
  { dataset, graph }: ExportContext,
  { expected, count }: FloatSamples,
  outputs: Float32Array,
  file: { readonly file: string; readonly precision: FloatPrecision; readonly where: string },
): FloatFileReport {
  const fail = (what: string): OperationalError =>
    new OperationalError(`${file.file} on ${file.where} ${what}: the file does not hold the trained network`)
  if (outputs.length !== expected.length) throw fail(`gives ${outputs.length} values, the network ${expected.length}`)
  if (!outputs.every(Number.isFinite)) {
    throw fail(`gives values that are not finite: ${file.precision} does not hold this network's values`)
  }
  const largestOutput = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const allowedDeviation = ALLOWED_DEVIATION[file.precision] * largestOutput
  const classes = expected.length / count
  const far = new Set<number>()
  let largestDeviation = 0
  for (const [i, value] of outputs.entries()) {
    const deviation = Math.abs(value - expected[i]!)
    if (deviation > largestDeviation) largestDeviation = deviation
    if (deviation > allowedDeviation) far.add(Math.floor(i / classes))
  }
  const mayBeFar = hasRouter(graph) ? Math.max(Math.floor(TOLERATED_ROUTES * count), 1) : 0
  if (far.size > mayBeFar) {
    throw fail(`is off by up to ${largestDeviation} for ${far.size} of ${count} samples (allowed: ${allowedDeviation})`)
  }
  const [found, wanted] = [outputs, expected].map((values) => countRight(dataset, dataset.splits.test, values)) as [
    number,
    number,
  ]
  if (Math.abs(found - wanted) > Math.max(TOLERATED_DIFFERENCE * count, 1)) {
    throw fail(`classifies ${found} of ${count} test samples rightly, the network ${wanted}`)
  }
  return { ...file, test: verifiedAccuracy(found, count), largestDeviation, largestOutput, allowedDeviation }
}

/** What `judgeFloatFile` allows, in words. */
export function floatToleranceText(precision: FloatPrecision, graph: NetworkGraph): string {
  const routes = hasRouter(graph)
    ? ` but for ${100 * TOLERATED_ROUTES} % of the samples, which may go to other experts`
    : ''
  return `${100 * ALLOWED_DEVIATION[precision]} % of the largest output${routes}; accuracy within ${100 * TOLERATED_DIFFERENCE} % of the samples`
}

/** One line for the table of what was verified. */
export const floatFileText = ({ test, largestDeviation, largestOutput }: FloatFileReport): string =>
  `${test.correct} of ${test.samples} test samples; outputs ${deviationText(largestDeviation)} the float32 network’s, ` +
  `which reach ${largestOutput.toPrecision(3)}`

const deviationText = (deviation: number): string =>
  deviation === 0 ? 'equal to' : `at most ${deviation.toPrecision(2)} off`

export const hasRouter = ({ nodes }: NetworkGraph): boolean => nodes.some(({ op }) => op.kind === 'routedExperts')
