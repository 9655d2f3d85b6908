import type { GeneDescription, Genome } from './genome.ts'

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

export function readGenome(genes: readonly GeneDescription[], genome: Genome): GenomeReader {
  const values = new Map(genes.map((gene, i) => [gene.name, gene.choices[genome[i]!]!]))
  return {
    number: (name) => values.get(name) as number,
    text: (name) => values.get(name) as string,
    flag: (name) => values.get(name) as boolean,
  }
}
