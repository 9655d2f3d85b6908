import { UserError } from '../lib/errors.ts'
import { definitionOf } from './op-kinds.ts'
import type { ActivationKind, NetworkGraph, NetworkNode, Op, Padding, Pair, Shape } from './types.ts'

/** A node as written by hand or read from a file: the shape is not known yet. */
export interface DraftNode {
  readonly id: string
  readonly op: Op
  readonly inputs: readonly string[]
}

const MAX_NODES = 20_000

/**
 * Checks a network and infers every shape: ids unique, inputs known and earlier, operands in number and shape as the
 * kind needs. Nodes that the output does not need are pruned.
 * @throws UserError with one sentence naming the node.
 */
export function buildGraph(drafts: readonly DraftNode[], output: string): NetworkGraph {
  if (drafts.length > MAX_NODES)
    throw new UserError(`the network has ${drafts.length} nodes; at most ${MAX_NODES} are read`)
  const known = new Map<string, NetworkNode>()
  for (const draft of drafts) {
    const where = `node '${draft.id}' (${draft.op.kind})`
    if (known.has(draft.id)) throw new UserError(`${where} appears twice; every node needs its own id`)
    const definition = definitionOf(draft.op)
    if (definition === undefined) throw new UserError(`${where} is of a kind that is not known`)
    const { arity } = definition
    const fits = typeof arity === 'number' ? draft.inputs.length === arity : draft.inputs.length >= arity.atLeast
    if (!fits) {
      const wanted = typeof arity === 'number' ? `${arity}` : `at least ${arity.atLeast}`
      throw new UserError(`${where} has ${draft.inputs.length} inputs; it needs ${wanted}`)
    }
    const inputShapes = draft.inputs.map((id) => {
      const input = known.get(id)
      if (input === undefined) throw new UserError(`${where} reads '${id}', which no earlier node gives`)
      return input.shape
    })
    const shape = definition.inferShape(draft.op as never, inputShapes, where)
    known.set(draft.id, { ...draft, shape })
  }
  if (!known.has(output)) throw new UserError(`the output '${output}' is no node of the network`)
  return { nodes: prune([...known.values()], output), output }
}

/** Keeps the nodes that the output depends on, in their order. */
function prune(nodes: readonly NetworkNode[], output: string): readonly NetworkNode[] {
  const needed = new Set([output])
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!
    if (needed.has(node.id)) for (const id of node.inputs) needed.add(id)
  }
  return nodes.filter((node) => needed.has(node.id))
}

export interface ConvOptions {
  readonly kernel?: number | Pair
  readonly stride?: number | Pair
  readonly padding?: Padding
  readonly bias?: boolean
}

const pair = (value: number | Pair | undefined): Pair =>
  value === undefined ? [1, 1] : typeof value === 'number' ? [value, value] : value

/**
 * Writes a network node by node; each call returns the id to feed to the next. Ids are `<kind>_<n>`, counted per graph,
 * so that the same calls give the same graph.
 */
export class GraphBuilder {
  readonly #drafts: DraftNode[] = []
  readonly #shapes = new Map<string, Shape>()

  node(op: Op, ...inputs: readonly string[]): string {
    const id = `${op.kind}_${this.#drafts.length}`
    const draft = { id, op, inputs }
    const where = `node '${id}' (${op.kind})`
    this.#shapes.set(
      id,
      definitionOf(op).inferShape(
        op as never,
        inputs.map((input) => this.shape(input)),
        where,
      ),
    )
    this.#drafts.push(draft)
    return id
  }

  /** Shape of a node already added. */
  shape(id: string): Shape {
    const shape = this.#shapes.get(id)
    if (shape === undefined) throw new UserError(`'${id}' is no node of this network`)
    return shape
  }

  channels = (id: string): number => this.shape(id).at(-1)!

  input = (shape: Shape): string => this.node({ kind: 'input', shape })

  conv2d(x: string, filters: number, options: ConvOptions = {}): string {
    const { kernel, stride, padding = 'same', bias = false } = options
    return this.node({ kind: 'conv2d', filters, kernel: pair(kernel), stride: pair(stride), padding, bias }, x)
  }

  depthwiseConv2d(x: string, options: ConvOptions = {}): string {
    const { kernel, stride, padding = 'same', bias = false } = options
    return this.node({ kind: 'depthwiseConv2d', kernel: pair(kernel), stride: pair(stride), padding, bias }, x)
  }

  dense = (x: string, units: number, bias = true): string => this.node({ kind: 'dense', units, bias }, x)
  batchNorm = (x: string, epsilon = 1e-3): string => this.node({ kind: 'batchNorm', epsilon }, x)
  activation = (x: string, kind: ActivationKind): string => this.node({ kind }, x)
  add = (...inputs: readonly string[]): string => this.node({ kind: 'add' }, ...inputs)
  multiply = (x: string, scale: string): string => this.node({ kind: 'multiply' }, x, scale)
  globalAveragePool = (x: string, keepDims = false): string => this.node({ kind: 'globalAveragePool', keepDims }, x)

  routedExperts(x: string, gates: string, topK: number, body: NetworkGraph): string {
    return this.node({ kind: 'routedExperts', experts: this.channels(gates), topK, body }, x, gates)
  }

  build = (output: string): NetworkGraph => buildGraph(this.#drafts, output)
}
