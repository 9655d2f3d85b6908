import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { rawTestSamples } from '../float-check.ts'
import { foldNetwork } from '../fold-network.ts'
import { runRealInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { preparationOf } from '../preparation.ts'
import { checkedFloat, notRun } from './check.ts'
import type { ExportContext, ExportFormat } from './format.ts'

const FILE = 'model_float16.onnx'
const WHERE = 'onnxruntime, this computer'

/**
 * The network in float16 between two Casts, reading raw samples as `model.onnx` does. Values and not only weights are
 * float16: that is what halves a GPU's memory traffic. Where a processor has no float16 kernel ONNX Runtime computes in
 * float32 between casts of its own. Of routed experts only the chosen ones run.
 */
export const onnxFloat16Format: ExportFormat = {
  id: 'onnx-float16',
  description: 'float16 ONNX that normalises by itself, for GPUs',
  needsInt8: false,
  families: ['gpu', 'cpu'],
  write: async (context) => {
    const preparation = preparationOf(context.dataset)
    const { graph, weights } = foldNetwork(context.graph, context.weights)
    const model = buildInferenceGraph(graph, weights, { batch: 'batch', preparation, float16: true, routed: true })
    const { check, report } = context.verify ? await verified(model, context) : UNVERIFIED
    return {
      files: new Map([[FILE, model]]),
      checks: [check],
      instructions: `\`\`\`python
import numpy, onnxruntime
providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
session = onnxruntime.InferenceSession("${FILE}", providers=providers)
samples = numpy.zeros((1, ${preparation.inputShape.join(', ')}), numpy.float32)  # raw values
print(session.run(None, {"input": samples})[0].argmax(axis=1))
\`\`\``,
      ...(report === undefined ? {} : { floatFile: report }),
    }
  },
}

const UNVERIFIED = { check: notRun(FILE, WHERE, 'not verified: --no-verify'), report: undefined }

async function verified(model: Uint8Array, context: ExportContext) {
  const samples = await rawTestSamples(context)
  const { inputShape } = context.dataset
  return checkedFloat(context, samples, { file: FILE, precision: 'float16', where: WHERE }, () =>
    runRealInOnnxRuntime({ model, samples: samples.count, inputShape, inputs: samples.values }),
  )
}
