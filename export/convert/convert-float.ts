import { readTflite } from '../../formats/tflite/model.ts'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { argmax } from '../../lib/statistics.ts'
import { sizeOf } from '../../network/shapes.ts'
import { findLiteRt } from '../litert/run-litert.ts'
import { runRealInLiteRt } from '../litert/verify-litert.ts'
import { quantiseValue } from '../quantise/fixed-point.ts'
import { quantiseNetwork } from '../quantise/quantise.ts'
import { referenceOutputs } from '../quantise/run-reference.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'
import type { PreparedData } from './calibration-data.ts'
import type { ConversionSource } from './conversion.ts'
import { type FloatNetwork, inputNodeOf } from './float-builder.ts'
import { batches, type FloatChecks, type FloatSource, runFloat } from './float-writers.ts'
import { isDynamic } from './read-float.ts'
import { runOriginalOnnx } from './run-original-onnx.ts'

const RANDOM_SAMPLES = 32
const TEST_SAMPLES = 128
const CALIBRATION_SAMPLES = 512
const VALIDATION_SAMPLES = 200

/** What a model file is. */
export type ModelKind = 'tflite' | 'onnx'

/**
 * Samples and what the original file gives for them in LiteRT or ONNX Runtime; our reading of it in ONNX Runtime where LiteRT
 * cannot run it.
 */
export async function floatChecks(
  network: FloatNetwork,
  { bytes, kind }: { readonly bytes: Uint8Array; readonly kind: ModelKind },
  data: PreparedData | undefined,
): Promise<FloatChecks> {
  const size = sizeOf(inputNodeOf(network.graph).shape)
  const random = randomStream(1, 'conversion')
  const { values, count } = data?.samples('test', TEST_SAMPLES) ?? {
    values: Float32Array.from({ length: RANDOM_SAMPLES * size }, () => random.normal()),
    count: RANDOM_SAMPLES,
  }
  if (kind === 'onnx') {
    const expected = await runOriginalOnnx(bytes, network, { values, count })
    const isHalf = network.ends?.computesHalf === true
    return {
      ...{
        values,
        count,
        expected,
        isHalf,
        isRouted: network.graph.nodes.some(({ op }) => op.kind === 'routedExperts'),
      },
      source: `those of the original in ONNX Runtime${isHalf ? ' (which computes in float16)' : ''}`,
    }
  }
  const read = await runFloat(network, { values, count })
  const installation = findLiteRt()
  // Dynamic range quantisation rounds activations as it runs: the real weights are what is converted.
  if (installation === undefined || isDynamic(readTflite(bytes)))
    return { values, count, source: 'the network as it was read', expected: read }
  try {
    const expected = await runRealInLiteRt(installation, bytes, batches({ values, count }), read.length / count)
    return { values, count, source: 'those of the original in LiteRT', expected }
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error
    return { values, count, source: 'the network as it was read (LiteRT does not run the original)', expected: read }
  }
}

/** The network in int8 with what was found when it was compared with the float network. */
export async function quantisedSource(
  source: FloatSource,
  data: PreparedData | undefined,
  name: string,
): Promise<{ readonly source: ConversionSource; readonly findings: readonly string[] }> {
  if (data === undefined) {
    throw new UserError(
      'the network computes in float32, and int8 needs samples for its ranges: name them with --data, or write it as --format onnx,tflite-float32,tflite-float16',
    )
  }
  const { graph, weights } = source
  const { normalisation } = data
  const calibration = data.samples('train', CALIBRATION_SAMPLES)
  const sample = { inputs: calibration.values, count: calibration.count }
  const candidates = await quantiseNetwork({ graph, weights, normalisation, sample })
  const validation = data.samples('validation', VALIDATION_SAMPLES)
  const wanted = await runFloat(source, validation)
  const { minmax, percentile } = candidates
  const network =
    meanError(percentile, validation, wanted) < meanError(minmax, validation, wanted) ? percentile : minmax
  const { checks } = source
  const common = { network, graph, name, title: source.title }
  if (checks === undefined) return { source: { ...common, checks: undefined }, findings: [] }
  const { inputs, outputs } = runInt8(network, checks)
  return {
    source: {
      ...common,
      checks: { count: checks.count, inputs, expected: outputs, original: undefined, kind: 'test' },
    },
    findings: [comparison(network, outputs, checks, data)],
  }
}

function runInt8(network: QuantisedNetwork, { values, count }: Pick<FloatChecks, 'values' | 'count'>) {
  const input = network.tensors[network.input]!
  const inputs = Int8Array.from(values, (value) => quantiseValue(value, input.quantisation))
  return { inputs, outputs: referenceOutputs(network, inputs, count) }
}

function meanError(
  network: QuantisedNetwork,
  samples: Pick<FloatChecks, 'values' | 'count'>,
  wanted: Float32Array,
): number {
  const { scale, zeroPoint } = network.tensors[network.output]!.quantisation
  const { outputs } = runInt8(network, samples)
  return outputs.reduce((sum, q, i) => sum + Math.abs(scale * (q - zeroPoint) - wanted[i]!), 0) / wanted.length
}

/** How int8 and float classify the samples, and the labels where the network has an output for each class. */
function comparison(
  network: QuantisedNetwork,
  outputs: Int8Array,
  { expected, count }: FloatChecks,
  { dataset }: PreparedData,
): string {
  const width = expected.length / count
  let [equal, int8Right, floatRight] = [0, 0, 0]
  for (let i = 0; i < count; i++) {
    const [a, b] = [argmax(outputs, i * width, width), argmax(expected, i * width, width)]
    const label = dataset.labels[dataset.splits.test[i]!]
    if (a === b) equal++
    if (a === label) int8Right++
    if (b === label) floatRight++
  }
  const { scale, zeroPoint } = network.tensors[network.output]!.quantisation
  const off = outputs.reduce((sum, q, i) => sum + Math.abs(scale * (q - zeroPoint) - expected[i]!), 0) / expected.length
  const classes =
    dataset.classNames.length === width ? `; right are ${int8Right} in int8 and ${floatRight} in float` : ''
  return `int8 against float on ${count} test samples: the largest output is the same in ${equal}, outputs differ by ${off.toPrecision(2)} on average${classes}`
}
