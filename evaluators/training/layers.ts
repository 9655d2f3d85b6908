import { inputShapes } from '../../network/measure.ts'
import { definitionOf } from '../../network/op-kinds.ts'
import type { NetworkGraph, Shape, WeightRole } from '../../network/types.ts'

/** An operation that owns weights, as plain data: what is needed to find its like in another network. */
export interface Layer {
  /** Its weights are named `<path>/<role>`. */
  readonly path: string
  readonly kind: string
  /** Of what it gives. */
  readonly shape: Shape
  readonly weights: readonly { readonly role: WeightRole; readonly shape: readonly number[] }[]
}

/** The layers of a network in the order of `weightSpecs`, those of experts included. */
export function layersOf(graph: NetworkGraph, prefix = ''): readonly Layer[] {
  const shapesOf = inputShapes(graph)
  return graph.nodes.flatMap((node) => {
    const { id, op, shape } = node
    const path = `${prefix}${id}`
    const weights = definitionOf(op)
      .weights(op as never, shapesOf(node))
      .map((weight) => ({ role: weight.role, shape: weight.shape }))
    const own: readonly Layer[] = weights.length === 0 ? [] : [{ path, kind: op.kind, shape, weights }]
    if (op.kind !== 'routedExperts') return own
    const experts = Array.from({ length: op.experts }, (_, expert) => layersOf(op.body, `${path}/${expert}/`))
    return [...own, ...experts.flat()]
  })
}
