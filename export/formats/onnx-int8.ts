import { OperationalError } from '../../lib/errors.ts'
import { compareOutputs, comparisonText } from '../compare-outputs.ts'
import { runInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { type OnnxArithmetic, writeQdqModel } from '../onnx-int8/write-model.ts'
import { checkSamples, countCorrect } from '../quantise/check-samples.ts'
import { createRawReader } from '../raw-samples.ts'
import type { ArtefactCheck, ExportContext, ExportFormat } from './format.ts'

/** ONNX Runtime rounds exact halves by rules of its own: its accuracy may be off by at most this share of the samples. */
const TOLERATED_DIFFERENCE = 0.005
const WHERE = 'onnxruntime, this computer'
/** Integer operators are slow: so many samples are compared bit for bit. */
const COMPARED_SAMPLES = 1000

/** The int8 network as ONNX in QDQ form, reading raw samples as `model.onnx` does. */
export const onnxInt8Format = formatOf(
  'onnx-int8',
  'model_int8.onnx',
  'qdq',
  'int8 ONNX in QDQ form that normalises by itself',
)

/** The same in integer operators, which carry out the reference's arithmetic. */
export const onnxIntegerFormat = formatOf(
  'onnx-integer',
  'model_integer.onnx',
  'integer',
  'int8 ONNX of integer operators: the reference bit for bit, slower',
)

function formatOf(id: string, file: string, arithmetic: OnnxArithmetic, description: string): ExportFormat {
  return {
    id,
    description,
    needsInt8: true,
    write: async (context) => {
      const { inputShape, mean, standardDeviation, samples } = context.dataset
      const roundResized = !(samples instanceof Float32Array)
      const preparation = { inputShape, mean, standardDeviation, roundResized }
      const model = writeQdqModel(context.int8!.network, { preparation, arithmetic })
      const unverified = { artefact: file, where: WHERE, verified: false, detail: 'not verified: --no-verify' }
      const bits = context.verify && arithmetic === 'integer' ? [await bitForBit(file, context)] : []
      return {
        files: new Map([[file, model]]),
        checks: [context.verify ? await verified(file, model, context) : unverified, ...bits],
        instructions: `\`\`\`python
import numpy, onnxruntime
session = onnxruntime.InferenceSession("${file}")
samples = numpy.zeros((1, ${inputShape.join(', ')}), numpy.float32)  # raw values
print(session.run(None, {"input": samples})[0].argmax(axis=1))
\`\`\``,
      }
    },
  }
}

/** @throws OperationalError when the file classifies clearly more or fewer samples rightly than the reference. */
async function verified(file: string, model: Uint8Array, { dataset, int8 }: ExportContext): Promise<ArtefactCheck> {
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
    throw new OperationalError(`${file} on ${WHERE}: ${detail}: the file does not hold the quantised network`)
  }
  return { artefact: file, where: WHERE, verified: true, detail }
}

/**
 * The network without the preparation of samples, which rounds in float, on the reference's own int8 inputs.
 * @throws OperationalError when an output differs, by more than the quantum that a softmax in float may make.
 */
async function bitForBit(file: string, { dataset, int8 }: ExportContext): Promise<ArtefactCheck> {
  const { network } = int8!
  const { inputs, expected, count } = checkSamples(dataset, int8!, COMPARED_SAMPLES)
  const { shape, quantisation } = network.tensors[network.input]!
  const size = inputs.length / count
  const { scale, zeroPoint } = quantisation
  const outputs = await runInOnnxRuntime({
    model: writeQdqModel(network, { arithmetic: 'integer' }),
    samples: count,
    inputShape: shape,
    inputs: (start, end) =>
      Float32Array.from(inputs.subarray(start * size, end * size), (q) => scale * (q - zeroPoint)),
    output: network.tensors[network.output]!.quantisation,
  })
  const comparison = compareOutputs(expected, outputs)
  const detail = `${count} test samples quantised beforehand: ${comparisonText(comparison)}`
  const inFloat = network.kernels.some(({ kind }) => kind === 'softmax')
  if (comparison.differing > 0 && !inFloat) throw new OperationalError(`${file} on ${WHERE}: ${detail}`)
  return { artefact: file, where: `${WHERE}, behind the preparation of samples`, verified: true, detail }
}
