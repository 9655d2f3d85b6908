import { UserError } from '../lib/errors.ts'
import { unknownName } from '../lib/nearest-name.ts'
import type { GeneDescription, Genome } from './genome.ts'
import type { Task } from './space.ts'

type Choice = string | number | boolean

export const ordinal = (
  name: string,
  choices: readonly Choice[],
  activeWhen?: GeneDescription['activeWhen'],
): GeneDescription =>
  activeWhen === undefined ? { name, kind: 'ordinal', choices } : { name, kind: 'ordinal', choices, activeWhen }

export const categorical = (
  name: string,
  choices: readonly Choice[],
  activeWhen?: GeneDescription['activeWhen'],
): GeneDescription =>
  activeWhen === undefined ? { name, kind: 'categorical', choices } : { name, kind: 'categorical', choices, activeWhen }

/** Reads the choices of a genome by gene name. @throws UserError for an unknown name, or a choice of another type. */
export interface GenomeReader {
  number(name: string): number
  text(name: string): string
  flag(name: string): boolean
}

const positionsOf = new WeakMap<readonly GeneDescription[], ReadonlyMap<string, number>>()

export function readGenome(genes: readonly GeneDescription[], genome: Genome): GenomeReader {
  let positions = positionsOf.get(genes)
  if (positions === undefined) {
    positions = new Map(genes.map(({ name }, i) => [name, i]))
    positionsOf.set(genes, positions)
  }
  const found = positions
  const value = (name: string): Choice => {
    const gene = found.get(name)
    if (gene === undefined) throw new UserError(unknownName('gene', name, [...found.keys()]))
    return genes[gene]!.choices[genome[gene]!]!
  }
  const wrong = (name: string, type: string): never => {
    throw new UserError(`gene '${name}' holds ${value(name)}, which is no ${type}`)
  }
  return {
    number: (name) => {
      const choice = value(name)
      return typeof choice === 'number' ? choice : wrong(name, 'number')
    },
    text: (name) => {
      const choice = value(name)
      return typeof choice === 'string' ? choice : wrong(name, 'text')
    },
    flag: (name) => {
      const choice = value(name)
      return typeof choice === 'boolean' ? choice : wrong(name, 'true or false')
    },
  }
}

/** Remembers the genes of tasks: a search decodes thousands of genomes for one and the same task object. */
export function perTask(
  genesOf: (task: Task) => readonly GeneDescription[],
): (task: Task) => readonly GeneDescription[] {
  const known = new WeakMap<Task, readonly GeneDescription[]>()
  return (task) => {
    const genes = known.get(task) ?? genesOf(task)
    known.set(task, genes)
    return genes
  }
}
