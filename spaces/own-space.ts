import { z } from 'zod'
import { messageOf, UserError } from '../lib/errors.ts'
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

/**
 * A space from a file of the user's own, whose code may do anything: what it throws, and genes or networks that are
 * not as documented, become a `UserError` that names the file.
 */
export function checkedSpace(space: SearchSpace, file: string): SearchSpace {
  const fail = (what: string, cause?: unknown): never => {
    throw new UserError(`the space file '${file}' is not right: ${what.split('\n', 1)[0]}`, { cause })
  }
  const run = <T>(what: string, work: () => T): T => {
    try {
      return work()
    } catch (error) {
      return fail(`${what} fails: ${messageOf(error)}`, error)
    }
  }
  return {
    ...space,
    title: space.title ?? space.id,
    description: space.description ?? '',
    genes: (task) => {
      const genes = run('genes(task)', () => space.genes(task))
      const parsed = genesSchema.safeParse(genes)
      if (!parsed.success) fail(`genes(task) gives no list of genes: ${messageOf(parsed.error)}`, parsed.error)
      const lost = conditionOnNothing(genes)
      return lost === undefined ? genes : fail(lost)
    },
    decode: (genome, task) => {
      const where = `decode([${genome.join(', ')}])`
      const graph = run(where, () => space.decode(genome, task))
      const wrong = wrongNetwork(graph, task)
      return wrong === undefined ? graph : fail(`${where} ${wrong}`)
    },
  }
}

/** A condition on choices that the other gene lacks would never be met. */
function conditionOnNothing(genes: readonly GeneDescription[]): string | undefined {
  for (const { name, activeWhen } of genes) {
    const choices = genes.find((gene) => gene.name === activeWhen?.gene)?.choices.length
    const lacking = activeWhen?.choices.find((choice) => choices !== undefined && choice >= choices)
    if (lacking === undefined) continue
    return `gene '${name}' wants choice ${lacking} of '${activeWhen!.gene}', whose choices count from 0 to ${choices! - 1}`
  }
  return undefined
}

/** What is wrong with a network for a task, if anything. */
function wrongNetwork(graph: NetworkGraph | null | undefined, task: Task): string | undefined {
  if (graph?.nodes === undefined) return 'gives no network: return g.build(…) of a GraphBuilder'
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
