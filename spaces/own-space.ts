import { z } from 'zod'
import { canonicalJson } from '../lib/canonical-json.ts'
import { messageOf, UserError } from '../lib/errors.ts'
import { OWN_CALL_SECONDS, OwnCodeError, ownCall } from '../lib/own-code.ts'
import { buildGraph, isBuilt } from '../network/build.ts'
import type { NetworkGraph } from '../network/types.ts'
import type { GeneDescription } from './genome.ts'
import type { SearchSpace, Task } from './space.ts'

const genesSchema = z.array(
  z.strictObject({
    name: z.string().min(1),
    kind: z.enum(['ordinal', 'categorical']),
    choices: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1),
    activeWhen: z.strictObject({ gene: z.string(), choices: z.array(z.int().min(0)).min(1) }).optional(),
  }),
)

/** What stands for a space in lists and in the settings of a search: no control or line characters, no blanks at its ends. */
const LABEL = /^(?!\s)[^\p{C}\p{Zl}\p{Zp}]{1,64}(?<!\s)$/u

/** So many networks of a space are decoded twice, to see whether they are the same. */
const DECODED_TWICE = 32

/**
 * A space from a file of the user's own, whose code may do anything: what it throws, genes or networks that are not as
 * documented, and calls that do not come back become a `UserError` that names the file.
 */
export function checkedSpace(space: SearchSpace, file: string): SearchSpace {
  const owner = `the space file '${file}'`
  const fail = (what: string, cause?: unknown): never => {
    throw new UserError(`${owner} is not right: ${what.split('\n', 1)[0]}`, { cause })
  }
  const run = <T>(what: string, work: () => T): T => {
    try {
      return ownCall({ owner, what }, OWN_CALL_SECONDS, work)
    } catch (error) {
      if (error instanceof OwnCodeError) throw error
      return fail(`${what} fails: ${messageOf(error)}`, error)
    }
  }
  for (const [member, text] of Object.entries({ id: space.id, version: space.version })) {
    if (!LABEL.test(text)) fail(`its ${member} must be one line of 1 to 64 characters`)
  }
  const known = new Map<string, string>()
  let decoded = 0
  return {
    ...space,
    title: String(space.title ?? space.id),
    description: String(space.description ?? ''),
    genes: (task) => {
      const genes = run('genes(task)', () => space.genes(task))
      const parsed = genesSchema.safeParse(genes)
      if (!parsed.success) fail(`genes(task) gives no list of genes: ${messageOf(parsed.error)}`, parsed.error)
      const wrong = wrongGenes(genes)
      if (wrong !== undefined) fail(wrong)
      const place = canonicalJson(task)
      const said = canonicalJson(genes)
      if ((known.get(place) ?? said) !== said)
        fail('genes(task) gives other genes at each call: they must stay the same')
      known.set(place, said)
      return genes
    },
    decode: (genome, task) => {
      const where = `decode([${genome.join(', ')}])`
      const decode = () => checkedGraph(space.decode([...genome], task))
      const graph = run(where, decode)
      const wrong = wrongNetwork(graph, task)
      if (
        wrong === undefined &&
        decoded++ < DECODED_TWICE &&
        canonicalJson(run(where, decode)) !== canonicalJson(graph)
      )
        fail(`${where} gives another network at each call: it may depend on the genome and the task alone`)
      return wrong === undefined ? graph! : fail(`${where} ${wrong}`)
    },
  }
}

/** What is wrong with genes that each by itself are as they should be, if anything. */
function wrongGenes(genes: readonly GeneDescription[]): string | undefined {
  const names = genes.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) return `gene '${twice}' is there twice: give each a name of its own`
  for (const { name, activeWhen } of genes) {
    const choices = genes.find((gene) => gene.name === activeWhen?.gene)?.choices.length
    const lacking = activeWhen?.choices.find((choice) => choices !== undefined && choice >= choices)
    // A condition on choices that the other gene lacks would never be met.
    if (lacking === undefined) continue
    return `gene '${name}' wants choice ${lacking} of '${activeWhen!.gene}', whose choices count from 0 to ${choices! - 1}`
  }
  return undefined
}

/** A network from anything: those that no `GraphBuilder` has checked are checked here; undefined for what is none. */
function checkedGraph(given: NetworkGraph | null | undefined): NetworkGraph | undefined {
  if (!Array.isArray(given?.nodes)) return undefined
  return isBuilt(given) ? given : buildGraph(given.nodes, given.output)
}

/** What is wrong with a network for a task, if anything. */
function wrongNetwork(graph: NetworkGraph | undefined, task: Task): string | undefined {
  if (graph === undefined) return 'gives no network: return g.build(…) of a GraphBuilder'
  const { nodes, output: last } = graph
  const input = nodes.find(({ op }) => op.kind === 'input')?.shape
  const output = nodes.find(({ id }) => id === last)?.shape
  if (input === undefined) return 'gives a network without an input'
  const fits = input.length === 3 && input.every((length, i) => (i < 2 ? length <= task.inputShape[i]! : true))
  if (!fits || input[2] !== task.inputShape[2]) {
    return `gives a network for ${input.join('×')}: the samples are ${task.inputShape.join('×')}, and only height and width may be smaller`
  }
  if (output?.join() !== `${task.classCount}`) {
    return `gives a network that ends in ${output?.join('×')}: one logit for each of the ${task.classCount} classes is needed`
  }
  return undefined
}
