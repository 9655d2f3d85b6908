import { OperationalError } from '../../lib/errors.ts'
import { countMacs } from '../../network/measure.ts'
import { checkProgram, LINKER_SCRIPT, START_SOURCE } from '../c/check-program.ts'
import { HOST_FLAGS } from '../c/toolchain.ts'
import { verifyC } from '../c/verify-c.ts'
import { writeCModel } from '../c/write-model.ts'
import { compareOutputs, comparisonText, withinTolerance } from '../compare-outputs.ts'
import { findLiteRt, LITERT_MISSING } from '../litert/run-litert.ts'
import { runInLiteRt } from '../litert/verify-litert.ts'
import { runInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { type OnnxArithmetic, writeQdqModel } from '../onnx-int8/write-model.ts'
import { quantisedSchedule } from '../quantise/quantise.ts'
import { writeTflite } from '../tflite/write-model.ts'
import type { ConversionSamples, ConversionSource, ConvertedFile } from './conversion.ts'

/** Alignment of tensors in the C's arena: that of TFLM. */
const ALIGNMENT_BYTES = 16
/** Emulated boards are slow: they run as many samples as have this many products in all. */
const EMULATED_MACS = 500_000_000

/** Of the original file in LiteRT, as it is compared with. */
const ORIGINAL = 'those of the original in LiteRT'
const comparedWithOriginal = (found: Int8Array, { original }: ConversionSamples): string =>
  original === undefined ? '' : `; ${comparisonText(compareOutputs(original, found), ORIGINAL)}`

const samplesText = ({ count, kind }: ConversionSamples): string => `${count} ${kind} samples`

/** The new file in LiteRT against the original there: the same kernels run, so that more than the tolerance is an error. */
async function toTflite({ network, title, checks }: ConversionSource): Promise<ConvertedFile> {
  const float = writeTflite(network, { description: title, interface: 'float32' })
  const files = new Map([
    ['model.tflite', writeTflite(network, { description: title, interface: 'int8' })],
    ['model_float_io.tflite', float],
  ])
  const instructions =
    '`model.tflite` has int8 in and out, `model_float_io.tflite` float; any TFLite or LiteRT runtime runs them.'
  if (checks === undefined) return { files, findings: [], instructions }
  const installation = findLiteRt()
  if (installation === undefined) {
    return { files, findings: [`model.tflite: not verified here: ${LITERT_MISSING}`], instructions }
  }
  const outputs = await runInLiteRt(installation, float, network, checks.inputs)
  // A float network has no int8 outputs: there the reference's are the measure.
  const [wanted, whose] = checks.original === undefined ? [checks.expected] : [checks.original, ORIGINAL]
  const comparison = compareOutputs(wanted, outputs)
  if (!withinTolerance(comparison)) {
    throw new OperationalError(`model.tflite on LiteRT: ${comparisonText(comparison, whose)}`)
  }
  const where = `LiteRT ${installation.version}, ${samplesText(checks)}`
  const findings = [`model.tflite on ${where}: ${comparisonText(comparison, whose)}`]
  if (checks.original !== undefined)
    findings.push(`the original on ${where}: ${comparisonText(compareOutputs(checks.expected, checks.original))}`)
  return { files, findings, instructions }
}

const toOnnx =
  (file: string, arithmetic: OnnxArithmetic) =>
  async ({ network, title, checks }: ConversionSource): Promise<ConvertedFile> => {
    const model = writeQdqModel(network, { arithmetic, metadata: { description: title } })
    const files = new Map([[file, model]])
    const instructions = `\`${file}\` takes and gives real numbers as float32, \`[batch, …]\` with the channels last (names \`input\`, \`output\`).`
    if (checks === undefined) return { files, findings: [], instructions }
    const { shape, quantisation } = network.tensors[network.input]!
    const size = checks.inputs.length / checks.count
    const real = Float32Array.from(checks.inputs, (q) => quantisation.scale * (q - quantisation.zeroPoint))
    const outputs = await runInOnnxRuntime({
      model,
      samples: checks.count,
      inputShape: shape,
      inputs: (start, end) => real.subarray(start * size, end * size),
      output: network.tensors[network.output]!.quantisation,
    })
    const findings = [
      `${file} on onnxruntime, ${samplesText(checks)}: ${comparisonText(compareOutputs(checks.expected, outputs))}${comparedWithOriginal(outputs, checks)}`,
    ]
    return { files, findings, instructions }
  }

async function toC({ network, graph, name, title, checks }: ConversionSource): Promise<ConvertedFile> {
  const model = writeCModel(network, {
    name,
    schedule: quantisedSchedule(graph),
    alignmentBytes: ALIGNMENT_BYTES,
    title,
    classNames: [],
  })
  const sources = new Map([
    ['model.c', model.source],
    ['model.h', model.header],
    ['check.c', checkProgram(model)],
    ['start.c', START_SOURCE],
    ['link.ld', LINKER_SCRIPT],
  ])
  const files = new Map<string, string | Uint8Array>([...sources].map(([file, text]) => [`c/${file}`, text] as const))
  const instructions = `\`c/model.c\` and \`c/model.h\` are all that a project needs: call \`${model.identifier}_run\`. \`check.c\` compares:

\`\`\`
cd c
cc ${HOST_FLAGS.join(' ')} check.c -o check && ./check && cmp outputs.bin expected.bin
\`\`\``
  if (checks === undefined) return { files, findings: [], instructions }
  const { inputs, expected, count } = checks
  files.set('c/inputs.bin', Uint8Array.from(inputs))
  files.set('c/expected.bin', Uint8Array.from(expected))
  const emulatedSamples = Math.min(count, Math.max(Math.floor(EMULATED_MACS / countMacs(graph)), 1))
  const { runs } = await verifyC({ files: sources, inputs, expected, samples: count, emulatedSamples })
  const failed = runs.filter((run) => run.failed).map(({ target, how }) => `c/model.c on ${target}: ${how}`)
  if (failed.length > 0) throw new OperationalError(failed.join('; '))
  const findings = runs.map(({ target, how, samples }) =>
    samples === 0
      ? `c/model.c on ${target}: ${how}`
      : `c/model.c on ${target}: the reference’s outputs bit for bit on ${samples} ${checks.kind} samples; ${how}`,
  )
  if (checks.original !== undefined)
    findings.push(
      `c/model.c, ${samplesText(checks)}: ${comparisonText(compareOutputs(checks.original, expected), ORIGINAL)}`,
    )
  return { files, findings, instructions }
}

/** By format, in the order in which they are written. */
export const WRITERS = {
  tflite: toTflite,
  'onnx-int8': toOnnx('model_int8.onnx', 'qdq'),
  'onnx-integer': toOnnx('model_integer.onnx', 'integer'),
  c: toC,
} as const satisfies Readonly<Record<string, (source: ConversionSource) => Promise<ConvertedFile>>>
