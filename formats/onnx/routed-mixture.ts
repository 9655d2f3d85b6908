import type { OnnxAttribute } from './model.ts'
import { type OnnxFile, type OnnxFileNode, readGraph } from './read-onnx.ts'
import { floatShares, type RoutingSteps, routeExperts, weighted } from './routed-experts.ts'

/** One expert: the graph between the samples that go to it and what it gives for them. */
export interface ExpertGraph {
  readonly nodes: readonly OnnxFileNode[]
  readonly initializers: OnnxFile['initializers']
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

/** Says that a file's nodes are not what was looked for; never leaves this module. */
class Mismatch extends Error {}

/** A value of the file by its name, a stored list, or one that is still to be found. */
type Sought = { readonly name: string } | { readonly list: readonly number[] } | { found: string | undefined }

/** Nodes by the values that they read. */
export type Readers = ReadonlyMap<string, readonly OnnxFileNode[]>

export function readersIn({ nodes }: OnnxFile): Readers {
  const readers = new Map<string, OnnxFileNode[]>()
  for (const node of nodes) {
    for (const name of new Set(node.inputs)) {
      const known = readers.get(name)
      if (known === undefined) readers.set(name, [node])
      else known.push(node)
    }
  }
  return readers
}

/** A graph while its nodes are looked for. */
class Lookup {
  readonly file: OnnxFile
  readonly found = new Set<OnnxFileNode>()
  readonly #readers: Readers

  constructor(file: OnnxFile, readers: Readers) {
    this.file = file
    this.#readers = readers
  }

  readersOf = (name: string): readonly OnnxFileNode[] => this.#readers.get(name) ?? []

  /** The first node of this kind on these operands, which is then taken. @throws Mismatch */
  take(
    opType: string,
    inputs: readonly Sought[],
    outputs: number,
    attributes: Readonly<Record<string, OnnxAttribute>>,
    candidates?: readonly OnnxFileNode[],
  ): OnnxFileNode {
    const lead = inputs.find((input): input is { readonly name: string } => 'name' in input)
    const node = (candidates ?? this.readersOf(lead?.name ?? '')).find(
      (candidate) =>
        !this.found.has(candidate) &&
        candidate.opType === opType &&
        candidate.domain === '' &&
        candidate.outputs.length === outputs &&
        candidate.inputs.length === inputs.length &&
        inputs.every((input, i) => this.#is(candidate.inputs[i]!, input)) &&
        hasAttributes(candidate, attributes),
    )
    if (node === undefined) throw new Mismatch()
    inputs.forEach((input, i) => {
      if ('found' in input) input.found = node.inputs[i]!
    })
    this.found.add(node)
    return node
  }

  #is(name: string, sought: Sought): boolean {
    if ('name' in sought) return name === sought.name
    if ('found' in sought) return sought.found === undefined || name === sought.found
    const stored = this.file.initializers.get(name)
    return (
      stored?.type === 'int64' &&
      stored.dims.length === 1 &&
      stored.values?.length === sought.list.length &&
      sought.list.every((value, i) => stored.values![i] === value)
    )
  }
}

function hasAttributes(node: OnnxFileNode, wanted: Readonly<Record<string, OnnxAttribute>>): boolean {
  const entries = Object.entries(wanted)
  return (
    node.integers.size === entries.length &&
    node.floats.size + node.texts.size + node.tensors.size + node.graphs.size === 0 &&
    entries.every(([name, value]) => {
      const list = typeof value === 'bigint' ? [value] : (value as readonly bigint[])
      const found = node.integers.get(name)
      return found?.length === list.length && list.every((item, i) => Number(item) === found[i])
    })
  )
}

/**
 * The mixture that begins at a TopK node, recognised by going through the steps with which our own files are written;
 * undefined when the file has anything else there.
 */
export function routedMixtureAt(file: OnnxFile, readers: Readers, start: OnnxFileNode): RoutedMixture | undefined {
  const topK = file.initializers.get(start.inputs[1] ?? '')?.values?.[0]
  const flags = readers.get(start.outputs[1] ?? '')?.find(({ opType }) => opType === 'OneHot')
  const experts = file.initializers.get(flags?.inputs[1] ?? '')?.values?.[0]
  if (topK === undefined || experts === undefined || !(experts > 1 && experts <= MAX_EXPERTS)) return undefined
  if (!(topK >= 1 && topK <= experts)) return undefined
  for (const floatType of FLOAT_TYPES) {
    try {
      return new MixtureReading(new Lookup(file, readers), experts, topK, start).run(floatType)
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error
    }
  }
  return undefined
}

class MixtureReading {
  readonly #outer: Lookup
  #lookup: Lookup
  readonly #experts: ExpertGraph[] = []
  readonly #count: number
  readonly #topK: number
  readonly #start: OnnxFileNode

  constructor(outer: Lookup, count: number, topK: number, start: OnnxFileNode) {
    this.#outer = outer
    this.#lookup = outer
    this.#count = count
    this.#topK = topK
    this.#start = start
  }

  run(floatType: bigint): RoutedMixture {
    const steps: RoutingSteps<Sought> = {
      nodes: (opType, inputs, outputs, attributes = {}) => {
        const candidates = opType === 'TopK' ? [this.#start] : undefined
        return this.#lookup.take(opType, inputs, outputs, attributes, candidates).outputs.map((name) => ({ name }))
      },
      integers: (list) => ({ list }),
      rowsIf: (condition, _expert, then) => this.#branch(condition, then),
    }
    const gates = { name: this.#start.inputs[0] ?? '' }
    const features: Sought = { found: undefined }
    const output = routeExperts<Sought>(steps, {
      experts: this.#count,
      topK: this.#topK,
      features,
      scores: gates,
      shares: floatShares(steps, { gates, topK: this.#topK, floatType }),
      part: (_expert, some, share) => this.#part(steps, some, share),
      sum: (a, b) => steps.nodes('Add', [a, b], 1)[0]!,
    })
    if (!('name' in output) || features.found === undefined) throw new Mismatch()
    this.#checkClosed(output.name)
    return {
      experts: this.#experts,
      topK: this.#topK,
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
    const none = readGraph(no)
    const rows = none.initializers.get(none.nodes[0]?.inputs[0] ?? '')?.values
    if (none.nodes.length !== 1 || none.nodes[0]!.opType !== 'ConstantOfShape' || rows?.[0] !== 0) throw new Mismatch()
    const around = this.#lookup
    const graph = readGraph(yes)
    const inner = new Lookup(graph, readersIn(graph))
    this.#lookup = inner
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
    this.#experts.push({ nodes, initializers: file.initializers, entry: some.name, exit })
    return result
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
