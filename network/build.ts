import { UserError } from '../lib/errors.ts'
import type { OpDefinition } from './op-definition.ts'
import { definitionOf } from './op-kinds.ts'
import { sizeOf } from './shapes.ts'
import {
  ACTIVATION_KINDS,
  type ActivationKind,
  type NetworkGraph,
  type NetworkNode,
  type Op,
  type OpKind,
  type Padding,
  type Pair,
  type Shape,
} from './types.ts'

/** A node as written by hand or read from a file: the shape is not known yet. */
export interface DraftNode {
  readonly id: string
  readonly op: Op
  readonly inputs: readonly string[]
}

const MAX_NODES = 20_000
/** A tensor of 2^28 elements is beyond every device; more would only come from a broken file. */
const MAX_ELEMENTS = 2 ** 28

/**
 * Shape that a node gives. Its name is written for people only when something is wrong: networks are built by the
 * thousand. @throws UserError with one sentence naming the node.
 */
function checkedShape(
  definition: OpDefinition<OpKind> | undefined,
  op: Op,
  inputs: readonly Shape[],
  id: string,
): Shape {
  if (definition === undefined) throw new UserError(`${nameOf(op, id)} is of a kind that is not known`)
  const { arity } = definition
  const fits = typeof arity === 'number' ? inputs.length === arity : inputs.length >= arity.atLeast
  if (!fits) {
    const wanted = typeof arity === 'number' ? `${arity}` : `at least ${arity.atLeast}`
    throw new UserError(`${nameOf(op, id)} has ${inputs.length} inputs; it needs ${wanted}`)
  }
  let shape: Shape
  try {
    shape = definition.inferShape(op as never, inputs, id)
  } catch {
    shape = definition.inferShape(op as never, inputs, nameOf(op, id))
  }
  if (!(sizeOf(shape) <= MAX_ELEMENTS)) {
    throw new UserError(`${nameOf(op, id)} gives ${sizeOf(shape)} elements; at most ${MAX_ELEMENTS} can be priced`)
  }
  return shape
}

const nameOf = (op: Op, id: string): string => `node '${id}' (${op.kind})`

/** Per node the positions of its operands, and how many nodes read it. */
export interface Wiring {
  readonly links: readonly (readonly number[])[]
  readonly readers: readonly number[]
}

class Same {
  constructor(graph: NetworkGraph) {
    // biome-ignore lint/correctness/noConstructorReturn: so that the private field below is one of the graph itself
    return graph as unknown as Same
  }
}

/**
 * Puts a graph's wiring into a private field of the graph, which stays plain data to everybody else. (A WeakMap of thousands
 * of graphs would make every garbage collection slow, and defining a hidden property takes as long as adding five nodes.)
 */
class Wired extends Same {
  readonly #wiring: Wiring

  constructor(graph: NetworkGraph, wiring: Wiring) {
    super(graph)
    this.#wiring = wiring
  }

