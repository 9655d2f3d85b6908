import { UserError } from '../../lib/errors.ts'
import type { MemoryPlan } from '../../network/memory-plan.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { QuantisedExperts, QuantisedGraph, QuantisedKernel } from '../quantise/types.ts'
import { ConstantEmitter } from './emitter.ts'
import { commentText } from './identifiers.ts'
import { callOf, combineInitialisers, initialisersOf, PARAMETER_RULES } from './parameters.ts'
import { type KernelSourceName, sourceOf } from './source-names.ts'

/** A kernel whose parameters are stored: one struct for each variant, or `stride` of them. */
interface StoredKernel {
  readonly kernel: QuantisedKernel
  readonly name: string
  readonly stride: number
  /** The bodies of routed experts, with all variants of all experts. */
  readonly body?: StoredLevel
}

interface StoredLevel {
  readonly graph: QuantisedGraph
  readonly kernels: readonly StoredKernel[]
}

export interface Program {
  /** Functions that the calls need. */
  readonly sources: ReadonlySet<KernelSourceName>
  readonly constants: string
  /** Statements of one inference, from the input's place in the arena to the output's. */
  readonly statements: readonly string[]
  /** C expressions: where the input and the output lie. */
  readonly input: string
  readonly output: string
  /** Bytes of the constant arrays. */
  readonly arrayBytes: number
  /**
   * What each `FRUGAL_LAYER(n)` ends, by n: ids of the schedule's kernels; `<id>/route` for the choice of experts, which
   * no schedule lists.
   */
  readonly layers: readonly string[]
}

/** Turns a quantised network into constants and calls; tensors lie where the memory plan puts them. */
export function writeProgram(network: QuantisedGraph, plan: MemoryPlan): Program {
  const constants = new ConstantEmitter()
  const sources = new Set<KernelSourceName>()
  const offsets = new Map(plan.buffers.map(({ id, offset }) => [id, offset]))
  if (offsets.size !== plan.buffers.length) {
    throw new UserError('two tensors of the network have one name: the nodes of experts and of the network must differ')
  }
  const statements: string[] = []
  const layers: string[] = []
  const root = storeLevel([network], constants, sources, { count: 0 })
  const place = (id: string): string => `arena + ${offsets.get(id)!}`
  const input = place(network.tensors[network.input]!.id)
  const top = { prefix: '', entry: input, variant: '0', depth: 0 }
  const output = writeCalls(root, top, { place, statements, layers })
  return {
    sources,
    constants: constants.text,
    statements,
    input,
    output,
    arrayBytes: constants.arrayBytes,
    layers,
  }
}

/** Stores the parameters of a level. `variants`: the same graph with the weights of each expert (in all outer experts). */
function storeLevel(
  variants: readonly QuantisedGraph[],
  constants: ConstantEmitter,
  sources: Set<KernelSourceName>,
  counter: { count: number },
): StoredLevel {
  const [graph] = variants as readonly [QuantisedGraph]
  const kernels = graph.kernels.map((kernel, at): StoredKernel => {
    sources.add(sourceOf(kernel))
    const name = `p${counter.count++}`
    if (kernel.kind === 'routedExperts') {
      const kernels = variants.map((variant) => variant.kernels[at] as QuantisedExperts)
      const sums = kernels.flatMap((routed, i) => combineInitialisers(routed, variants[i]!))
      constants.structs('combine_t', name, sums, `${commentText(kernel.id)}: sums of experts`)
      const body = storeLevel(
        kernels.flatMap(({ experts }) => experts.map((expert) => expert.graph)),
        constants,
        sources,
        counter,
      )
      return { kernel, name, stride: kernel.experts.length, body }
    }
    const initialisers = variants.map((variant) => initialisersOf(variant.kernels[at]!, variant, constants))
    const { type } = PARAMETER_RULES[kernel.kind]
    constants.structs(type, name, initialisers.flat(), commentText(kernel.id))
    return { kernel, name, stride: initialisers[0]!.length }
  })
  return { graph, kernels }
}

/** What the calls of all levels are written to. */
interface Writing {
  readonly place: (id: string) => string
  readonly statements: string[]
  readonly layers: string[]
}

interface Place {
  /** Of the ids in the memory plan. */
  readonly prefix: string
  /** Where the level's input lies. */
  readonly entry: string
  /** C expression: which variant of the parameters. */
  readonly variant: string
  readonly depth: number
}

/** Writes the calls of a level. Returns where its output lies. */
function writeCalls({ graph, kernels }: StoredLevel, at: Place, writing: Writing): string {
  const { place, statements, layers } = writing
  const where = (tensor: number): string =>
    tensor === graph.input ? at.entry : place(at.prefix + graph.tensors[tensor]!.id)
  const indent = '  '.repeat(at.depth + 1)
  for (const { kernel, name, stride, body } of kernels) {
    const inputs = kernel.inputs.map(where)
    const output = where(kernel.output)
    const write = (text: string): void => void statements.push(indent + text)
    const layer = (id: string): void => write(`FRUGAL_LAYER(${layers.push(id) - 1});`)
    if (kernel.kind === 'routedExperts') {
      const { topK, experts } = kernel
      const first = at.variant === '0' ? '' : `(${at.variant}) * ${stride}`
      const common = `${name}[${first || '0'}]`
      const [chosen, shares] = [`chosen_${name}`, `shares_${name}`]
      write('{')
      write(`  int32_t ${chosen}[${topK}], ${shares}[${topK}];`)
      write(`  route(${inputs[1]}, ${common}.gate_zero, ${experts.length}, ${topK}, ${chosen}, ${shares});`)
      layer(`${at.prefix}${kernel.id}/route`)
      for (let run = 0; run < topK; run++) {
        const variant = first === '' ? `${chosen}[${run}]` : `${first} + ${chosen}[${run}]`
        const inner = { prefix: `${at.prefix}${kernel.id}/${run}/`, entry: inputs[0]!, variant, depth: at.depth + 1 }
        const result = writeCalls(body!, inner, writing)
        // The sum may take the place of what the first expert read: it is cleared only now.
        if (run === 0) write(`  memset(${output}, ${common}.out_zero, ${sizeOf(kernel.outputShape)});`)
        write(`  combine(&${name}[${variant}], ${shares}[${run}], ${result}, ${output});`)
        layer(`${at.prefix}${kernel.id}/${run}/combine`)
      }
      write('}')
      continue
    }
    const parameters = (operand: number): string =>
      stride === 1
        ? `&${name}[${at.variant}]`
        : `&${name}[${at.variant === '0' ? '' : `(${at.variant}) * ${stride} + `}${operand}]`
    const call = callOf(kernel)
    if (kernel.kind === 'concat') {
      for (const [n, input] of inputs.entries()) write(`${call}(${parameters(n)}, ${input}, ${output});`)
    } else if (kernel.kind === 'add') {
      write('{')
      write(`  const int8_t *const operands[] = {${inputs.join(', ')}};`)
      write(`  ${call}(${parameters(0)}, operands, ${output});`)
      write('}')
    } else {
      write(`${call}(${parameters(0)}, ${[...inputs, output].join(', ')});`)
    }
    layer(at.prefix + kernel.id)
  }
  return where(graph.output)
}
