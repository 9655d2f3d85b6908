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
  /** By a network in which each sample chooses its experts. */
  readonly isRouted?: boolean
}

export interface FloatSource extends FloatNetwork {
  readonly title: string
  readonly checks: FloatChecks | undefined
}

/** Largest difference of an output from the expected one, as a share of the largest expected one, that is no error. */
const TOLERANCE = { float32: 0.001, float16: 0.02 } as const

/** Of samples in float16, this share may go to other experts, whose gates were nearly as large; at least one. */
const REROUTED = 0.005

function judged(
  file: string,
  where: string,
  outputs: Float32Array,
  { checks, precision }: { readonly checks: FloatChecks; readonly precision: keyof typeof TOLERANCE },
): string {
  const { expected, count, source, isHalf, isRouted } = checks
  const width = expected.length / count
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const coarse = isHalf === true || precision === 'float16'
  const offs = Array.from({ length: count }, (_, sample) => {
    const wanted = expected.subarray(sample * width, (sample + 1) * width)
    return wanted.reduce((most, value, i) => Math.max(most, Math.abs(outputs[sample * width + i]! - value)), 0)
  })
  const allowed = TOLERANCE[coarse ? 'float16' : 'float32'] * largest
  // A difference that is no number is beyond what is allowed.
  const beyond = offs.filter((off) => !(off <= allowed)).length
  const kept = beyond > 0 && coarse && isRouted === true && beyond <= Math.max(1, REROUTED * count)
  const within = kept ? offs.filter((off) => off <= allowed) : offs
  const rerouted = kept ? ` but for ${beyond} that went to other experts` : ''
  const text = `${file} on ${where}, ${count} samples: outputs differ from ${source} by at most ${Math.max(...within).toPrecision(2)}${rerouted}; the largest is ${largest.toPrecision(3)}`
  if (beyond > 0 && !kept) throw new OperationalError(text)
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
    const finding = judged(file, `LiteRT ${installation.version}`, outputs, { checks, precision })
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
  return { files, findings: [judged(file, 'onnxruntime', outputs, { checks, precision: 'float32' })], instructions }
}

/** Formats that hold a float network as it is. */
export const FLOAT_WRITERS = {
  onnx,
  'tflite-float32': tflite('float32'),
  'tflite-float16': tflite('float16'),
} as const satisfies Readonly<Record<string, (source: FloatSource) => Promise<ConvertedFile>>>
