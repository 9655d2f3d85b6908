import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { inputShapeOf } from '../../evaluators/training/train.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { runRealInOnnxRuntime } from '../onnx-int8/run-model.ts'
import { normalisedInputs } from './input.ts'

/** Share of some samples that the float network classifies rightly, in ONNX Runtime; of equal outputs the first counts. */
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
  const classes = dataset.classNames.length
  let correct = 0
  for (const [i, index] of indices.entries()) {
    const scores = outputs.subarray(i * classes, (i + 1) * classes)
    if (scores.indexOf(Math.max(...scores)) === dataset.labels[index]) correct++
  }
  return indices.length === 0 ? 0 : correct / indices.length
}
