import { InferenceSession, Tensor } from 'onnxruntime-node'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { quantiseValue } from '../../export/quantise/fixed-point.ts'
import { prepareQuantisation } from '../../export/quantise/quantise.ts'
import { createInterpreter } from '../../export/quantise/reference/interpreter.ts'
import type { QuantisedNetwork } from '../../export/quantise/types.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Shape, WeightRole, Weights } from '../../network/types.ts'

/** Weights of trained size: batch norms that do something, biases that are not 0. */
export function plausibleWeights(graph: NetworkGraph, seed: number): Weights {
  const random = randomStream(seed, 'weights')
  const draw: Readonly<Partial<Record<WeightRole, (fanIn: number) => number>>> = {
    kernel: (fanIn: number) => random.normal() * Math.sqrt(2 / fanIn),
    bias: () => 0.1 * random.normal(),
    gamma: () => 0.5 + random.float(),
    beta: () => 0.2 * random.normal(),
    movingMean: () => 0.2 * random.normal(),
    movingVariance: () => 0.5 + random.float(),
    constant: () => 0.1 * random.normal(),
  }
  return new Map(
    weightSpecs(graph).map(({ name, role, shape, fanIn }) => [
      name,
      Float32Array.from({ length: sizeOf(shape) }, () => draw[role]!(fanIn)),
    ]),
  )
}

function expertBody(shape: Shape, filters: number): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input(shape), filters, { kernel: 3 })), 'relu6')
  return g.build(g.batchNorm(g.conv2d(x, shape[2]!, {})))
}

const gatesOf = (g: GraphBuilder, x: string, experts: number): string =>
  g.activation(g.dense(g.globalAveragePool(x), experts), 'softmax')

/** Two of three experts with a residual, then one of four. */
function mixtures(g: GraphBuilder, x: string): string {
  const two = g.add(x, g.routedExperts(x, gatesOf(g, x, 3), 2, expertBody(g.shape(x), 6)))
  return g.routedExperts(two, gatesOf(g, two, 4), 1, expertBody(g.shape(two), 5))
}

/** Every op kind that is quantised, in most of the ways in which it can stand; experts only if wanted. */
export function everyKind(options: { readonly experts: boolean }): NetworkGraph {
  const g = new GraphBuilder()
  const stem = g.activation(g.batchNorm(g.conv2d(g.input([11, 9, 3]), 8, { kernel: 3, stride: 2 })), 'relu6')
  const deep = g.activation(g.batchNorm(g.depthwiseConv2d(stem, { kernel: 5 })), 'hardSwish')
  const squeezed = g.activation(g.conv2d(g.globalAveragePool(deep, true), 4, { bias: true }), 'relu')
  const excited = g.activation(g.conv2d(squeezed, 8, { bias: true }), 'hardSigmoid')
  const scaled = g.multiply(deep, excited)
  const sum = g.activation(g.add(stem, g.batchNorm(g.conv2d(scaled, 8, {}))), 'relu')
  const gated = g.multiply(sum, g.activation(sum, 'sigmoid'))
  const clipped = g.activation(gated, 'relu6')
  const three = g.node({ kind: 'add' }, gated, clipped, g.activation(sum, 'relu'))
  const window = { kernel: [3, 2], stride: [2, 2], padding: 'same' } as const
  const most = g.node({ kind: 'maxPool', ...window }, three)
  const mean = g.node({ kind: 'averagePool', ...window }, three)
  const joined = g.batchNorm(g.node({ kind: 'concat' }, most, mean))
  const narrow = g.conv2d(options.experts ? mixtures(g, joined) : joined, 6, {
    kernel: 2,
    padding: 'valid',
    bias: true,
  })
  const flat = g.node({ kind: 'reshape', shape: [sizeOf(g.shape(narrow))] }, narrow)
  return g.build(g.dense(g.activation(g.dense(flat, 12), 'relu'), 5))
}

