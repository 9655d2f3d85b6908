import { sizeOf } from '../../network/shapes.ts'
import { trainableOp } from '../../network/trainable.ts'
import type { NetworkGraph, NetworkNode } from '../../network/types.ts'

/**
 * A channel of the whole network: positions of maps and vectors that can only be there or not be there together, because
 * they are added, scaled, or passed through channel by channel.
 */
export interface Channel {
  /** Filters that write it, as `<path>:<filter>`; experts share one. */
  readonly writers: readonly string[]
  /** It is part of the network's input, output or a router's choice, or its place in memory has a meaning. */
  readonly fixed: boolean
}

/** Which channel each position of each node's last axis is. Bodies of experts by their path, `<nodeId>/`. */
export interface ChannelMap {
  readonly channelOf: (path: string, position: number) => Channel
}

interface Cell {
  parent: Cell | undefined
  writers: string[]
  fixed: boolean
  channel: Channel | undefined
}

const newCell = (fixed: boolean, writers: readonly string[] = []): Cell => ({
  parent: undefined,
  writers: [...writers],
  fixed,
  channel: undefined,
})

function rootOf(cell: Cell): Cell {
  let root = cell
  while (root.parent !== undefined) root = root.parent
  return root
}

function unite(a: Cell, b: Cell): void {
  const [to, from] = [rootOf(a), rootOf(b)]
  if (to === from) return
  from.parent = to
  to.writers.push(...from.writers)
  to.fixed ||= from.fixed
}

/**
 * Finds the channels of a network.
 * @throws UserError for ops that no search space makes.
 */
export function channelsOf(graph: NetworkGraph): ChannelMap {
  const cells = new Map<string, readonly Cell[]>()
  for (const cell of visit(graph, '', undefined, cells)) rootOf(cell).fixed = true
  return {
    channelOf: (path, position) => {
      const root = rootOf(cells.get(path)![position]!)
      root.channel ??= { writers: [...root.writers].sort(), fixed: root.fixed }
      return root.channel
    },
  }
}

/** Lays out the channels of a graph; `entry` are those of its input, where it is the body of experts. */
function visit(
  graph: NetworkGraph,
  prefix: string,
  entry: readonly Cell[] | undefined,
  cells: Map<string, readonly Cell[]>,
): readonly Cell[] {
  for (const node of graph.nodes) cells.set(`${prefix}${node.id}`, cellsOf(node, prefix, entry, cells))
  return cells.get(`${prefix}${graph.output}`)!
}

function cellsOf(
  node: NetworkNode,
  prefix: string,
  entry: readonly Cell[] | undefined,
  cells: Map<string, readonly Cell[]>,
): readonly Cell[] {
  const op = trainableOp(node)
  const path = `${prefix}${node.id}`
  const inputs = node.inputs.map((id) => cells.get(`${prefix}${id}`)!)
  const count = node.shape.at(-1)!
  switch (op.kind) {
    case 'input':
      return entry ?? Array.from({ length: count }, () => newCell(true))
    case 'conv2d':
    case 'dense':
      return Array.from({ length: count }, (_, i) => newCell(false, [`${path}:${i}`]))
    case 'add':
    case 'multiply':
      return inputs.reduce((all, other) => {
        for (const [i, cell] of all.entries()) unite(cell, other[i]!)
        return all
      })
    case 'concat':
      return inputs.flat()
    case 'reshape':
      return reshaped(inputs[0]!, sizeOf(node.shape), count)
    case 'routedExperts': {
      // Each gate chooses an expert, and experts are all kept.
      for (const gate of inputs[1]!) rootOf(gate).fixed = true
      return visit(op.body, `${path}/`, inputs[0]!, cells)
    }
    case 'softmax':
      for (const cell of inputs[0]!) rootOf(cell).fixed = true
      return inputs[0]!
    default:
      return inputs[0]!
  }
}

/** A vector from a map repeats the channels pixel by pixel; between other shapes they mix, and stay as they are. */
function reshaped(from: readonly Cell[], elements: number, count: number): readonly Cell[] {
  if (count === from.length) return from
  if (count === elements) return Array.from({ length: count }, (_, i) => from[i % from.length]!)
  for (const cell of from) rootOf(cell).fixed = true
  return Array.from({ length: count }, () => newCell(true))
}
