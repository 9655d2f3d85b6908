import { Lookup, Mismatch, type Readers, readersIn, type Sought } from './node-lookup.ts'
import { NOTHING_KNOWN, type PlainFile, plainOperators } from './plain-operators.ts'
import { type OnnxFile, type OnnxFileNode, readGraph } from './read-onnx.ts'
import { floatShares, isEveryExpert, type RoutingSteps, routeExperts, weighted } from './routed-experts.ts'

/** One expert: the graph between the samples that go to it and what it gives for them. */
export interface ExpertGraph {
  readonly nodes: readonly OnnxFileNode[]
  readonly initializers: OnnxFile['initializers']
  readonly plain: PlainFile['plain']
  readonly entry: string
  readonly exit: string
}

/** A mixture of experts of which only the chosen ones run. Values by their names in the file. */
export interface RoutedMixture {
  readonly experts: readonly ExpertGraph[]
  readonly topK: number
  readonly features: string
  readonly gates: string
  readonly output: string
  /** Nodes around the experts, which nothing but the output's readers needs. */
  readonly nodes: ReadonlySet<OnnxFileNode>
}

const MAX_EXPERTS = 256
const FLOAT_TYPES = [1n, 10n]

/** Operators with which a mixture can begin. */
export const MIXTURE_STARTS: ReadonlySet<string> = new Set(['TopK', 'ReduceSum'])

/**
 * The mixture that begins at a node (the choice of experts, or the sum of the gates where both of two run), recognised by
 * going through the steps with which our own files are written; undefined when the file has anything else there.
 */
export function routedMixtureAt(file: PlainFile, readers: Readers, start: OnnxFileNode): RoutedMixture | undefined {
  const counts = start.opType === 'TopK' ? countsAt(file, readers, start) : { topK: 2, experts: 2 }
  if (counts === undefined) return undefined
  for (const floatType of FLOAT_TYPES) {
    try {
      return new MixtureReading(file, readers, counts, start).run(floatType)
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error
    }
  }
  return undefined
}

interface Counts {
  readonly experts: number
  readonly topK: number
}

function countsAt({ initializers }: OnnxFile, readers: Readers, start: OnnxFileNode): Counts | undefined {
  const topK = initializers.get(start.inputs[1] ?? '')?.values?.[0]
  const flags = readers.get(start.outputs[1] ?? '')?.find(({ opType }) => opType === 'OneHot')
  const experts = initializers.get(flags?.inputs[1] ?? '')?.values?.[0]
  if (topK === undefined || experts === undefined || !(experts > 1 && experts <= MAX_EXPERTS)) return undefined
  return topK >= 1 && topK <= experts && !isEveryExpert({ experts, topK }) ? { experts, topK } : undefined
}

class MixtureReading {
  readonly #outer: Lookup
  #lookup: Lookup
  readonly #experts: ExpertGraph[] = []
  /** Results of experts without branches. */
  readonly #exits: string[] = []
  readonly #counts: Counts
  readonly #start: OnnxFileNode

  readonly #plain: PlainFile['plain']
  /** Of the branch that is being read. */
  #branchPlain = NOTHING_KNOWN

  constructor(file: PlainFile, readers: Readers, counts: Counts, start: OnnxFileNode) {
    this.#outer = new Lookup(file, readers)
    this.#lookup = this.#outer
    this.#plain = file.plain
    this.#counts = counts
    this.#start = start
  }

