import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import type { ExportJob } from '../../export/export-network.ts'
import { preparationOf } from '../../export/preparation.ts'
import { type VerifiedAccuracy, verifyOnnx } from '../../export/verify.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { hostilelyNamed } from './networks.ts'

/** A network, the data that it is for, and what the float network classifies of their test part. */
export interface Subject {
  readonly graph: NetworkGraph
  readonly weights: Weights
  readonly dataset: Dataset
  readonly float: VerifiedAccuracy
}

/** The first samples of each part. */
export const shortened = (dataset: Dataset, train: number, validation: number, test: number): Dataset => ({
  ...dataset,
  splits: {
    train: dataset.splits.train.subarray(0, train),
    validation: dataset.splits.validation.subarray(0, validation),
    test: dataset.splits.test.subarray(0, test),
  },
})

export async function subjectOf(graph: NetworkGraph, weights: Weights, dataset: Dataset): Promise<Subject> {
  const model = buildInferenceGraph(graph, weights, { batch: 'n', preparation: preparationOf(dataset) })
  return { graph, weights, dataset, float: await verifyOnnx(model, dataset, 'test') }
}

/** A small network, every node of which has a name that would like to be somewhere else. */
export function hostileNetwork(): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 8, { kernel: 3, stride: 2 })), 'hardSwish')
  const y = g.add(x, g.activation(g.batchNorm(g.conv2d(x, 8, { kernel: 3 })), 'relu6'))
  return hostilelyNamed(g.build(g.dense(g.globalAveragePool(y), 10)))
}

/**
 * An export for the STM32F446 that runs no file, into `out` of a folder of its own, `root`, which goes with the test.
 * @param changes what is otherwise; `formats` and `name` always are.
 */
export function exportJob(
  t: ExecutionContext,
  { graph, weights, dataset, float }: Subject,
  changes: Pick<ExportJob, 'formats' | 'name'> & Partial<ExportJob>,
  out = 'out',
): ExportJob & { readonly root: string } {
  const root = mkdtempSync(path.join(os.tmpdir(), 'frugal-export-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const record = { trial: 0, genome: [0], archId: archId(graph), costs: [], result: { ok: true, accuracy: 0.1 } }
  return {
    root,
    selection: { record: record as unknown as ExportJob['selection']['record'], rule: 'as asked' },
    command: 'frugal export 1',
    graph,
    space: { id: 'mobilenet', version: '1' },
    dataset,
    trained: { ok: true, weights, loss: 1, accuracy: { test: float.accuracy, validation: 0.1 } },
    training: { engine: 'none', epochs: 9, seed: 1, recipe: { ...DEFAULT_RECIPE }, epochsRun: 6, keptEpoch: 5 },
    costModel: createCostModel(loadProfile('stm32f446-tflm-cmsisnn')),
    verify: false,
    search: {
      trials: 1,
      failures: 0,
      cpuSeconds: 1,
      energy: { wattHours: 2, measuredWattHours: 1, basis: 'partly measured', sources: ['RAPL (package-0)'] },
      settings: {},
    },
    label: { periodSeconds: 10, gramsPerKwh: 250 },
    frugalVersion: '0',
    out: path.join(root, out),
    signal: new AbortController().signal,
    ...changes,
  }
}
