import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { hasRouter, rawTestSamples } from '../float-check.ts'
import { runRealInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { preparationOf } from '../preparation.ts'
import { type VerifiedAccuracy, verifyOnnx } from '../verify.ts'
import { checked, checkedFloat, notRun } from './check.ts'
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
    const preparation = preparationOf(context.dataset)
    const model = buildInferenceGraph(context.graph, context.weights, { batch: 'batch', preparation, routed: true })
    const { accuracy, check } = context.verify ? await verified(model, context) : UNVERIFIED
    const routed = context.verify && hasRouter(context.graph) ? [await comparedWithAllExperts(model, context)] : []
    return {
      files: new Map([[FILE, model]]),
      checks: [check, ...routed],
      instructions: `\`\`\`python
import numpy, onnxruntime
session = onnxruntime.InferenceSession("${FILE}")
samples = numpy.zeros((1, ${preparation.inputShape.join(', ')}), numpy.float32)  # raw values
print(session.run(None, {"input": samples})[0].argmax(axis=1))
\`\`\``,
      ...(accuracy === undefined ? {} : { accuracy }),
    }
  },
}

interface Verified {
  /** Of the file, where it gives an answer to every sample. */
  readonly accuracy?: VerifiedAccuracy
  readonly check: ArtefactCheck
}

const UNVERIFIED: Verified = { check: notRun(FILE, WHERE, 'not verified: --no-verify') }

async function verified(model: Uint8Array, { dataset, trainedAccuracy }: ExportContext): Promise<Verified> {
  const found: { accuracy?: VerifiedAccuracy } = {}
  const allowed = `accuracy within ${100 * TOLERATED_DIFFERENCE} % of the samples`
  const check = await checked({ artefact: FILE, where: WHERE, allowed }, async () => {
    found.accuracy = await verifyOnnx(model, dataset, 'test')
    const { accuracy, correct, samples } = found.accuracy
    const trained = Math.round(trainedAccuracy * samples)
    return {
      ok: Math.abs(accuracy - trainedAccuracy) <= Math.max(TOLERATED_DIFFERENCE, 1 / samples),
      detail: `${correct} of ${samples} test samples (the trained network: ${trained})`,
    }
  })
  return { ...found, check }
}

/**
 * Samples that go to an expert are gathered and its results put back: the outputs must be those of running every expert on
 * every sample.
 */
async function comparedWithAllExperts(model: Uint8Array, context: ExportContext): Promise<ArtefactCheck> {
  const where = `${WHERE}, beside a file in which every expert runs`
  const samples = await rawTestSamples(context)
  const { inputShape } = context.dataset
  const { check } = await checkedFloat(context, samples, { file: FILE, precision: 'float32', where }, () =>
    runRealInOnnxRuntime({ model, samples: samples.count, inputShape, inputs: samples.values }),
  )
  return check
}
