import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { OperationalError } from '../../lib/errors.ts'
import { findLiteRt, LITERT_MISSING } from '../litert/run-litert.ts'
import { runRealInLiteRt } from '../litert/verify-litert.ts'
import { runRealInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { writeFloatTflite } from '../tflite/float-model.ts'
import type { ConvertedFile } from './conversion.ts'
import type { FloatNetwork } from './float-builder.ts'
import { inputNodeOf } from './float-builder.ts'

/** Samples as the network reads them, and what it gives for them. */
export interface FloatChecks {
  readonly values: Float32Array
  readonly count: number
  /** Where the expected outputs come from, in words. */
  readonly source: string
  readonly expected: Float32Array
  /** They were computed in float16. */
  readonly isHalf?: boolean
}

export interface FloatSource extends FloatNetwork {
  readonly title: string
  readonly checks: FloatChecks | undefined
}

/** Largest difference of an output from the expected one, as a share of the largest expected one, that is no error. */
const TOLERANCE = { float32: 0.001, float16: 0.02 } as const

function judged(file: string, where: string, outputs: Float32Array, checks: FloatChecks, allowed: number): string {
  const largest = checks.expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const off = outputs.reduce((most, value, i) => Math.max(most, Math.abs(value - checks.expected[i]!)), 0)
  const text = `${file} on ${where}, ${checks.count} samples: outputs differ from ${checks.source} by at most ${off.toPrecision(2)}; the largest is ${largest.toPrecision(3)}`
  if (!(off <= (checks.isHalf === true ? TOLERANCE.float16 : allowed) * largest)) throw new OperationalError(text)
  return text
}

const tflite =
  (precision: 'float32' | 'float16') =>
  async ({ graph, weights, title, checks }: FloatSource): Promise<ConvertedFile> => {
    const file = `model_${precision}.tflite`
    const bytes = writeFloatTflite(graph, weights, { description: title, precision })
    const files = new Map([[file, bytes]])
    const instructions = `\`${file}\` takes and gives real numbers, one sample at a time; any TFLite or LiteRT runtime runs it.`
    if (checks === undefined) return { files, findings: [], instructions }
    const installation = findLiteRt()
    if (installation === undefined)
      return { files, findings: [`${file}: not verified here: ${LITERT_MISSING}`], instructions }
    const outputs = await runRealInLiteRt(installation, bytes, batches(checks), checks.expected.length / checks.count)
    const finding = judged(file, `LiteRT ${installation.version}`, outputs, checks, TOLERANCE[precision])
    return { files, findings: [finding], instructions }
  }

/** Samples in the form in which LiteRT is given them. */
export function batches({ values, count }: Pick<FloatChecks, 'values' | 'count'>) {
  const size = values.length / count
  return { count, size, values: (start: number, end: number) => values.subarray(start * size, end * size) }
}

/** What the network gives in ONNX Runtime. */
export const runFloat = (
  network: FloatNetwork,
  samples: Pick<FloatChecks, 'values' | 'count'>,
): Promise<Float32Array> =>
  runFile(buildInferenceGraph(network.graph, network.weights, { batch: 'batch' }), network, samples)

const runFile = (
  model: Uint8Array,
  { graph }: FloatNetwork,
  samples: Pick<FloatChecks, 'values' | 'count'>,
): Promise<Float32Array> =>
  runRealInOnnxRuntime({
    model,
    samples: samples.count,
    inputShape: inputNodeOf(graph).shape,
    inputs: batches(samples).values,
  })

async function onnx({ graph, weights, checks }: FloatSource): Promise<ConvertedFile> {
  const file = 'model.onnx'
  const bytes = buildInferenceGraph(graph, weights, { batch: 'batch', routed: true })
  const files = new Map([[file, bytes]])
  const instructions = `\`${file}\` takes and gives real numbers as float32, \`[batch, …]\` with the channels last (names \`input\`, \`output\`).`
  if (checks === undefined) return { files, findings: [], instructions }
  const outputs = await runFile(bytes, { graph, weights }, checks)
  return { files, findings: [judged(file, 'onnxruntime', outputs, checks, TOLERANCE.float32)], instructions }
}

/** Formats that hold a float network as it is. */
export const FLOAT_WRITERS = {
  onnx,
  'tflite-float32': tflite('float32'),
  'tflite-float16': tflite('float16'),
} as const satisfies Readonly<Record<string, (source: FloatSource) => Promise<ConvertedFile>>>
