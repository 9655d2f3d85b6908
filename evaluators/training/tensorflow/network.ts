import type { Tensor } from '@tensorflow/tfjs-core'
import { trainableOp } from '../../../network/trainable.ts'
import type { NetworkGraph, OpKind } from '../../../network/types.ts'
import { TENSORFLOW_RULES } from './rules.ts'
import type { Pass, TensorflowRule } from './scope.ts'

/**
 * What a network gives for a batch. Weights are looked up under `prefix`.
 * @throws UserError for ops that only model files hold.
 */
export function runNetwork(pass: Pass, graph: NetworkGraph, batch: Tensor, prefix = ''): Tensor {
  const values = new Map<string, Tensor>()
  const shapes = new Map(graph.nodes.map((node) => [node.id, node.shape]))
  for (const node of graph.nodes) {
    const op = trainableOp(node)
    if (op.kind === 'input') {
      values.set(node.id, batch)
      continue
    }
    const path = `${prefix}${node.id}`
    const rule = TENSORFLOW_RULES[op.kind] as TensorflowRule<OpKind>
    const value = rule(pass, {
      path,
      op,
      inputs: node.inputs.map((id) => values.get(id)!),
      inputShapes: node.inputs.map((id) => shapes.get(id)!),
      shape: node.shape,
      weight: (role) => pass.weight(`${path}/${role}`),
      body: (body, expert, features) => runNetwork(pass, body, features, `${path}/${expert}/`),
    })
    values.set(node.id, value)
  }
  return values.get(graph.output)!
}
