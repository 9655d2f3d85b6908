import test, { type ExecutionContext } from 'ava'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { channelsOf } from '../../export/prune/channels.ts'
import { keptCount, pruneNetwork } from '../../export/prune/prune.ts'
import { quantiseNetwork } from '../../export/quantise/quantise.ts'
import { randomStream } from '../../lib/random.ts'
import { countMacs, countParams, weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { everyKind, nestedExperts, plausibleWeights } from './networks.ts'

const inputOf = (graph: NetworkGraph) => graph.nodes.find(({ op }) => op.kind === 'input')!.shape

async function outputs(graph: NetworkGraph, weights: Weights, count = 4): Promise<Float32Array> {
  const shape = inputOf(graph)
  const stream = randomStream(7, 'samples')
  const inputs = Float32Array.from({ length: count * sizeOf(shape) }, () => stream.normal())
  const session = await InferenceSession.create(buildInferenceGraph(graph, weights, { batch: 'n' }))
  const { output } = await session.run({ input: new Tensor('float32', inputs, [count, ...shape]) })
  return output!.data as Float32Array
}

/** Every weight is there with the size that the network wants, and the network runs. */
async function isWhole(t: ExecutionContext, graph: NetworkGraph, weights: Weights): Promise<void> {
  t.deepEqual(
    [...weights.keys()].sort(),
    weightSpecs(graph)
      .map(({ name }) => name)
      .sort(),
  )
  for (const { name, shape } of weightSpecs(graph)) t.is(weights.get(name)!.length, sizeOf(shape), name)
  t.true((await outputs(graph, weights)).every(Number.isFinite))
}

/**
 * Weights under which a share of the channels carries nothing: every filter that writes them is 0, and no batch norm moves
 * a 0, so that taking them away must leave the outputs as they are.
 */
function withSilentChannels(graph: NetworkGraph, sparsity: number): Weights {
  const weights = new Map([...plausibleWeights(graph, 3)].map(([name, values]) => [name, values.slice()]))
  const channels = channelsOf(graph)
  const filters = new Map<string, number>()
  /** The last channels of what their first writer writes. */
  const isSilent = (path: string, position: number): boolean => {
    const { fixed, writers } = channels.channelOf(path, position)
    const [writer, index] = (writers[0] ?? ':').split(':') as [string, string]
    return !fixed && Number(index) >= keptCount(filters.get(writer)!, sparsity)
  }
  const silence = (body: NetworkGraph, path: string, prefixes: readonly string[]): void => {
    for (const { id, shape } of body.nodes) filters.set(`${path}${id}`, shape.at(-1)!)
    for (const { id, op, shape } of body.nodes) {
      if (op.kind === 'routedExperts') {
        const inner = prefixes.flatMap((prefix) =>
          Array.from({ length: op.experts }, (_, expert) => `${prefix}${id}/${expert}/`),
        )
        silence(op.body, `${path}${id}/`, inner)
      }
      const count = shape.at(-1)!
      for (const name of prefixes.flatMap((prefix) =>
        ['kernel', 'bias', 'beta', 'movingMean'].map((role) => `${prefix}${id}/${role}`),
      )) {
        const values = weights.get(name)
        if (values === undefined) continue
        const size = values.length / count
        for (let i = 0; i < count; i++) if (isSilent(`${path}${id}`, i)) values.fill(0, i * size, (i + 1) * size)
      }
    }
  }
  silence(graph, '', [''])
  return weights
}

const NETWORKS = [
  ['every kind', everyKind({ experts: false })],
  ['every kind and experts', everyKind({ experts: true })],
  ['nested experts', nestedExperts()],
] as const

for (const [name, graph] of NETWORKS) {
  test(`${name}: a pruned network is whole, smaller, and can be quantised`, async (t) => {
    const weights = plausibleWeights(graph, 1)
    const pruned = pruneNetwork(graph, weights, 0.5)
    await isWhole(t, pruned.graph, pruned.weights)
    t.true(pruned.channelsAfter < pruned.channelsBefore)
    t.true(countParams(pruned.graph) < 0.6 * countParams(graph))
    t.true(countMacs(pruned.graph) < 0.7 * countMacs(graph))
    t.deepEqual(pruned.graph.nodes.at(-1)!.shape, graph.nodes.at(-1)!.shape)
    t.deepEqual(inputOf(pruned.graph), inputOf(graph))
    const shape = inputOf(graph)
    const channels = shape.at(-1)!
    await t.notThrowsAsync(
      quantiseNetwork({
        graph: pruned.graph,
        weights: pruned.weights,
        normalisation: { mean: Array(channels).fill(0), standardDeviation: Array(channels).fill(1) },
        sample: { inputs: new Float32Array(2 * sizeOf(shape)).fill(0.5), count: 2 },
      }),
    )
  })

  test(`${name}: channels that carry nothing go first, and nothing is lost with them`, async (t) => {
    const weights = withSilentChannels(graph, 0.5)
    const pruned = pruneNetwork(graph, weights, 0.5)
    const [before, after] = [await outputs(graph, weights), await outputs(pruned.graph, pruned.weights)]
    const largest = Math.max(...before.map(Math.abs))
    for (const [i, value] of before.entries()) {
      t.true(Math.abs(value - after[i]!) <= 1e-4 * largest, `${i}: ${value} and ${after[i]}`)
    }
  })
}

test('random networks of both spaces are pruned to about the share asked for', async (t) => {
  const task = { inputShape: [28, 28, 1], classCount: 10 }
  for (const id of ['mobilenet', 'moe']) {
    const space = await loadSpace(id)
    const stream = randomStream(1, 'prune', id)
    const operations = geneOperations(space.genes(task))
    for (let i = 0; i < 6; i++) {
      const graph = space.decode(operations.sample(stream), task)
      const pruned = pruneNetwork(graph, plausibleWeights(graph, i), 0.3)
      await isWhole(t, pruned.graph, pruned.weights)
      const share = pruned.channelsAfter / pruned.channelsBefore
      t.true(share > 0.6 && share < 0.8, `${id}: ${share}`)
      t.true(countMacs(pruned.graph) < 0.75 * countMacs(graph))
    }
  }
})

test('nothing is pruned at 0, and counts stay multiples of four', (t) => {
  const graph = everyKind({ experts: true })
  const weights = plausibleWeights(graph, 1)
  const same = pruneNetwork(graph, weights, 0)
  t.deepEqual(
    same.graph.nodes.map(({ shape }) => shape),
    graph.nodes.map(({ shape }) => shape),
  )
  t.deepEqual(new Map([...same.weights].sort()), new Map([...weights].sort()))
  t.deepEqual(
    [8, 16, 24, 96, 6, 1].map((count) => keptCount(count, 0.3)),
    [4, 12, 16, 68, 4, 1],
  )
})
