import { scheduleOf } from './schedule.ts'
import type { NetworkGraph, OpKind } from './types.ts'

/** Where the quantisation of a stored value comes from: its own range, or prescribed for functions into 0 … 1. */
export type RangeSource = 'own' | 'unit'

const UNIT_KINDS: ReadonlySet<OpKind> = new Set(['softmax', 'sigmoid', 'hardSigmoid'])

/**
 * Nodes whose value an integer runtime stores in 8 bits, by id: the last node fused into each kernel, and the input. What
 * is fused away keeps its precision, and the largest of quantised values is one of them, so neither is listed. Nodes of
 * experts are found in their body, whose input its caller stores.
 */
export function storedNodes(graph: NetworkGraph): ReadonlyMap<string, RangeSource> {
  const kernels = new Set(scheduleOf(graph).kernels.map(({ id }) => id))
  const tensors: { holds: string; readonly source: RangeSource | undefined }[] = []
  const tensorOf = new Map<string, (typeof tensors)[number]>()
  for (const { id, op, inputs } of graph.nodes) {
    if (op.kind === 'input' || op.kind === 'routedExperts' || kernels.has(id)) {
      const source = op.kind === 'maxPool' ? undefined : UNIT_KINDS.has(op.kind) ? 'unit' : 'own'
      const tensor: (typeof tensors)[number] = { holds: id, source }
      tensors.push(tensor)
      tensorOf.set(id, tensor)
    } else {
      const tensor = tensorOf.get(inputs[0]!)!
      tensorOf.set(id, tensor)
      if (op.kind !== 'reshape') tensor.holds = id
    }
  }
  return new Map(tensors.flatMap(({ holds, source }) => (source === undefined ? [] : [[holds, source] as const])))
}

/** Paths of all values with a range of their own: `<nodeId>`, in experts `<nodeId>/<expert>/<bodyNodeId>`. */
export function rangePaths(graph: NetworkGraph, prefix = ''): readonly string[] {
  const stored = storedNodes(graph)
  return graph.nodes.flatMap(({ id, op }) => {
    const own = stored.get(id) === 'own' && (op.kind !== 'input' || prefix === '') ? [`${prefix}${id}`] : []
    if (op.kind !== 'routedExperts') return own
    const experts = Array.from({ length: op.experts }, (_, expert) => rangePaths(op.body, `${prefix}${id}/${expert}/`))
    return [...own, ...experts.flat()]
  })
}