/** A routed expert that routes to experts of its own. */
export function nestedExperts(): NetworkGraph {
  const shape: Shape = [4, 4, 4]
  const inner = new GraphBuilder()
  const entry = inner.input(shape)
  const body = inner.build(inner.routedExperts(entry, gatesOf(inner, entry, 2), 1, expertBody(shape, 4)))
  const g = new GraphBuilder()
  const x = g.activation(g.conv2d(g.input([8, 8, 2]), 4, { kernel: 3, stride: 2 }), 'relu')
  const routed = g.routedExperts(x, gatesOf(g, x, 3), 2, body)
  return g.build(g.activation(g.dense(g.globalAveragePool(routed), 4), 'softmax'))
}

/**
 * Two experts, of which one gives the negative of what the other gives: their sum is small, and what one adds does not fit
 * the int8 of the sum.
 */
export function opposedExperts(): { readonly graph: NetworkGraph; readonly weights: Weights } {
  const g = new GraphBuilder()
  const x = g.input([4, 8, 4])
  const body = new GraphBuilder()
  const graph = body.build(body.conv2d(body.input(g.shape(x)), 4, { bias: true }))
  const routed = g.routedExperts(x, gatesOf(g, x, 2), 2, graph)
  const network = g.build(routed)
  const weights = new Map(plausibleWeights(network, 1))
  for (const role of ['kernel', 'bias']) {
    const first = weights.get(`${routed}/0/${graph.output}/${role}`)!
    weights.set(
      `${routed}/1/${graph.output}/${role}`,
      first.map((value) => -value),
    )
  }
  return { graph: network, weights }
}

export interface QuantisedCase {
  readonly graph: NetworkGraph
  readonly weights: Weights
  readonly network: QuantisedNetwork
  /** Real inputs, the int8 inputs for them, and what the reference gives. */
  readonly real: Float32Array
  readonly inputs: Int8Array
  readonly outputs: Int8Array
  readonly count: number
}

/**
 * Quantises a network with plausible weights and runs the reference on random samples.
 * @param bits of the weights of all layers but the first and the last.
 */
export async function quantisedCase(
  graph: NetworkGraph,
  seed: number,
  count = 100,
  bits: 8 | 4 = 8,
  weights = plausibleWeights(graph, seed),
): Promise<QuantisedCase> {
  const { shape } = graph.nodes.find(({ op }) => op.kind === 'input')!
  const random = randomStream(seed, 'samples')
  const real = Float32Array.from({ length: count * sizeOf(shape) }, () => random.normal())
  const channels = shape.at(-1)!
  const normalisation = {
    mean: Array<number>(channels).fill(0),
    standardDeviation: Array<number>(channels).fill(1),
  }
  const { quantised, inner } = await prepareQuantisation({
    graph,
    weights,
    normalisation,
    sample: { inputs: real, count },
  })
  const network = quantised('minmax', bits === 4 ? inner : new Set())
  const inputs = Int8Array.from(real, (value) => quantiseValue(value, network.tensors[network.input]!.quantisation))
  const run = createInterpreter(network)
  const size = sizeOf(shape)
  const rows = Array.from({ length: count }, (_, i) => Int8Array.from(run(inputs.subarray(i * size, (i + 1) * size))))
  const outputs = Int8Array.from(rows.flatMap((row) => [...row]))
  return { graph, weights, network, real, inputs, outputs, count }
}

/** What the float network gives, by ONNX Runtime. */
export async function floatOutputs({ graph, weights, real, count }: QuantisedCase): Promise<Float32Array> {
  const { shape } = graph.nodes.find(({ op }) => op.kind === 'input')!
  const session = await InferenceSession.create(buildInferenceGraph(graph, weights, { batch: 'n' }))
  const { output } = await session.run({ input: new Tensor('float32', real, [count, ...shape]) })
  return output!.data as Float32Array
}

/** A name that would like to be somewhere else. */
export const EVIL = '../../escaped */ #error `|<b>é日本\\'

/** The same network, every node of which has such a name. */
export function hostilelyNamed({ nodes, output }: NetworkGraph): NetworkGraph {
  const rename = (id: string): string => `${EVIL}${id}`
  return {
    nodes: nodes.map((node) => ({ ...node, id: rename(node.id), inputs: node.inputs.map(rename) })),
    output: rename(output),
  }
}