  static of = (graph: object): Wiring | undefined => (#wiring in graph ? graph.#wiring : undefined)
}

/** Whether a graph comes from a `GraphBuilder`, which has checked it (not of all: those of which nodes were pruned say no). */
export const isBuilt = (graph: NetworkGraph): boolean => Wired.of(graph) !== undefined

/** How a graph's nodes read each other, by their positions in `graph.nodes`. */
export function wiringOf(graph: NetworkGraph): Wiring {
  const known = Wired.of(graph)
  if (known !== undefined) return known
  const position = new Map(graph.nodes.map(({ id }, i) => [id, i]))
  const links = graph.nodes.map(({ inputs }) => inputs.map((id) => position.get(id)!))
  return { links, readers: readersOf(links) }
}

/** How many nodes read each one. */
function readersOf(links: Wiring['links']): number[] {
  const readers = new Array<number>(links.length).fill(0)
  for (let at = 0; at < links.length; at++) {
    const from = links[at]!
    for (let i = 0; i < from.length; i++) readers[from[i]!]!++
  }
  return readers
}

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
    const { id, op } = draft
    if (known.has(id)) throw new UserError(`${nameOf(op, id)} appears twice; every node needs its own id`)
    const inputShapes = draft.inputs.map((input) => {
      const node = known.get(input)
      if (node === undefined) throw new UserError(`${nameOf(op, id)} reads '${input}', which no earlier node gives`)
      return node.shape
    })
    if (op.kind === 'tuple' && id !== output)
      throw new UserError(`${nameOf(op, id)} is not the output of the network; several results can only close it`)
    known.set(id, { ...draft, shape: checkedShape(definitionOf(op), op, inputShapes, id) })
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

export interface PoolOptions {
  readonly kernel: number | Pair
  readonly stride?: number | Pair
  readonly padding?: Padding
}

export interface ConvOptions {
  readonly kernel?: number | Pair
  readonly stride?: number | Pair
  readonly padding?: Padding
  readonly bias?: boolean
}

const SQUARES: readonly Pair[] = Array.from({ length: 16 }, (_, length) => [length, length] as const)

const pair = (value: number | Pair = 1): Pair =>
  typeof value === 'number' ? (SQUARES[value] ?? [value, value]) : value

/** Name of a node, and what a node has that reads it alone: the same few arrays serve every network. */
interface NodeName {
  readonly id: string
  readonly position: number
  readonly inputs: readonly [string]
  readonly links: readonly [number]
}

/** What the builder knows of a kind. */
interface Kind {
  readonly name: OpKind
  readonly definition: OpDefinition<OpKind> | undefined
  /** One operand, and a result of its shape, which need not be checked again. */
  readonly keepsShape: boolean
  /** By position: the same strings serve every network, so that looking them up needs no new hash. */
  readonly names: NodeName[]
}

const KEEPS_SHAPE: ReadonlySet<OpKind> = new Set<OpKind>(['batchNorm', ...ACTIVATION_KINDS])

const kinds = new Map<OpKind, Kind>()
const nameOfId = new Map<string, NodeName>()

function kindOf(name: OpKind): Kind {
  let kind = kinds.get(name)
  if (kind === undefined) {
    const definition = definitionOf({ kind: name } as Op)
    kind = { name, definition, keepsShape: KEEPS_SHAPE.has(name), names: [] }
    kinds.set(name, kind)
  }
  return kind
}

function nodeName({ name: kind, names }: Kind, position: number): NodeName {
  // Positions come one by one in the largest network so far, so that the array has no long gaps.
  let name = names[position]
  if (name === undefined) {
    const id = `${kind}_${position}`
    name = { id, position, inputs: [id], links: [position] }
    names[position] = name
    nameOfId.set(id, name)
  }
  return name
}

const CONV_2D = kindOf('conv2d')
const DEPTHWISE = kindOf('depthwiseConv2d')
const DENSE = kindOf('dense')
const BATCH_NORM = kindOf('batchNorm')
const GLOBAL_POOL = kindOf('globalAveragePool')
const ADD = kindOf('add')
const MULTIPLY = kindOf('multiply')
const EXPERTS = kindOf('routedExperts')

/** Ops that are all alike, written once for every network. */
const ADDING: Op = { kind: 'add' }
const MULTIPLYING: Op = { kind: 'multiply' }
const POOLING: readonly [Op, Op] = [
  { kind: 'globalAveragePool', keepDims: false },
  { kind: 'globalAveragePool', keepDims: true },
]
const USUAL_EPSILON = 1e-3
const NORMALISING: Op = { kind: 'batchNorm', epsilon: USUAL_EPSILON }
const ACTIVATING: ReadonlyMap<ActivationKind, { readonly kind: Kind; readonly op: Op }> = new Map(
  ACTIVATION_KINDS.map((kind) => [kind, { kind: kindOf(kind), op: { kind } }]),
)

/**
 * Writes a network node by node; each call returns the id to feed to the next. Ids are `<kind>_<n>`, counted per graph,
 * so that the same calls give the same graph.
 */
export class GraphBuilder {
  readonly #nodes: NetworkNode[] = []
  readonly #links: (readonly number[])[] = []
  /** Networks are chains for the most part: what is asked for is what came last. */
  #last: NodeName | undefined

