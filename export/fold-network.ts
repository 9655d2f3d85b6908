import { scheduleOf } from '../network/schedule.ts'
import type { NetworkGraph, NetworkNode, Op, Weights } from '../network/types.ts'
import { foldWeights } from './quantise/fold.ts'
import { type Level, type LevelKernel, levelsOf } from './quantise/lowering.ts'

/** A network without batch norms that computes the same in exact arithmetic. */
export interface FoldedNetwork {
  readonly graph: NetworkGraph
  readonly weights: Weights
}

/**
 * Takes every batch norm into the weights before it, as the kernels of the schedule do; one that stands alone becomes a
 * depthwise 1×1 kernel. Narrow floats hold the products well, where they would lose variances and small epsilons.
 */
export function foldNetwork(graph: NetworkGraph, weights: Weights): FoldedNetwork {
  const level = levelsOf(graph, scheduleOf(graph))
  const folded = new Map<string, Float32Array>()
  foldLevel(level, '', weights, folded)
  return { graph: withoutBatchNorms(graph, level), weights: folded }
}

const isWeighted = ({ node: { op } }: LevelKernel): boolean =>
  op.kind === 'conv2d' || op.kind === 'depthwiseConv2d' || op.kind === 'dense' || op.kind === 'batchNorm'

function foldLevel(level: Level, prefix: string, weights: Weights, to: Map<string, Float32Array>): void {
  for (const kernel of level.kernels) {
    const path = `${prefix}${kernel.node.id}`
    if (isWeighted(kernel)) {
      const folded = foldWeights(kernel, weights, prefix)
      to.set(`${path}/kernel`, Float32Array.from(folded.weights))
      to.set(`${path}/bias`, Float32Array.from(folded.bias))
    } else if (kernel.node.op.kind === 'routedExperts') {
      for (let i = 0; i < kernel.node.op.experts; i++) foldLevel(kernel.body!, `${path}/${i}/`, weights, to)
    }
  }
}

function withoutBatchNorms(graph: NetworkGraph, level: Level): NetworkGraph {
  const gone = new Map<string, string>()
  const kernels = new Map(level.kernels.map((kernel) => [kernel.node.id, kernel]))
  const place = (id: string): string => gone.get(id) ?? id
  const nodes: NetworkNode[] = []
  for (const node of graph.nodes) {
    const kernel = kernels.get(node.id)
    const inputs = node.inputs.map(place)
    if (node.op.kind === 'batchNorm' && kernel === undefined) gone.set(node.id, inputs[0]!)
    else nodes.push({ ...node, inputs, op: kernel === undefined ? node.op : foldedOp(kernel) })
  }
  return { nodes, output: place(graph.output) }
}

function foldedOp({ node: { op }, body }: LevelKernel): Op {
  if (op.kind === 'conv2d' || op.kind === 'depthwiseConv2d' || op.kind === 'dense') return { ...op, bias: true }
  if (op.kind === 'routedExperts') return { ...op, body: withoutBatchNorms(op.body, body!) }
  if (op.kind !== 'batchNorm') return op
  return { kind: 'depthwiseConv2d', kernel: [1, 1], stride: [1, 1], padding: 'valid', bias: true }
}
