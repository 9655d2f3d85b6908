import { ONE_QUANTUM, toleranceText } from '../compare-outputs.ts'
import { countRight } from '../count-right.ts'
import { referenceRoundedAs } from '../litert/int4-rounding.ts'
import { findPythonLiteRt, PYTHON_LITERT_MISSING, runInPythonLiteRt } from '../litert/python-litert.ts'
import { findLiteRt, LITERT_MISSING } from '../litert/run-litert.ts'
import { runInLiteRt } from '../litert/verify-litert.ts'
import { rawText, resizingText } from '../preparation.ts'
import { type CheckSamples, checkSamples } from '../quantise/check-samples.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'
import { fourBitLayers } from '../quantise/weight-bits.ts'
import { writeTflite } from '../tflite/write-model.ts'
import { type CheckedFile, checked, judgeOutputs, notRun } from './check.ts'
import type { ArtefactCheck, ExportContext, ExportFormat } from './format.ts'

const FILE = 'model.tflite'
const FLOAT_FILE = 'model_float_io.tflite'

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
    const resizing = resizingText(context.dataset, network.tensors[network.input]!.shape)
    const description = `${context.title}. ${inputMeaning(network, resizing)}`
    const int8 = writeTflite(network, { description, interface: 'int8' })
    const float = writeTflite(network, { description, interface: 'float32' })
    return {
      files: new Map([
        [FILE, int8],
        [FLOAT_FILE, float],
      ]),
      checks: context.verify
        ? await verified(context, int8, float)
        : [notRun(FILE, 'anywhere', 'not verified: --no-verify')],
      instructions: instructions(network, rawText(context.dataset, resizing)),
    }
  },
}

/** How a raw sample becomes the input, in one line. */
function inputMeaning({ normalisation, tensors, input }: QuantisedNetwork, resizing: string): string {
  const { scale, zeroPoint } = tensors[input]!.quantisation
  const { mean, standardDeviation } = normalisation
  return (
    `Input: q = round(real / ${scale}) + ${zeroPoint}, kept within -128 and 127, where real = (raw - mean) / deviation ` +
    `for each channel, mean [${mean.join(', ')}], deviation [${standardDeviation.join(', ')}]${resizing && `, and raw is ${resizing}`}`
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
  if (installation === undefined) return notRun(FLOAT_FILE, 'LiteRT', `not verified here: ${LITERT_MISSING}`)
  const where = `LiteRT ${installation.version} (@litertjs/core, WebAssembly)`
  return checkedInLiteRt(context, samples, { artefact: FLOAT_FILE, where }, () =>
    runInLiteRt(installation, float, context.int8!.network, samples.inputs),
  )
}

/** The file with int8 in and out, which the package for Node does not take. */
async function onPython(context: ExportContext, samples: CheckSamples, model: Uint8Array): Promise<ArtefactCheck> {
  const python = await findPythonLiteRt()
  if (python === undefined) return notRun(FILE, 'LiteRT in Python', `not verified here: ${PYTHON_LITERT_MISSING}`)
  const where = `LiteRT ${python.version} (ai-edge-litert, Python)`
  return checkedInLiteRt(context, samples, { artefact: FILE, where }, () =>
    runInPythonLiteRt(python, model, samples.inputs),
  )
}

/**
 * Compares with the reference; with 4-bit weights, whose sums LiteRT rounds by its own rules, with the reference that
 * rounds these as LiteRT does.
 */
async function checkedInLiteRt(
  { dataset, int8 }: ExportContext,
  samples: CheckSamples,
  file: CheckedFile,
  run: () => Promise<Int8Array>,
): Promise<ArtefactCheck> {
  const { network } = int8!
  const fourBits = fourBitLayers(network).length > 0
  const allowed =
    toleranceText(ONE_QUANTUM) + (fourBits ? ', of the reference with 4-bit sums rounded as LiteRT does' : '')
  return checked({ ...file, allowed }, async () => {
    const outputs = await run()
    if (!fourBits) return judgeOutputs(dataset, samples, outputs, ONE_QUANTUM)
    const { expected, roundedTwice } = await referenceRoundedAs(outputs, network, dataset, samples)
    const judgement = judgeOutputs(dataset, { ...samples, expected }, outputs, ONE_QUANTUM)
    if (roundedTwice === undefined) return judgement
    const rounding = `the reference that rounds 4-bit sums of ${roundedTwice.kinds.join(' and ')} twice, as LiteRT does here`
    const plain = `the reference itself: ${countRight(dataset, dataset.splits.test, samples.expected)}`
    return { ...judgement, detail: `${judgement.detail}; that is ${rounding} (${plain})` }
  })
}

function instructions({ normalisation, tensors, input, output }: QuantisedNetwork, raw: string): string {
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
raw = numpy.zeros((1, ${tensors[input]!.shape.join(', ')}))  # ${raw}
real = (raw - ${JSON.stringify(mean)}) / ${JSON.stringify(standardDeviation)}
q = numpy.clip(numpy.round(real / ${entry.scale}) + ${entry.zeroPoint}, -128, 127).astype(numpy.int8)
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], q)
interpreter.invoke()
q = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
print(${result.scale} * (q - ${result.zeroPoint < 0 ? `(${result.zeroPoint})` : result.zeroPoint}))
\`\`\``
}