  node(op: Op, ...inputs: readonly string[]): string {
    const kind = kindOf(op.kind)
    // Written out for one operand and for two: an array that grows holds room for sixteen more.
    if (inputs.length === 1) return this.#unary(kind, op, inputs[0]!)
    if (inputs.length === 2) return this.#binary(kind, op, inputs[0]!, inputs[1]!)
    const links = inputs.map((input) => this.#position(input))
    const name = nodeName(kind, this.#nodes.length)
    const shapes = links.map((position) => this.#nodes[position]!.shape)
    const shape = checkedShape(kind.definition, op, shapes, name.id)
    return this.#append(name, op, inputs, links, shape)
  }

  #unary(kind: Kind, op: Op, x: string): string {
    const name = nodeName(kind, this.#nodes.length)
    const { position, inputs, links } = this.#nameOf(x)
    const operand = this.#nodes[position]!.shape
    const shape = kind.keepsShape ? operand : checkedShape(kind.definition, op, [operand], name.id)
    return this.#append(name, op, inputs, links, shape)
  }

  #binary(kind: Kind, op: Op, x: string, y: string): string {
    const name = nodeName(kind, this.#nodes.length)
    const first = this.#position(x)
    const second = this.#position(y)
    const shape = checkedShape(kind.definition, op, [this.#nodes[first]!.shape, this.#nodes[second]!.shape], name.id)
    return this.#append(name, op, [x, y], [first, second], shape)
  }

  #append(name: NodeName, op: Op, inputs: readonly string[], links: readonly number[], shape: Shape): string {
    const { id } = name
    this.#links.push(links)
    this.#nodes.push({ id, op, inputs, shape })
    this.#last = name
    return id
  }

  #nameOf(id: string): NodeName {
    if (this.#last?.id === id) return this.#last
    const name = nameOfId.get(id)
    if (name === undefined || this.#nodes[name.position]?.id !== id)
      throw new UserError(`'${id}' is no node of this network`)
    return name
  }

  #position(id: string): number {
    return this.#nameOf(id).position
  }

  /** Shape of a node already added. */
  shape(id: string): Shape {
    return this.#nodes[this.#position(id)]!.shape
  }

  channels(id: string): number {
    const shape = this.shape(id)
    return shape[shape.length - 1]!
  }

  input(shape: Shape): string {
    return this.node({ kind: 'input', shape })
  }

  conv2d(x: string, filters: number, options: ConvOptions = {}): string {
    const { kernel, stride, padding = 'same', bias = false } = options
    return this.#unary(
      CONV_2D,
      { kind: 'conv2d', filters, kernel: pair(kernel), stride: pair(stride), padding, bias },
      x,
    )
  }

  depthwiseConv2d(x: string, options: ConvOptions = {}): string {
    const { kernel, stride, padding = 'same', bias = false } = options
    return this.#unary(
      DEPTHWISE,
      { kind: 'depthwiseConv2d', kernel: pair(kernel), stride: pair(stride), padding, bias },
      x,
    )
  }

  dense(x: string, units: number, bias = true): string {
    return this.#unary(DENSE, { kind: 'dense', units, bias }, x)
  }

  batchNorm(x: string, epsilon = USUAL_EPSILON): string {
    return this.#unary(BATCH_NORM, epsilon === USUAL_EPSILON ? NORMALISING : { kind: 'batchNorm', epsilon }, x)
  }

  activation(x: string, kind: ActivationKind): string {
    const known = ACTIVATING.get(kind)
    return known === undefined ? this.node({ kind }, x) : this.#unary(known.kind, known.op, x)
  }

  add(...inputs: readonly string[]): string {
    return inputs.length === 2 ? this.#binary(ADD, ADDING, inputs[0]!, inputs[1]!) : this.node(ADDING, ...inputs)
  }

  multiply(x: string, scale: string): string {
    return this.#binary(MULTIPLY, MULTIPLYING, x, scale)
  }

  maxPool(x: string, { kernel, stride, padding = 'same' }: PoolOptions): string {
    return this.node({ kind: 'maxPool', kernel: pair(kernel), stride: pair(stride), padding }, x)
  }

  averagePool(x: string, { kernel, stride, padding = 'same' }: PoolOptions): string {
    return this.node({ kind: 'averagePool', kernel: pair(kernel), stride: pair(stride), padding }, x)
  }

  globalAveragePool(x: string, keepDims = false): string {
    return this.#unary(GLOBAL_POOL, POOLING[keepDims ? 1 : 0], x)
  }

  routedExperts(x: string, gates: string, topK: number, body: NetworkGraph): string {
    return this.#binary(EXPERTS, { kind: 'routedExperts', experts: this.channels(gates), topK, body }, x, gates)
  }

  /** @throws UserError when the output is no node, or when there are too many nodes. */
  build(output: string): NetworkGraph {
    const position = this.#position(output)
    if (this.#nodes.length > MAX_NODES)
      throw new UserError(`the network has ${this.#nodes.length} nodes; at most ${MAX_NODES} are read`)
    const links = this.#links.slice()
    const readers = readersOf(links)
    // The output needs all other nodes where every one of them is read by a later one.
    const unread = readers.indexOf(0)
    if (unread !== position || readers.indexOf(0, unread + 1) !== -1) {
      return { nodes: prune(this.#nodes, output), output }
    }
    const graph: NetworkGraph = { nodes: this.#nodes.slice(), output }
    new Wired(graph, { links, readers })
    return graph
  }
}
