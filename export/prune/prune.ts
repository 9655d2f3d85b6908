import { buildGraph } from '../../network/build.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import { trainableOp } from '../../network/trainable.ts'
import type { NetworkGraph, NetworkNode, Op, Weights } from '../../network/types.ts'
import { type Channel, type ChannelMap, channelsOf } from './channels.ts'
import { channelScores } from './scores.ts'

export interface PrunedNetwork {
  readonly graph: NetworkGraph
  readonly weights: Weights
  /** Channels that could be taken away, and how many of them are left. */
  readonly channelsBefore: number
  readonly channelsAfter: number
}

/** Kernels for microcontrollers work on groups of four channels: other counts would cost as much as the next multiple. */
const MULTIPLE = 4

/** Channels that stay of `count`. At least one, and of eight or more a multiple of four. */
export function keptCount(count: number, sparsity: number): number {
  const wanted = count * (1 - sparsity)
  if (count < 2 * MULTIPLE) return Math.max(1, Math.round(wanted))
  return Math.max(MULTIPLE, Math.round(wanted / MULTIPLE) * MULTIPLE)
}

/**
 * Takes the weakest channels out of a trained network (structured magnitude pruning, Li et al. 2017): of each set of
 * channels with the same writers, those with the smallest filters, until about a share of `sparsity` is gone. Nodes keep
 * their ids. Residual sums, squeeze-and-excite, depthwise filters and experts lose the same channels throughout.
 * @throws UserError for networks that no search space makes.
 */
export function pruneNetwork(graph: NetworkGraph, weights: Weights, sparsity: number): PrunedNetwork {
  const channels = channelsOf(graph)
  const sets = prunableSets(graph, channels)
  const scores = channelScores(graph, weights, channels)
  const removed = new Set<Channel>()
  let before = 0
  for (const set of sets) {
    // Of equals the earlier one stays.
    const strongest = set.toSorted((a, b) => scores.get(b)! - scores.get(a)!)
    for (const channel of strongest.slice(keptCount(set.length, sparsity))) removed.add(channel)
    before += set.length
  }
  const pruning: Pruning = {
    kept: (path, count) =>
      Array.from({ length: count }, (_, i) => i).filter((i) => !removed.has(channels.channelOf(path, i))),
  }
  return {
    graph: smaller(pruning, graph, ''),
    weights: slicedWeights(pruning, graph, weights),
    channelsBefore: before,
    channelsAfter: before - removed.size,
  }
}

interface Pruning {
  /** Positions that stay on the last axis of a node with so many. */
  readonly kept: (path: string, count: number) => readonly number[]
}

/** Channels that may go, by the nodes that write them: those of one layer, or of layers whose results are added. */
function prunableSets(graph: NetworkGraph, channels: ChannelMap): readonly (readonly Channel[])[] {
  const sets = new Map<string, Set<Channel>>()
  const visit = (body: NetworkGraph, prefix: string): void => {
    for (const node of body.nodes) {
      const path = `${prefix}${node.id}`
      if (node.op.kind === 'routedExperts') visit(node.op.body, `${path}/`)
      for (let i = 0; i < node.shape.at(-1)!; i++) {
        const channel = channels.channelOf(path, i)
        if (channel.fixed) continue
        const writers = new Set(channel.writers.map((writer) => writer.slice(0, writer.lastIndexOf(':'))))
        const key = [...writers].join(' ')
        sets.set(key, (sets.get(key) ?? new Set()).add(channel))
      }
    }
  }
  visit(graph, '')
  return [...sets.values()].map((set) => [...set])
}

function smaller(pruning: Pruning, graph: NetworkGraph, prefix: string): NetworkGraph {
  const drafts = graph.nodes.map((node) => ({
    id: node.id,
    inputs: node.inputs,
    op: smallerOp(pruning, node, `${prefix}${node.id}`),
  }))
  return buildGraph(drafts, graph.output)
}

function smallerOp(pruning: Pruning, node: NetworkNode, path: string): Op {
  const op = trainableOp(node)
  const count = pruning.kept(path, node.shape.at(-1)!).length
  switch (op.kind) {
    case 'conv2d':
      return { ...op, filters: count }
    case 'dense':
      return { ...op, units: count }
    case 'input':
    case 'reshape':
      return { ...op, shape: [...node.shape.slice(0, -1), count] }
    case 'routedExperts':
      return { ...op, body: smaller(pruning, op.body, `${path}/`) }
    default:
      return op
  }
}

function slicedWeights(pruning: Pruning, graph: NetworkGraph, weights: Weights): Weights {
  const sliced = new Map<string, Float32Array>()
  const visit = (body: NetworkGraph, prefix: string, weightPrefix: string): void => {
    const lengths = new Map(body.nodes.map((node) => [node.id, node.shape.at(-1)!]))
    const keptOf = (id: string): readonly number[] => pruning.kept(`${prefix}${id}`, lengths.get(id)!)
    const shapes = new Map(weightSpecs(body).map(({ name, shape }) => [name, shape]))
    for (const { id, op, inputs } of body.nodes) {
      for (const role of ['kernel', 'bias', 'gamma', 'beta', 'movingMean', 'movingVariance'] as const) {
        const shape = shapes.get(`${id}/${role}`)
        if (shape === undefined) continue
        const name = `${weightPrefix}${id}/${role}`
        const read = role === 'kernel' && op.kind !== 'depthwiseConv2d' ? keptOf(inputs[0]!) : undefined
        sliced.set(name, slice(weights.get(name)!, shape, keptOf(id), read))
      }
      if (op.kind !== 'routedExperts') continue
      for (let expert = 0; expert < op.experts; expert++) {
        visit(op.body, `${prefix}${id}/`, `${weightPrefix}${id}/${expert}/`)
      }
    }
  }
  visit(graph, '', '')
  return sliced
}

/** The chosen places along the first axis, and along the second where `second` says which. */
function slice(
  values: Float32Array,
  shape: readonly number[],
  first: readonly number[],
  second: readonly number[] | undefined,
): Float32Array {
  const columns = second === undefined ? [0] : second
  const width = second === undefined ? sizeOf(shape.slice(1)) : sizeOf(shape.slice(2))
  const row = sizeOf(shape.slice(1))
  const out = new Float32Array(first.length * columns.length * width)
  let at = 0
  for (const i of first) {
    for (const j of columns) {
      const start = i * row + j * width
      out.set(values.subarray(start, start + width), at)
      at += width
    }
  }
  return out
}
