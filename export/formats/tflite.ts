import { OperationalError } from '../../lib/errors.ts'
import { compareOutputs, comparisonText, withinTolerance } from '../compare-outputs.ts'
import { findPythonLiteRt, PYTHON_LITERT_MISSING, runInPythonLiteRt } from '../litert/python-litert.ts'
import { findLiteRt, LITERT_MISSING } from '../litert/run-litert.ts'
import { runInLiteRt } from '../litert/verify-litert.ts'
import { type CheckSamples, checkSamples, countCorrect } from '../quantise/check-samples.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'
import { writeTflite } from '../tflite/write-model.ts'
import type { ArtefactCheck, ExportContext, ExportFormat } from './format.ts'

const FILE = 'model.tflite'
const FLOAT_FILE = 'model_float_io.tflite'
/** Of LiteRT's fast kernels, which round by rules of their own, at most this share of the samples may differ in class. */
const TOLERATED_DIFFERENCE = 0.005
/** The reference kernels are slow: they run on the first of the test samples. */
const REFERENCE_SAMPLES = 1000

/** The int8 network as TFLite, with int8 in and out and with float in and out. */
export const tfliteFormat: ExportFormat = {
  id: 'tflite',
  description: 'int8 TFLite, for microcontrollers and NPUs',
  needsInt8: true,
  write: async (context) => {
    const { network } = context.int8!
    const description = `${context.title}. ${inputMeaning(network)}`
    const int8 = writeTflite(network, { description, interface: 'int8' })
    const float = writeTflite(network, { description, interface: 'float32' })
    return {
      files: new Map([
        [FILE, int8],
        [FLOAT_FILE, float],
      ]),
      checks: context.verify
        ? await verified(context, int8, float)
        : [{ artefact: FILE, where: 'anywhere', verified: false, detail: 'not verified: --no-verify' }],
      instructions: instructions(network),
    }
  },
}

/** How a raw sample becomes the input, in one line. */
function inputMeaning({ normalisation, tensors, input }: QuantisedNetwork): string {
  const { scale, zeroPoint } = tensors[input]!.quantisation
  const { mean, standardDeviation } = normalisation
  return (
    `Input: q = round(real / ${scale}) + ${zeroPoint}, kept within -128 and 127, where real = (raw - mean) / deviation ` +
    `for each channel, mean [${mean.join(', ')}], deviation [${standardDeviation.join(', ')}]`
  )
}

async function verified(
  context: ExportContext,
  int8: Uint8Array,
  float: Uint8Array,
): Promise<readonly ArtefactCheck[]> {
  const samples = checkSamples(context.dataset, context.int8!)
  return [await onLiteRt(context, samples, float), await onReferenceKernels(context, samples, int8)]
}

async function onLiteRt(context: ExportContext, samples: CheckSamples, float: Uint8Array): Promise<ArtefactCheck> {
  const installation = findLiteRt()
  const artefact = FLOAT_FILE
  if (installation === undefined) {
    return { artefact, where: 'LiteRT', verified: false, detail: `not verified here: ${LITERT_MISSING}` }
  }
  const { dataset, int8 } = context
  const outputs = await runInLiteRt(installation, float, int8!.network, samples.inputs)
  const correct = countCorrect(dataset, outputs)
  const expected = countCorrect(dataset, samples.expected)
  if (Math.abs(correct - expected) > Math.max(TOLERATED_DIFFERENCE * samples.count, 1)) {
    throw new OperationalError(
      `${artefact} classifies ${correct} of ${samples.count} test samples rightly in LiteRT, the integer reference ${expected}: the file does not hold the quantised network`,
    )
  }
  const comparison = comparisonText(compareOutputs(samples.expected, outputs))
  const where = `LiteRT ${installation.version} (@litertjs/core, XNNPACK)`
  const detail = `${correct} of ${samples.count} test samples (integer reference: ${expected}); ${comparison}`
  return { artefact, where, verified: true, detail }
}

async function onReferenceKernels(
  { int8 }: ExportContext,
  samples: CheckSamples,
  file: Uint8Array,
): Promise<ArtefactCheck> {
  const artefact = FILE
  const python = await findPythonLiteRt()
  if (python === undefined) {
    const detail = `not verified here: ${PYTHON_LITERT_MISSING}`
    return { artefact, where: 'TFLite’s reference kernels', verified: false, detail }
  }
  const count = Math.min(REFERENCE_SAMPLES, samples.count)
  const part = (values: Int8Array): Int8Array => values.subarray(0, (values.length / samples.count) * count)
  const outputs = await runInPythonLiteRt(python, file, part(samples.inputs))
  const comparison = compareOutputs(part(samples.expected), outputs)
  const where = `TFLite’s reference kernels (ai-edge-litert ${python.version})`
  const exact = withinTolerance(comparison) || !hasExactKernels(int8!.network)
  if (!exact) throw new OperationalError(`${artefact} on ${where}: ${comparisonText(comparison)}`)
  return { artefact, where, verified: true, detail: `${count} test samples: ${comparisonText(comparison)}` }
}

/** Networks of which TFLite's reference kernels compute every tensor as ours do; docs/export.md lists the others. */
const hasExactKernels = ({ kernels }: QuantisedNetwork): boolean =>
  kernels.every(
    (kernel) =>
      kernel.kind !== 'routedExperts' &&
      !(kernel.kind === 'add' && kernel.inputs.length > 2) &&
      !(kernel.kind === 'lookup' && kernel.activation === 'sigmoid'),
  )

function instructions({ normalisation, tensors, input, output }: QuantisedNetwork): string {
  const entry = tensors[input]!.quantisation
  const result = tensors[output]!.quantisation
  const { mean, standardDeviation } = normalisation
  return `\`${FILE}\` has int8 in and out; \`${FLOAT_FILE}\` is the same network behind a QUANTIZE and before a DEQUANTIZE, and reads
normalised samples. Neither normalises by itself:

\`\`\`python
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter("${FILE}")
interpreter.allocate_tensors()
raw = numpy.zeros((1, ${tensors[input]!.shape.join(', ')}))  # values as the data set holds them
real = (raw - ${JSON.stringify(mean)}) / ${JSON.stringify(standardDeviation)}
q = numpy.clip(numpy.round(real / ${entry.scale}) + ${entry.zeroPoint}, -128, 127).astype(numpy.int8)
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], q)
interpreter.invoke()
q = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
print(${result.scale} * (q - ${result.zeroPoint < 0 ? `(${result.zeroPoint})` : result.zeroPoint}))
\`\`\``
}
