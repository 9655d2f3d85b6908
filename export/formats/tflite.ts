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
/** LiteRT rounds exact halves by rules of its own: its accuracy may be off by at most this share of the samples. */
const TOLERATED_DIFFERENCE = 0.005

/** TFLM has kernels for int4, in software; vendors' runtimes take int8. Boards of the exported C run TFLM as well. */
const READS_INT4 = /^(TensorFlow Lite Micro|C exported)/

/** The int8 network as TFLite, with int8 in and out and with float in and out. */
export const tfliteFormat: ExportFormat = {
  id: 'tflite',
  description: 'int8 TFLite, for microcontrollers and NPUs',
  needsInt8: true,
  fourBitProblem: ({ family, runtime }) =>
    family === 'gpu' || family === 'cpu' || (family === 'cortex-m' && READS_INT4.test(runtime))
      ? undefined
      : `${runtime} takes no 4-bit weights in ${FILE}`,
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
  return [await onLiteRt(context, samples, float), await onPython(context, samples, int8)]
}

async function onLiteRt(context: ExportContext, samples: CheckSamples, float: Uint8Array): Promise<ArtefactCheck> {
  const installation = findLiteRt()
  if (installation === undefined) {
    return { artefact: FLOAT_FILE, where: 'LiteRT', verified: false, detail: `not verified here: ${LITERT_MISSING}` }
  }
  const outputs = await runInLiteRt(installation, float, context.int8!.network, samples.inputs)
  return judged(context, samples, outputs, FLOAT_FILE, `LiteRT ${installation.version} (@litertjs/core, WebAssembly)`)
}

/** The file with int8 in and out, which the package for Node does not take. */
async function onPython(context: ExportContext, samples: CheckSamples, file: Uint8Array): Promise<ArtefactCheck> {
  const python = await findPythonLiteRt()
  if (python === undefined) {
    const detail = `not verified here: ${PYTHON_LITERT_MISSING}`
    return { artefact: FILE, where: 'LiteRT in Python', verified: false, detail }
  }
  const outputs = await runInPythonLiteRt(python, file, samples.inputs)
  return judged(context, samples, outputs, FILE, `LiteRT ${python.version} (ai-edge-litert, Python)`)
}

/** @throws OperationalError when LiteRT classifies clearly more or fewer samples rightly than the reference. */
function judged(
  { dataset }: ExportContext,
  { count, expected }: CheckSamples,
  outputs: Int8Array,
  artefact: string,
  where: string,
): ArtefactCheck {
  const correct = countCorrect(dataset, outputs)
  const wanted = countCorrect(dataset, expected)
  const comparison = compareOutputs(expected, outputs)
  const beyond = withinTolerance(comparison) ? '' : ': more than one quantum on 0.1 %'
  const detail = `${correct} of ${count} test samples (integer reference: ${wanted}); ${comparisonText(comparison)}${beyond}`
  if (Math.abs(correct - wanted) > Math.max(TOLERATED_DIFFERENCE * count, 1)) {
    throw new OperationalError(`${artefact} on ${where}: ${detail}: the file does not hold the quantised network`)
  }
  return { artefact, where, verified: true, detail }
}

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
