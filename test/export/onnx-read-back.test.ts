import test from 'ava'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { type OnnxArithmetic, writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs } from '../../network/measure.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { everyKind, nestedExperts, plausibleWeights, quantisedCase } from './networks.ts'

const MODELS = ['stm32f446-tflm-cmsisnn', 'stm32h747-xcubeai10', 'stm32n6-neuralart', 'titan-rtx', 'h100'].map((id) =>
  createCostModel(loadProfile(id)),
)
const ARITHMETICS: readonly OnnxArithmetic[] = ['qdq', 'integer']
const kernels = (graph: NetworkGraph): readonly string[] => scheduleOf(graph).kernels.map(({ kind }) => kind)

/** A network in int8 as `frugal export` writes it, read again, in both arithmetics. */
async function readBack(graph: NetworkGraph, bits: 8 | 4 = 8) {
  const { network } = await quantisedCase(graph, 3, 2, bits)
  const inputShape = graph.nodes[0]!.shape
  const channels = Array<number>(inputShape.at(-1)!).fill(2)
  const preparation = { inputShape, mean: channels, standardDeviation: channels, roundResized: true }
  return ARITHMETICS.map((arithmetic) => ({
    arithmetic,
    ...importOnnx(writeQdqModel(network, { arithmetic, preparation })),
  }))
}

async function sampled(space: string, count: number, seed: number): Promise<readonly NetworkGraph[]> {
  const { decode, genes } = await loadSpace(space)
  const task = { inputShape: [16, 16, 3], classCount: 4 }
  const operations = geneOperations(genes(task))
  const random = randomStream(seed, 'read back')
  return Array.from({ length: count }, () => decode(operations.sample(random), task))
}

test('int8 files cost what architecture.json does on every device, experts that run as routed included', async (t) => {
  const graphs = [...(await sampled('mobilenet', 1, 1)), ...(await sampled('moe', 2, 5))]
  t.true(graphs.some(({ nodes }) => nodes.some(({ op }) => op.kind === 'routedExperts')))
  for (const graph of graphs) {
    for (const { arithmetic, graph: again, dataType, routing } of await readBack(graph)) {
      t.is(dataType, 'uint8', 'of the first weights')
      t.is(routing, undefined)
      t.is(countMacs(again), countMacs(graph))
      t.deepEqual(kernels(again), kernels(graph))
      for (const model of MODELS)
        t.deepEqual(model.price(again), model.price(graph), `${model.profile.id} ${arithmetic}`)
    }
  }
})

/**
 * Kernels as int8 has them: a batch norm that stands alone is a filter of one pixel, operands of a join are brought to one
 * scale, and a sum of three is two sums.
 */
const inInt8 = (kinds: readonly string[]): readonly string[] =>
  kinds
    .filter((kind) => kind !== 'quantize' && kind !== 'add')
    .map((kind) => (kind === 'batchNorm' ? 'depthwiseConv2d' : kind))

test('every kind, nested experts and 4-bit weights read back', async (t) => {
  for (const [graph, bits] of [
    [everyKind({ experts: true }), 4],
    [nestedExperts(), 8],
  ] as const) {
    for (const { arithmetic, graph: again } of await readBack(graph, bits)) {
      t.deepEqual(inInt8(kernels(again)), inInt8(kernels(graph)), `${arithmetic}, ${bits} bits`)
    }
  }
})

test('a gate from a dense layer, and a single expert, read back in float and int8', async (t) => {
  const g = new GraphBuilder()
  const x = g.conv2d(g.input([6, 8, 3]), 4)
  const gated = g.multiply(x, g.activation(g.dense(g.globalAveragePool(x), 4), 'sigmoid'))
  const body = new GraphBuilder()
  const expert = body.build(body.conv2d(body.input(g.shape(gated)), 5, { kernel: 3 }))
  const gate = g.activation(g.dense(g.globalAveragePool(gated), 1), 'softmax')
  const routed = g.routedExperts(gated, gate, 1, expert)
  const graph = g.build(g.dense(g.globalAveragePool(routed), 3))
  const float = importOnnx(buildInferenceGraph(graph, plausibleWeights(graph, 1), { batch: 1, routed: true })).graph
  for (const again of [float, ...(await readBack(graph)).map((read) => read.graph)]) {
    t.is(countMacs(again), countMacs(graph) - sizeOf([6, 8, 5]), 'the product with the gate is a kernel of its own')
    t.deepEqual(
      kernels(again),
      kernels(graph).map((kind) => (kind === 'expertCombine' ? 'elementwise' : kind)),
    )
  }
})
