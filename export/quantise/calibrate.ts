import { InferenceSession, Tensor } from 'onnxruntime-node'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import type { NetworkGraph, OpOf, Weights } from '../../network/types.ts'
import type { Level } from './lowering.ts'
import { RangeObserver } from './range-observer.ts'
import type { CalibrationMethod } from './types.ts'

/** Least and greatest value that each tensor takes, by path: `<nodeId>`, in experts `<nodeId>/<expert>/<bodyNodeId>`. */
export type Ranges = (path: string) => readonly [number, number]

export interface CalibrationSample {
  /** Normalised, `[count, …shape of the network's input]`. */
  readonly inputs: Float32Array
  readonly count: number
}

const BATCH = 32

/**
 * Runs the float network on some samples and notes the range of every tensor that the int8 kernels write. Tensors inside
 * an expert are looked at on the samples routed to it; on all of them when there are none.
 */
export async function calibrate(
  graph: NetworkGraph,
  level: Level,
  weights: Weights,
  sample: CalibrationSample,
): Promise<Readonly<Record<CalibrationMethod, Ranges>>> {
  const paths = observedPaths(level, '')
  const model = buildInferenceGraph(graph, weights, { batch: 'batch', observed: new Set(paths) })
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 })
  const routed = new RangeObserver()
  const everyone = new RangeObserver()
  const inputPath = level.tensors[level.input]!.holds
  try {
    for (const pass of ['extremes', 'histogram'] as const) {
      await forEachBatch(session, graph, sample, (inputs, outputs, count) => {
        const note = (observer: RangeObserver) => (path: string, rows: readonly number[]) =>
          observer[pass](path, outputs(path), count, rows)
        const all = Array.from({ length: count }, (_, i) => i)
        routed[pass](inputPath, inputs, count, all)
        visit(level, '', all, outputs, count, note(routed), true)
        visit(level, '', all, outputs, count, note(everyone), false)
      })
    }
  } finally {
    await session.release()
  }
  const choose = (path: string): RangeObserver => (routed.has(path) ? routed : everyone)
  return {
    minmax: (path) => choose(path).extremesOf(path),
    percentile: (path) => choose(path).percentilesOf(path),
  }
}

function observedPaths(level: Level, prefix: string): string[] {
  const own = level.tensors.filter((_, index) => index !== level.input).map(({ holds }) => prefix + holds)
  const inner = level.kernels.flatMap(({ node, body }) =>
    body === undefined
      ? []
      : Array.from({ length: (node.op as OpOf<'routedExperts'>).experts }, (_, expert) =>
          observedPaths(body, `${prefix}${node.id}/${expert}/`),
        ).flat(),
  )
  return [...own, ...inner]
}

type Outputs = (path: string) => Float32Array

async function forEachBatch(
  session: InferenceSession,
  graph: NetworkGraph,
  { inputs, count }: CalibrationSample,
  look: (inputs: Float32Array, outputs: Outputs, count: number) => void,
): Promise<void> {
  const { shape } = graph.nodes.find(({ op }) => op.kind === 'input')!
  const size = inputs.length / count
  for (let start = 0; start < count; start += BATCH) {
    const rows = Math.min(BATCH, count - start)
    const part = inputs.subarray(start * size, (start + rows) * size)
    const results = await session.run({ input: new Tensor('float32', part, [rows, ...shape]) })
    look(part, (path) => results[`node:${path}`]!.data as Float32Array, rows)
  }
}

/** Notes the tensors of a level on some of the batch's rows, and those of experts on the rows that are routed to them. */
function visit(
  level: Level,
  prefix: string,
  rows: readonly number[],
  outputs: Outputs,
  count: number,
  note: (path: string, rows: readonly number[]) => void,
  route: boolean,
): void {
  for (const [index, { holds }] of level.tensors.entries()) if (index !== level.input) note(prefix + holds, rows)
  for (const { node, body, inputs } of level.kernels) {
    if (body === undefined) continue
    const { experts, topK } = node.op as OpOf<'routedExperts'>
    const gates = outputs(prefix + level.tensors[inputs[1]!]!.holds)
    for (let expert = 0; expert < experts; expert++) {
      const mine = route
        ? rows.filter((row) => isRouted(gates.subarray(row * experts, (row + 1) * experts), expert, topK))
        : rows
      visit(body, `${prefix}${node.id}/${expert}/`, mine, outputs, count, note, route)
    }
  }
}

/** Whether an expert is among the `topK` largest gates; of equal ones the lower index is. */
function isRouted(gates: Float32Array, expert: number, topK: number): boolean {
  const own = gates[expert]!
  const before = gates.reduce((n, gate, i) => n + (gate > own || (gate === own && i < expert) ? 1 : 0), 0)
  return before < topK
}
