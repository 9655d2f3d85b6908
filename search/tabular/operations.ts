import { ANY_CHOICE, type TableGenomes } from '../../evaluators/tabular/table-space.ts'
import type { RandomStream } from '../../lib/random.ts'
import type { Genome, GenomeOperations } from '../algorithm.ts'
import { activeGenes, geneOperations } from '../genes.ts'
import { nearbyEntries } from './neighbours.ts'

/** Attempts to get a relative that the table holds before one like it is taken. */
const TRIES = 20

/**
 * Sampling, mutation and crossover within a table. Samples are genomes of the table, each as likely as any other. Relatives
 * are what `geneOperations` makes of the genes; where the table lacks all that is tried, as tables do that hold a few
 * thousand of many billion genomes, a genome of the table that is like the last try.
 */
export function tableOperations(space: TableGenomes, holds: (genome: Genome) => boolean): GenomeOperations {
  const { genes, genomes, architectures } = space
  const operations = geneOperations(genes)
  const nearby = nearbyEntries(space)
  // Where so few genomes are in the table, trying again is in vain.
  const tries = covers(space, 1 / TRIES) ? TRIES : 1
  const entryGenome = (entry: number, like: (gene: number) => number): Genome =>
    genes.map((_, gene) => {
      const choice = genomes[entry * genes.length + gene]!
      return choice === ANY_CHOICE ? like(gene) : choice
    })
  const held = (draw: () => Genome, parents: readonly Genome[], random: RandomStream): Genome => {
    let genome = draw()
    for (let i = 0; !holds(genome); i++) {
      if (i === tries) {
        const entry = nearby(genome, parents, random.int)
        return entry === undefined ? genome : entryGenome(entry, (gene) => genome[gene]!)
      }
      genome = draw()
    }
    return genome
  }
  return {
    genes,
    sample: (random) =>
      entryGenome(random.int(architectures.length), (gene) => random.int(genes[gene]!.choices.length)),
    mutate: (genome, random) => held(() => operations.mutate(genome, random), [genome], random),
    crossover: (a, b, random) => held(() => operations.crossover(a, b, random), [a, b], random),
  }
}

/** Whether the table holds at least a share of all genomes, genes that do not matter left out. */
function covers({ genes, genomes, architectures }: TableGenomes, least: number): boolean {
  const activity = genes.some(({ activeWhen }) => activeWhen !== undefined) ? activeGenes(genes) : undefined
  const sizes = genes.map(({ choices }) => choices.length)
  let sum = 0
  for (let entry = 0; entry < architectures.length && sum < least; entry++) {
    const start = entry * genes.length
    const active = activity?.([...genomes.subarray(start, start + genes.length)])
    let share = 1
    for (let gene = 0; gene < sizes.length; gene++) {
      if ((active === undefined || active[gene]) && genomes[start + gene] !== ANY_CHOICE) share /= sizes[gene]!
    }
    sum += share
  }
  return sum >= least
}
