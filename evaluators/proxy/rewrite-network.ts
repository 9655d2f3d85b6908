import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph, Op, Shape } from '../../network/types.ts'

/** What becomes of an op: another one in its place, or nothing, so that its readers read what it read. */
export type OpChange = (op: Op) => Op | 'skip'

/**
 * The same network on samples of another shape or with ops replaced; the bodies of routed experts are rewritten too.
 * Nodes get new ids, their order stays.
 * @throws UserError when an op does not fit its new operands (a `reshape` names its result, so it rarely does).
 */
export function rewriteNetwork(
  graph: NetworkGraph,
  inputShape: Shape,
  change: OpChange = (op) => op,
  extend: (builder: GraphBuilder, output: string) => string = (_, output) => output,
): NetworkGraph {
  const builder = new GraphBuilder()
  const renamed = new Map<string, string>()
  for (const { id, op, inputs } of graph.nodes) {
    const operands = inputs.map((input) => renamed.get(input)!)
    if (op.kind === 'input') renamed.set(id, builder.input(inputShape))
    else if (op.kind === 'routedExperts') {
      const body = rewriteNetwork(op.body, builder.shape(operands[0]!), change)
      renamed.set(id, builder.node({ ...op, body }, ...operands))
    } else {
      const changed = change(op)
      renamed.set(id, changed === 'skip' ? operands[0]! : builder.node(changed, ...operands))
    }
  }
  return builder.build(extend(builder, renamed.get(graph.output)!))
}

/** Sides below this leave nothing to see. */
const LEAST_SIDE = 4

/**
 * The network on samples scaled by `share` in height and width, 0 < share ≤ 1; its weights keep their shapes.
 * @throws UserError when it cannot read samples of that size.
 */
export function atResolution(graph: NetworkGraph, share: number): NetworkGraph {
  if (share === 1) return graph
  const [height, width, channels] = graph.nodes.find(({ op }) => op.kind === 'input')!.shape as [number, number, number]
  const scaled = (side: number): number => Math.min(side, Math.max(LEAST_SIDE, Math.round(side * share)))
  return rewriteNetwork(graph, [scaled(height), scaled(width), channels])
}
