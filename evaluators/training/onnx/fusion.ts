import type { NetworkGraph, NetworkNode } from '../../../network/types.ts'
import type { FusedActivation } from './batch-lanes.ts'
import { foldingPays } from './product-batch-norm.ts'
import { isPointwise } from './windows.ts'

/** Nodes written as one: an optional pointwise convolution, a batch norm, and the activation behind it if one follows. */
export interface NormChain {
  readonly conv: NetworkNode | undefined
  readonly norm: NetworkNode
  readonly activation: FusedActivation
  /** The node whose result the chain gives. */
  readonly output: string
}

/** Chains around the batch norms of a network, by the node they start with. */
export function normChains(graph: NetworkGraph): ReadonlyMap<string, NormChain> {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]))
  const readers = new Map<string, NetworkNode[]>()
  for (const node of graph.nodes) {
    for (const id of node.inputs) readers.set(id, [...(readers.get(id) ?? []), node])
  }
  /** The only node that reads a result, if nothing else needs it. */
  const onlyReader = (id: string): NetworkNode | undefined => {
    const found = readers.get(id) ?? []
    return found.length === 1 && id !== graph.output ? found[0] : undefined
  }
  const chains = new Map<string, NormChain>()
  for (const norm of graph.nodes) {
    if (norm.op.kind !== 'batchNorm') continue
    const next = onlyReader(norm.id)
    const kind = next?.op.kind
    const activation = kind === 'relu' || kind === 'relu6' ? kind : 'none'
    const before = byId.get(norm.inputs[0]!)!
    const channels = byId.get(before.inputs[0]!)?.shape.at(-1)
    const folds = channels !== undefined && canFold(before, channels) && onlyReader(before.id) === norm
    const conv = folds ? before : undefined
    chains.set((conv ?? norm).id, { conv, norm, activation, output: activation === 'none' ? norm.id : next!.id })
  }
  return chains
}

const canFold = ({ op }: NetworkNode, inputs: number): boolean =>
  op.kind === 'conv2d' && !op.bias && isPointwise(op) && foldingPays(inputs, op.filters)
