import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { inputShapeOf } from '../../evaluators/training/train.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { countRight } from '../count-right.ts'
import { runRealInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { normalisedInputs } from './input.ts'

/** Share of some samples that the float network classifies rightly, in ONNX Runtime. */
export async function floatAccuracy(
  graph: NetworkGraph,
  weights: Weights,
  dataset: Dataset,
  indices: Uint32Array,
  check: () => void,
): Promise<number> {
  const inputShape = inputShapeOf(graph)
  const outputs = await runRealInOnnxRuntime({
    model: buildInferenceGraph(graph, weights, { batch: 'batch' }),
    samples: indices.length,
    inputShape,
    inputs: (start, end) => normalisedInputs(dataset, inputShape, indices.subarray(start, end)),
    check,
  })
  return indices.length === 0 ? 0 : countRight(dataset, indices, outputs) / indices.length
}
