import type { NetworkGraph, NetworkNode, Weights } from '../../network/types.ts'
import type { Channel, ChannelMap } from './channels.ts'

const WITH_FILTERS: ReadonlySet<string> = new Set(['conv2d', 'depthwiseConv2d', 'dense'])

/**
 * How much each channel carries: the squared Euclidean norm of every filter that writes it or works on it, batch norm
 * folded in, as a multiple of the mean over its layer; the sum over layers, and over experts.
 */
export function channelScores(
  graph: NetworkGraph,
  weights: Weights,
  channels: ChannelMap,
): ReadonlyMap<Channel, number> {
  const scores = new Map<Channel, number>()
  const visit = (body: NetworkGraph, prefix: string, weightPrefixes: readonly string[]): void => {
    const norms = batchNormsByInput(body)
    for (const node of body.nodes) {
      const { id, op, shape } = node
      const path = `${prefix}${id}`
      if (op.kind === 'routedExperts') {
        const inner = weightPrefixes.flatMap((outer) =>
          Array.from({ length: op.experts }, (_, expert) => `${outer}${id}/${expert}/`),
        )
        visit(op.body, `${path}/`, inner)
      }
      if (!WITH_FILTERS.has(op.kind)) continue
      const squares = new Float64Array(shape.at(-1)!)
      for (const outer of weightPrefixes) addSquares(squares, weights, outer, id, norms.get(id))
      const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length || 1
      for (const [i, square] of squares.entries()) {
        const channel = channels.channelOf(path, i)
        scores.set(channel, (scores.get(channel) ?? 0) + square / mean)
      }
    }
  }
  visit(graph, '', [''])
  return scores
}

/** Batch norms that read a node which nothing else reads. */
function batchNormsByInput(graph: NetworkGraph): ReadonlyMap<string, NetworkNode> {
  const readers = new Map<string, NetworkNode[]>()
  for (const node of graph.nodes) for (const id of node.inputs) readers.set(id, [...(readers.get(id) ?? []), node])
  return new Map(
    [...readers].flatMap(([id, [first, ...rest]]) =>
      first?.op.kind === 'batchNorm' && rest.length === 0 ? [[id, first] as const] : [],
    ),
  )
}

function addSquares(
  squares: Float64Array,
  weights: Weights,
  prefix: string,
  id: string,
  norm: NetworkNode | undefined,
): void {
  const kernel = weights.get(`${prefix}${id}/kernel`)!
  const size = kernel.length / squares.length
  for (let i = 0; i < squares.length; i++) {
    let square = 0
    for (let at = i * size; at < (i + 1) * size; at++) square += kernel[at]! ** 2
    if (norm?.op.kind === 'batchNorm') {
      const gamma = weights.get(`${prefix}${norm.id}/gamma`)![i]!
      square *= gamma ** 2 / (weights.get(`${prefix}${norm.id}/movingVariance`)![i]! + norm.op.epsilon)
    }
    squares[i]! += square
  }
}
