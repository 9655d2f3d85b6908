import {
  isSubgraph,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxSubgraph,
} from '../../../formats/onnx/model.ts'

/** What the inputs and outputs of the n-th of some merged models are called: their own name behind this. */
export const mergedPrefix = (place: number): string => `${place}/`

/**
 * One model that holds several side by side: none reads what another writes, and every node is as it was, so that each
 * part gives the same bits as the model alone. Names get `mergedPrefix` of the model's place.
 */
export function mergeModels(models: readonly OnnxModel[], graphName: string): OnnxModel {
  const parts = models.map((model, place) => renamed(model, mergedPrefix(place)))
  return {
    ...models[0]!,
    graphName,
    opsets: Object.assign({}, ...models.map(({ opsets }) => opsets)) as OnnxModel['opsets'],
    nodes: parts.flatMap(({ nodes }) => nodes),
    initializers: new Map(parts.flatMap(({ initializers }) => [...initializers])),
    inputs: parts.flatMap(({ inputs }) => inputs),
    outputs: parts.flatMap(({ outputs }) => outputs),
  }
}

/** Branches read names from around them, so everything in them gets the same prefix. */
function renamed(graph: OnnxSubgraph, prefix: string): OnnxSubgraph {
  // An empty name stands for an operand left out.
  const rename = (name: string): string => (name === '' ? name : `${prefix}${name}`)
  const attribute = (value: OnnxAttribute): OnnxAttribute => (isSubgraph(value) ? renamed(value, prefix) : value)
  const node = ({ name, inputs, outputs, attributes, ...rest }: OnnxNode): OnnxNode => ({
    ...rest,
    name: rename(name),
    inputs: inputs.map(rename),
    outputs: outputs.map(rename),
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attribute(value)])),
  })
  return {
    graphName: graph.graphName,
    nodes: graph.nodes.map(node),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [rename(name), tensor])),
    inputs: graph.inputs.map((info) => ({ ...info, name: rename(info.name) })),
    outputs: graph.outputs.map((info) => ({ ...info, name: rename(info.name) })),
  }
}
