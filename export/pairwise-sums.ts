import type { NetworkGraph, NetworkNode } from '../network/types.ts'

/**
 * The same network with sums of two only: a + b + c is (a + b) + c, experts' bodies included. TFLite, whose ADD has two
 * operands, stores every partial sum; with nodes of their own these have ranges of their own, and every format adds alike.
 * A network without longer sums is given back as it is.
 */
export function pairwiseSums(graph: NetworkGraph): NetworkGraph {
  const taken = new Set(graph.nodes.map(({ id }) => id))
  const nodes = graph.nodes.flatMap((node) => rewritten(node, taken))
  const same = nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i])
  return same ? graph : { nodes, output: graph.output }
}

function rewritten(node: NetworkNode, taken: Set<string>): readonly NetworkNode[] {
  const { op } = node
  if (op.kind === 'routedExperts') {
    const body = pairwiseSums(op.body)
    return [body === op.body ? node : { ...node, op: { ...op, body } }]
  }
  if (op.kind !== 'add' || node.inputs.length === 2) return [node]
  const [first, ...others] = node.inputs as readonly [string, ...string[]]
  let sum = first
  return others.map((other, i) => {
    const inputs = [sum, other]
    sum = i === others.length - 1 ? node.id : freeId(`${node.id}/sum${i + 1}`, taken)
    return { ...node, id: sum, inputs }
  })
}

/** An id that no other node has. */
function freeId(wanted: string, taken: Set<string>): string {
  let id = wanted
  for (let i = 2; taken.has(id); i++) id = `${wanted}#${i}`
  taken.add(id)
  return id
}
