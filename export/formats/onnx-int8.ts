import { BIT_FOR_BIT, ONE_QUANTUM, type Tolerance } from '../compare-outputs.ts'
import { runInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { type OnnxArithmetic, writeQdqModel } from '../onnx-int8/write-model.ts'
import { preparationOf } from '../preparation.ts'
import { checkSamples } from '../quantise/check-samples.ts'
import { createRawReader } from '../raw-samples.ts'
import { checkedOutputs, notRun } from './check.ts'
import type { ArtefactCheck, ExportContext, ExportFormat } from './format.ts'

/** A normalised sample between two integers may be rounded the other way, and later layers make more of it. */
const PREPARED_IN_FLOAT: Tolerance = { share: 0.01, quanta: 8, samplesShare: 0.005 }
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
      const preparation = preparationOf(context.dataset)
      const model = writeQdqModel(context.int8!.network, { preparation, arithmetic })
      const bits = context.verify ? [await behindPreparation(file, arithmetic, context)] : []
      return {
        files: new Map([[file, model]]),
        checks: [
          context.verify ? await verified(file, model, context) : notRun(file, WHERE, 'not verified: --no-verify'),
          ...bits,
        ],
        instructions: `\`\`\`python
import numpy, onnxruntime
session = onnxruntime.InferenceSession("${file}")
samples = numpy.zeros((1, ${preparation.inputShape.join(', ')}), numpy.float32)  # raw values
print(session.run(None, {"input": samples})[0].argmax(axis=1))
\`\`\``,
      }
    },
  }
}

/** The file itself, on raw samples, which it prepares and rounds in float. */
async function verified(file: string, model: Uint8Array, { dataset, int8 }: ExportContext): Promise<ArtefactCheck> {
  const { network, testOutputs: expected } = int8!
  const { test } = dataset.splits
  const reader = createRawReader(dataset)
  const job = {
    model,
    samples: test.length,
    inputShape: dataset.inputShape,
    inputs: (start: number, end: number) => reader(test.subarray(start, end)),
    output: network.tensors[network.output]!.quantisation,
  }
  const samples = { count: test.length, expected }
  return checkedOutputs({ artefact: file, where: WHERE, tolerance: PREPARED_IN_FLOAT }, dataset, samples, () =>
    runInOnnxRuntime(job),
  )
}

/** What is allowed on the reference's own inputs. */
const ALLOWED: Readonly<Record<OnnxArithmetic, Tolerance>> = {
  integer: BIT_FOR_BIT,
  // Equal on x64; other processors multiply and add in another order.
  qdq: ONE_QUANTUM,
}

/** The network without the preparation of samples, on the reference's own int8 inputs. */
async function behindPreparation(
  file: string,
  arithmetic: OnnxArithmetic,
  { dataset, int8 }: ExportContext,
): Promise<ArtefactCheck> {
  const { network } = int8!
  const { inputs, expected, count } = checkSamples(dataset, int8!, COMPARED_SAMPLES)
  const { shape, quantisation } = network.tensors[network.input]!
  const size = inputs.length / count
  const { scale, zeroPoint } = quantisation
  const job = {
    model: writeQdqModel(network, { arithmetic }),
    samples: count,
    inputShape: shape,
    inputs: (start: number, end: number) =>
      Float32Array.from(inputs.subarray(start * size, end * size), (q) => scale * (q - zeroPoint)),
    output: network.tensors[network.output]!.quantisation,
  }
  const tolerance = ALLOWED[arithmetic]
  const where = `${WHERE}, on samples quantised beforehand`
  return checkedOutputs({ artefact: file, where, tolerance }, dataset, { count, expected }, () => runInOnnxRuntime(job))
}
