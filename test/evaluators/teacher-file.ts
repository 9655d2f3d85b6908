import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'

/** Writes a network as a model file that takes raw samples of a data set, as an export does. */
export function teacherFile(folder: string, dataset: Dataset, graph: NetworkGraph, weights: Weights): string {
  const { inputShape, mean, standardDeviation } = dataset
  const preparation = { inputShape, mean, standardDeviation, roundResized: true }
  const file = path.join(folder, `${archId(graph)}.onnx`)
  writeFileSync(file, buildInferenceGraph(graph, weights, { batch: 'batch', preparation }))
  return file
}
