import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { OperationalError } from '../../lib/errors.ts'
import { floatFileText, hasRouter, judgeFloatFile, rawTestSamples } from '../float-check.ts'
import { runRealInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { type VerifiedAccuracy, verifyOnnx } from '../verify.ts'
import type { ArtefactCheck, ExportContext, ExportFormat } from './format.ts'

/** Between the trained network and its file, at most this share of the test samples may be classified otherwise. */
const TOLERATED_DIFFERENCE = 0.002
const FILE = 'model.onnx'
const WHERE = 'onnxruntime, this computer'

/** The network in float32, reading raw samples. Of routed experts only the chosen ones run. */
export const onnxFormat: ExportFormat = {
  id: 'onnx',
  description: 'float32 ONNX that normalises by itself',
  needsInt8: false,
  write: async (context) => {
    const { inputShape, mean, standardDeviation, samples } = context.dataset
    const roundResized = !(samples instanceof Float32Array)
    const preparation = { inputShape, mean, standardDeviation, roundResized }
    const model = buildInferenceGraph(context.graph, context.weights, { batch: 'batch', preparation, routed: true })
    const accuracy = context.verify ? await verified(model, context) : undefined
    const routed = context.verify && hasRouter(context.graph) ? [await comparedWithAllExperts(model, context)] : []
    return {
      files: new Map([[FILE, model]]),
      checks: [checkOf(accuracy), ...routed],
      instructions: `\`\`\`python
import numpy, onnxruntime
session = onnxruntime.InferenceSession("${FILE}")
samples = numpy.zeros((1, ${inputShape.join(', ')}), numpy.float32)  # raw values
print(session.run(None, {"input": samples})[0].argmax(axis=1))
\`\`\``,
      ...(accuracy === undefined ? {} : { accuracy }),
    }
  },
}

async function verified(model: Uint8Array, context: ExportContext): Promise<VerifiedAccuracy> {
  const { dataset, trainedAccuracy } = context
  const accuracy = await verifyOnnx(model, dataset, 'test')
  const difference = Math.abs(accuracy.accuracy - trainedAccuracy)
  if (difference > Math.max(TOLERATED_DIFFERENCE, 1 / accuracy.samples)) {
    throw new OperationalError(
      `${FILE} has ${accuracy.accuracy} test accuracy, the trained network ${trainedAccuracy}: the file does not hold what was trained`,
    )
  }
  return accuracy
}

/**
 * Samples that go to an expert are gathered and its results put back: the outputs must be those of running every expert on
 * every sample. @throws OperationalError where they are not.
 */
async function comparedWithAllExperts(model: Uint8Array, context: ExportContext): Promise<ArtefactCheck> {
  const samples = await rawTestSamples(context)
  const { inputShape } = context.dataset
  const outputs = await runRealInOnnxRuntime({ model, samples: samples.count, inputShape, inputs: samples.values })
  const report = judgeFloatFile(context, samples, outputs, { file: FILE, precision: 'float32', where: WHERE })
  return {
    artefact: FILE,
    where: `${WHERE}, beside a file in which every expert runs`,
    verified: true,
    detail: floatFileText(report),
  }
}

function checkOf(accuracy: VerifiedAccuracy | undefined): ArtefactCheck {
  if (accuracy === undefined)
    return { artefact: FILE, where: WHERE, verified: false, detail: 'not verified: --no-verify' }
  const detail = `${accuracy.correct} of ${accuracy.samples} test samples, the accuracy of the trained network`
  return { artefact: FILE, where: WHERE, verified: true, detail }
}
