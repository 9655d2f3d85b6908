import { UserError } from '../../lib/errors.ts'
import { functionKey, type OnnxAttributes, type OnnxFile, type OnnxFileNode, type OnnxFunction } from './read-onnx.ts'

/** Functions that call functions that … */
const MAX_DEPTH = 32
const MAX_NODES = 50_000
/** Calls may have no nodes, and each of them many others in turn. */
const MAX_CALLS = 50_000
/** Calls and nodes of a file so far, by its functions: branches, which are read by themselves, call the same ones. */
const spent = new WeakMap<OnnxFile['functions'], { calls: number; nodes: number }>()
const LISTS = ['integers', 'floats', 'texts', 'tensors', 'graphs'] as const

/**
 * The same network with the nodes of each function in place of its calls. An operator that the file defines is read as the file
 * defines it, unless `knows` says that it has a meaning of its own.
 * @throws UserError when functions call each other without end.
 */
export function withoutFunctions(file: OnnxFile, knows: (node: OnnxFileNode) => boolean): OnnxFile {
  if (file.functions.size === 0) return file
  const nodes: OnnxFileNode[] = []
  const budget = spent.get(file.functions) ?? { calls: 0, nodes: 0 }
  spent.set(file.functions, budget)
  const place = (node: OnnxFileNode, depth: number): void => {
    const body = knows(node) ? undefined : file.functions.get(functionKey(node.domain, node.opType))
    if (body === undefined) {
      nodes.push(node)
      if (++budget.nodes > MAX_NODES)
        throw new UserError(`the network has more than ${MAX_NODES} nodes in its functions`)
      return
    }
    if (depth === MAX_DEPTH)
      throw new UserError(`function '${node.opType}' calls itself, or ${MAX_DEPTH} others in turn`)
    if (budget.calls++ === MAX_CALLS)
      throw new UserError(`the network calls its functions more than ${MAX_CALLS} times`)
    for (const inner of called(body, node, `${node.opType}#${budget.calls}/`)) place(inner, depth + 1)
  }
  for (const node of file.nodes) place(node, 0)
  return { ...file, nodes }
}

/** The nodes of a function under names of their own, with the operands and attributes of a call. */
function called(body: OnnxFunction, call: OnnxFileNode, prefix: string): readonly OnnxFileNode[] {
  const names = new Map<string, string>([['', '']])
  body.inputs.forEach((name, i) => {
    names.set(name, call.inputs[i] ?? '')
  })
  body.outputs.forEach((name, i) => {
    // A result that is an operand passed on needs a node; one that nobody reads keeps a name inside.
    const result = call.outputs[i] ?? ''
    if (result !== '' && !names.has(name)) names.set(name, result)
  })
  const nameOf = (name: string): string => {
    const known = names.get(name)
    if (known !== undefined) return known
    names.set(name, prefix + name)
    return prefix + name
  }
  const nodes = body.nodes.map((node) => ({
    ...node,
    ...attributesOf(node, call, body.defaults),
    inputs: node.inputs.map(nameOf),
    outputs: node.outputs.map(nameOf),
    // Graphs inside know the function's own names.
    ...(node.graphs.size > 0 ? { scope: names } : {}),
  }))
  const passedOn = body.outputs.flatMap((name, i) => {
    const result = call.outputs[i] ?? ''
    return result === '' || names.get(name) === result ? [] : [identity(nameOf(name), result)]
  })
  return [...nodes, ...passedOn]
}

const NO_ATTRIBUTES: OnnxAttributes & Pick<OnnxFileNode, 'references'> = {
  ...{ integers: new Map(), floats: new Map(), texts: new Map(), tensors: new Map(), graphs: new Map() },
  references: new Map(),
}
const identity = (from: string, to: string): OnnxFileNode => ({
  ...{ name: '', opType: 'Identity', domain: '', inputs: [from], outputs: [to] },
  ...NO_ATTRIBUTES,
})

/** Attributes of a node inside a function, where they may be those of the call. */
function attributesOf(node: OnnxFileNode, call: OnnxFileNode, defaults: OnnxAttributes): OnnxAttributes {
  if (node.references.size === 0) return node
  const [integers, floats, texts, tensors, graphs] = LISTS.map((list) => {
    const values = new Map<string, unknown>(node[list])
    for (const [name, outer] of node.references) {
      const value = call[list].get(outer) ?? defaults[list].get(outer)
      if (value !== undefined) values.set(name, value)
    }
    return values
  })
  return { integers, floats, texts, tensors, graphs } as OnnxAttributes
}
