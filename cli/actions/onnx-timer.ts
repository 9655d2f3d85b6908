import { InferenceSession, Tensor } from 'onnxruntime-node'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { randomStream } from '../../lib/random.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'

const WARM_UP_RUNS = 3
const LEAST_RUNS = 9

/**
 * A run that lasts longer than a turn of the system's scheduler is interrupted each time while other programs wait: beyond
 * this its processor time counts where that is less. Windows counts that in steps of 16 ms.
 */
const INTERRUPTED_MS = 1
const COUNTS_FINELY = process.platform !== 'win32'

export interface RunTimes {
  readonly leastMs: number
  readonly medianMs: number
}

/** A network as an ONNX file of batch 1; times do not depend on the weights. */
export function onnxOf(graph: NetworkGraph, seed = 0): Uint8Array {
  const weights = initialWeights(graph, randomStream(seed, 'devices-bench-weights'))
  return buildInferenceGraph(graph, weights, { batch: 1, routed: true })
}

/** Processor time of this process since, all threads together. */
function processorMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

/** Runs an ONNX file of a network on one thread for about `budgetMs`. */
export async function timeOnnx(model: Uint8Array, graph: NetworkGraph, budgetMs: number): Promise<RunTimes> {
  const session = await InferenceSession.create(model, {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  })
  try {
    const shape = graph.nodes.find(({ op }) => op.kind === 'input')!.shape
    const input = new Tensor('float32', new Float32Array(sizeOf(shape)), [1, ...shape])
    const feeds = { [session.inputNames[0]!]: input }
    for (let i = 0; i < WARM_UP_RUNS; i++) await session.run(feeds)
    const times: number[] = []
    const start = performance.now()
    while (times.length < LEAST_RUNS || performance.now() - start < budgetMs) {
      const used = process.cpuUsage()
      const before = performance.now()
      await session.run(feeds)
      const ms = performance.now() - before
      times.push(ms > INTERRUPTED_MS && COUNTS_FINELY ? Math.min(ms, processorMs(used)) : ms)
    }
    times.sort((a, b) => a - b)
    return { leastMs: times[0]!, medianMs: times[Math.floor(times.length / 2)]! }
  } finally {
    await session.release()
  }
}
