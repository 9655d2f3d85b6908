import { canonicalJson, sha256Hex } from '../lib/canonical-json.ts'
import { definitionOf, graphMacs } from './op-kinds.ts'
import { sizeOf } from './shapes.ts'
import type { NetworkGraph, NetworkNode, Shape, WeightRole, WeightSpec } from './types.ts'

/** Shapes of a node's operands. */
export function inputShapes(graph: NetworkGraph): (node: NetworkNode) => readonly Shape[] {
  const shapes = new Map(graph.nodes.map((node) => [node.id, node.shape]))
  return (node) => node.inputs.map((id) => shapes.get(id)!)
}

/** Multiply-accumulates that run for one sample: of routed experts, only the top-k. */
export const countMacs = (graph: NetworkGraph): number => graphMacs(graph.nodes)

/** Every weight of the network in node order, those of all experts included. */
export function weightSpecs(graph: NetworkGraph, prefix = ''): readonly WeightSpec[] {
  const shapesOf = inputShapes(graph)
  const specs: WeightSpec[] = []
  for (const node of graph.nodes) {
    for (const weight of definitionOf(node.op).weights(node.op as never, shapesOf(node))) {
      specs.push({ ...weight, name: `${prefix}${node.id}/${weight.role}` })
    }
    if (node.op.kind === 'routedExperts') {
      for (let expert = 0; expert < node.op.experts; expert++) {
        specs.push(...weightSpecs(node.op.body, `${prefix}${node.id}/${expert}/`))
      }
    }
  }
  return specs
}

const NO_PARAMETERS: ReadonlySet<WeightRole> = new Set(['movingMean', 'movingVariance', 'derived'])

/**
 * Trainable parameters: kernels, biases, batch norm's scale and shift, and stored operands of model files (embeddings, weights
 * of recurrent layers); neither running statistics nor single numbers, which are factors of the arithmetic.
 */
export function countParams(graph: NetworkGraph): number {
  let params = 0
  for (const { role, shape } of weightSpecs(graph)) {
    const size = sizeOf(shape)
    if (!NO_PARAMETERS.has(role) && (role !== 'constant' || size > 1)) params += size
  }
  return params
}

/** The graph with nodes renamed by their place in a walk from the output: equal for equal structures. */
function canonicalForm(graph: NetworkGraph): unknown {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]))
  const place = new Map<string, number>()
  const rows: unknown[] = []
  const stack: [string, boolean][] = [[graph.output, false]]
  while (stack.length > 0) {
    const [id, entered] = stack.pop()!
    if (place.has(id)) continue
    const node = byId.get(id)!
    if (entered) {
      place.set(id, rows.length)
      const op = node.op.kind === 'routedExperts' ? { ...node.op, body: canonicalForm(node.op.body) } : node.op
      rows.push({ op, inputs: node.inputs.map((input) => place.get(input)!) })
      continue
    }
    stack.push([id, true])
    for (let i = node.inputs.length - 1; i >= 0; i--) stack.push([node.inputs[i]!, false])
  }
  return rows
}

/** Identity of an architecture: the first 16 hexadecimal digits of the SHA-256 of its canonical form; node names do not matter. */
export const archId = (graph: NetworkGraph): string => sha256Hex(canonicalJson(canonicalForm(graph))).slice(0, 16)
