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

/** Reads the choices of a genome by gene name. The genome must fit the genes. */
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
    const gene = found.get(name)!
    return genes[gene]!.choices[genome[gene]!]!
  }
  return {
    number: (name) => value(name) as number,
    text: (name) => value(name) as string,
    flag: (name) => value(name) as boolean,
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
