import type { Tensor } from '@tensorflow/tfjs-core'
import { type RangeSource, storedNodes } from '../../../network/stored-values.ts'
import { trainableOp } from '../../../network/trainable.ts'
import type { NetworkGraph, OpKind, WeightRole } from '../../../network/types.ts'
import { TENSORFLOW_RULES } from './rules.ts'
import type { Pass, TensorflowRule } from './scope.ts'

/**
 * What a network gives for a batch. Weights are looked up under `prefix`.
 * @throws UserError for ops that only model files hold.
 */
export function runNetwork(pass: Pass, graph: NetworkGraph, batch: Tensor, prefix = ''): Tensor {
  const values = new Map<string, Tensor>()
  const shapes = new Map(graph.nodes.map((node) => [node.id, node.shape]))
  const { fakeQuantisation } = pass
  const stored = fakeQuantisation === undefined ? new Map<string, RangeSource>() : storedNodes(graph)
  const asStored = (id: string, value: Tensor): Tensor => {
    const source = stored.get(id)
    return source === undefined ? value : fakeQuantisation!.value(`${prefix}${id}`, value, source)
  }
  for (const node of graph.nodes) {
    const op = trainableOp(node)
    if (op.kind === 'input') {
      // What experts read was stored by the network around them.
      values.set(node.id, prefix === '' ? asStored(node.id, batch) : batch)
      continue
    }
    const path = `${prefix}${node.id}`
    const weight = (role: WeightRole): Tensor => {
      const found = pass.weight(`${path}/${role}`)
      if (role !== 'kernel' || fakeQuantisation === undefined) return found
      return fakeQuantisation.kernel(`${path}/${role}`, found, op.kind === 'depthwiseConv2d')
    }
    const rule = TENSORFLOW_RULES[op.kind] as TensorflowRule<OpKind>
    const value = rule(pass, {
      path,
      op,
      inputs: node.inputs.map((id) => values.get(id)!),
      inputShapes: node.inputs.map((id) => shapes.get(id)!),
      shape: node.shape,
      weight,
      body: (body, expert, features) => runNetwork(pass, body, features, `${path}/${expert}/`),
    })
    values.set(node.id, asStored(node.id, value))
  }
  return values.get(graph.output)!
}
