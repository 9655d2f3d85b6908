import { inputShapeOf } from '../../evaluators/training/train.ts'
import { type FloatSamples, preparedTestSamples } from '../float-check.ts'
import { findPythonLiteRt, PYTHON_LITERT_MISSING, runRealInPythonLiteRt } from '../litert/python-litert.ts'
import { findLiteRt, LITERT_MISSING } from '../litert/run-litert.ts'
import { runRealInLiteRt } from '../litert/verify-litert.ts'
import { rawText, resizingText } from '../preparation.ts'
import { writeFloatTflite } from '../tflite/float-model.ts'
import { checkedFloat, notRun } from './check.ts'
import type { ArtefactCheck, ExportContext, ExportFormat, FloatFileReport, FloatPrecision } from './format.ts'

/** The network as TFLite with float in and out and float16 kernels. */
export const tfliteFloat16Format = formatOf('float16', 'float TFLite with float16 weights, for GPUs and phones')

/** The same with float32 kernels. */
export const tfliteFloat32Format = formatOf('float32', 'float32 TFLite')

function formatOf(precision: FloatPrecision, description: string): ExportFormat {
  const file = `model_${precision}.tflite`
  return {
    id: `tflite-${precision}`,
    description,
    needsInt8: false,
    families: ['gpu', 'cpu'],
    write: async (context) => {
      const title = `${context.title}. ${inputMeaning(context)}`
      const model = writeFloatTflite(context.graph, context.weights, { description: title, precision })
      const runs = context.verify ? await verified(file, precision, model, context) : undefined
      const report = runs?.find((run) => run.report !== undefined)?.report
      return {
        files: new Map([[file, model]]),
        checks: runs?.map(({ check }) => check) ?? [notRun(file, 'anywhere', 'not verified: --no-verify')],
        instructions: instructions(file, context),
        ...(report === undefined ? {} : { floatFile: report }),
      }
    },
  }
}

interface Run {
  readonly check: ArtefactCheck
  readonly report?: FloatFileReport
}

async function verified(
  file: string,
  precision: FloatPrecision,
  model: Uint8Array,
  context: ExportContext,
): Promise<readonly Run[]> {
  const samples = await preparedTestSamples(context)
  const judged = (where: string, run: () => Promise<Float32Array>): Promise<Run> =>
    checkedFloat(context, samples, { file, precision, where }, run)
  const installation = findLiteRt()
  const width = samples.expected.length / samples.count
  const inWasm =
    installation === undefined
      ? { check: notRun(file, 'LiteRT', `not verified here: ${LITERT_MISSING}`) }
      : await judged(`LiteRT ${installation.version} (@litertjs/core, WebAssembly)`, () =>
          runRealInLiteRt(installation, model, samples, width),
        )
  const python = await findPythonLiteRt()
  const inPython =
    python === undefined
      ? { check: notRun(file, 'LiteRT in Python', `not verified here: ${PYTHON_LITERT_MISSING}`) }
      : await judged(`LiteRT ${python.version} (ai-edge-litert, Python)`, () =>
          runRealInPythonLiteRt(python, model, allOf(samples)),
        )
  return [inWasm, inPython]
}

const allOf = ({ values, count }: FloatSamples): Float32Array => values(0, count)

function inputMeaning({ graph, dataset }: ExportContext): string {
  const { mean, standardDeviation } = dataset
  const resizing = resizingText(dataset, inputShapeOf(graph))
  return (
    `Input: (raw - mean) / deviation for each channel, mean [${mean.join(', ')}], ` +
    `deviation [${standardDeviation.join(', ')}]${resizing && `, where raw is ${resizing}`}`
  )
}

function instructions(file: string, { graph, dataset }: ExportContext): string {
  const { mean, standardDeviation } = dataset
  const shape = inputShapeOf(graph)
  return `\`${file}\` has float32 in and out and reads normalised samples:

\`\`\`python
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter("${file}")
interpreter.allocate_tensors()
raw = numpy.zeros((1, ${shape.join(', ')}))  # ${rawText(dataset, resizingText(dataset, shape))}
real = (raw - ${JSON.stringify(mean)}) / ${JSON.stringify(standardDeviation)}
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], real.astype(numpy.float32))
interpreter.invoke()
print(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).argmax(axis=1))
\`\`\``
}
