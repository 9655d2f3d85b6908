import { OperationalError } from '../../lib/errors.ts'
import { compareOutputs, comparisonText } from '../compare-outputs.ts'
import { runInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { writeQdqModel } from '../onnx-int8/write-model.ts'
import { countCorrect } from '../quantise/check-samples.ts'
import { createRawReader } from '../raw-samples.ts'
import type { ArtefactCheck, ExportContext, ExportFormat } from './format.ts'

const FILE = 'model_int8.onnx'
/** ONNX Runtime rounds exact halves by rules of its own: its accuracy may be off by at most this share of the samples. */
const TOLERATED_DIFFERENCE = 0.005
const WHERE = 'onnxruntime, this computer'

/** The int8 network as ONNX in QDQ form, reading raw samples as `model.onnx` does. */
export const onnxInt8Format: ExportFormat = {
  id: 'onnx-int8',
  description: 'int8 ONNX in QDQ form that normalises by itself',
  needsInt8: true,
  write: async (context) => {
    const { inputShape, mean, standardDeviation, samples } = context.dataset
    const roundResized = !(samples instanceof Float32Array)
    const preparation = { inputShape, mean, standardDeviation, roundResized }
    const model = writeQdqModel(context.int8!.network, { preparation })
    return {
      files: new Map([[FILE, model]]),
      checks: [context.verify ? await verified(model, context) : unverified()],
      instructions: `\`\`\`python
import numpy, onnxruntime
session = onnxruntime.InferenceSession("${FILE}")
samples = numpy.zeros((1, ${inputShape.join(', ')}), numpy.float32)  # raw values
print(session.run(None, {"input": samples})[0].argmax(axis=1))
\`\`\``,
    }
  },
}

const unverified = (): ArtefactCheck => ({
  artefact: FILE,
  where: WHERE,
  verified: false,
  detail: 'not verified: --no-verify',
})

/** @throws OperationalError when the file classifies clearly more or fewer samples rightly than the reference. */
async function verified(model: Uint8Array, { dataset, int8 }: ExportContext): Promise<ArtefactCheck> {
  const { network, testOutputs } = int8!
  const { test } = dataset.splits
  const reader = createRawReader(dataset)
  const outputs = await runInOnnxRuntime({
    model,
    samples: test.length,
    inputShape: dataset.inputShape,
    inputs: (start, end) => reader(test.subarray(start, end)),
    output: network.tensors[network.output]!.quantisation,
  })
  const correct = countCorrect(dataset, outputs)
  const expected = countCorrect(dataset, testOutputs)
  const comparison = comparisonText(compareOutputs(testOutputs, outputs))
  const detail = `${correct} of ${test.length} test samples (integer reference: ${expected}); ${comparison}`
  if (Math.abs(correct - expected) > Math.max(TOLERATED_DIFFERENCE * test.length, 1)) {
    throw new OperationalError(`${FILE} on ${WHERE}: ${detail}: the file does not hold the quantised network`)
  }
  return { artefact: FILE, where: WHERE, verified: true, detail }
}