  run(floatType: bigint): RoutedMixture {
    const steps: RoutingSteps<Sought> = {
      nodes: (opType, inputs, outputs, attributes = {}) => {
        const isStart = opType === this.#start.opType && this.#outer.found.size === 0
        const candidates = isStart ? [this.#start] : undefined
        return this.#lookup.take(opType, inputs, outputs, attributes, candidates).outputs.map((name) => ({ name }))
      },
      integers: (list) => ({ list }),
      rowsIf: (condition, _expert, then) => this.#branch(condition, then),
    }
    const gates = { name: this.#start.inputs[0] ?? '' }
    const features: { found: string | undefined } = { found: undefined }
    const { experts, topK } = this.#counts
    const inline = isEveryExpert(this.#counts)
    const output = routeExperts<Sought>(steps, {
      experts,
      topK,
      features,
      scores: gates,
      shares: floatShares(steps, { gates, topK, floatType }),
      part: (_expert, some, share) => (inline ? this.#inlinePart(steps, share) : this.#part(steps, some, share)),
      sum: (a, b) => steps.nodes('Add', [a, b], 1)[0]!,
    })
    if (inline) features.found = this.#separateExperts()
    if (!('name' in output) || features.found === undefined) throw new Mismatch()
    this.#checkClosed(output.name)
    return {
      experts: this.#experts,
      topK,
      features: features.found,
      gates: gates.name,
      output: output.name,
      nodes: this.#outer.found,
    }
  }

  /** `If` whose other branch gives no rows. */
  #branch(condition: Sought, then: () => Sought): Sought {
    if (!('name' in condition)) throw new Mismatch()
    const node = this.#lookup
      .readersOf(condition.name)
      .find((reader) => reader.opType === 'If' && !this.#lookup.found.has(reader))
    const [yes, no] = [node?.graphs.get('then_branch'), node?.graphs.get('else_branch')]
    if (node === undefined || yes === undefined || no === undefined) throw new Mismatch()
    if (node.inputs.length !== 1 || node.outputs.length !== 1 || node.graphs.size !== 2) throw new Mismatch()
    this.#lookup.found.add(node)
    const none = readGraph(no, this.#outer.file)
    const rows = none.initializers.get(none.nodes[0]?.inputs[0] ?? '')?.values
    if (none.nodes.length !== 1 || none.nodes[0]!.opType !== 'ConstantOfShape' || rows?.[0] !== 0) throw new Mismatch()
    const around = this.#lookup
    const graph = plainOperators(readGraph(yes, this.#outer.file), this.#plain)
    const inner = new Lookup(graph, readersIn(graph))
    this.#lookup = inner
    this.#branchPlain = graph.plain
    const result = then()
    this.#lookup = around
    const { outputs } = inner.file
    if (!('name' in result) || outputs.length !== 1 || outputs[0]!.name !== result.name) throw new Mismatch()
    return { name: node.outputs[0]! }
  }

  /** Everything that lies between an expert's samples and the product with their shares is the expert. */
  #part(steps: RoutingSteps<Sought>, some: Sought, share: Sought): Sought {
    const { file, found } = this.#lookup
    const last = file.nodes.find(({ outputs }) => outputs.includes(file.outputs[0]?.name ?? ''))
    const exit = last?.inputs[0]
    if (!('name' in some) || !('name' in share) || exit === undefined) throw new Mismatch()
    const isMap = this.#lookup.readersOf(share.name).some(({ opType }) => opType === 'Reshape')
    const result = weighted<Sought>(steps, { name: exit }, share, isMap)
    const nodes = file.nodes.filter((node) => !found.has(node))
    this.#experts.push({ nodes, initializers: file.initializers, plain: this.#branchPlain, entry: some.name, exit })
    return result
  }

  /** What is weighted with the share of an expert that always runs is its result. */
  #inlinePart(steps: RoutingSteps<Sought>, share: Sought): Sought {
    if (!('name' in share)) throw new Mismatch()
    const reshape = this.#lookup.readersOf(share.name).find(({ opType }) => opType === 'Reshape')
    const scale = reshape?.outputs[0] ?? share.name
    const product = this.#lookup.readersOf(scale).find(({ opType, inputs }) => opType === 'Mul' && inputs[1] === scale)
    const exit = product?.inputs[0]
    if (exit === undefined) throw new Mismatch()
    this.#exits.push(exit)
    return weighted<Sought>(steps, { name: exit }, share, reshape !== undefined)
  }

  /**
   * Experts without branches: what only the one's result needs is the one, and what both need lies before them.
   * @returns the one value that both read.
   */
  #separateExperts(): string {
    const { file, found } = this.#outer
    const producers = new Map(file.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
    const [first, second] = this.#exits.map((exit) => neededFor(exit, producers)) as [Needed, Needed]
    const entries = new Set<string>()
    for (const [i, [own, other]] of [[first, second] as const, [second, first] as const].entries()) {
      const nodes = file.nodes.filter((node) => own.has(node) && !other.has(node))
      const given = new Set(nodes.flatMap(({ outputs }) => outputs))
      const read = nodes.flatMap(({ inputs }) => inputs).filter((name) => name !== '' && !given.has(name))
      const entry = read.find((name) => !file.initializers.has(name))
      if (entry === undefined || read.some((name) => name !== entry && !file.initializers.has(name)))
        throw new Mismatch()
      entries.add(entry)
      this.#experts.push({ nodes, initializers: file.initializers, plain: this.#plain, entry, exit: this.#exits[i]! })
      for (const node of nodes) found.add(node)
    }
    if (entries.size !== 1) throw new Mismatch()
    return [...entries][0]!
  }

  /** Nothing else may read what lies inside. @throws Mismatch */
  #checkClosed(output: string): void {
    const { file, found } = this.#outer
    const results = new Set(file.outputs.map(({ name }) => name))
    for (const node of found) {
      for (const name of node.outputs) {
        if (name === output) continue
        if (results.has(name) || this.#outer.readersOf(name).some((reader) => !found.has(reader))) throw new Mismatch()
      }
    }
  }
}

type Needed = ReadonlySet<OnnxFileNode>

/** Every node that a value depends on. */
function neededFor(value: string, producers: ReadonlyMap<string, OnnxFileNode>): Needed {
  const needed = new Set<OnnxFileNode>()
  const open = [value]
  while (open.length > 0) {
    const node = producers.get(open.pop()!)
    if (node === undefined || needed.has(node)) continue
    needed.add(node)
    open.push(...node.inputs)
  }
  return needed
}
