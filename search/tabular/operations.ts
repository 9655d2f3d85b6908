import { ANY_CHOICE, type TableSpace } from '../../evaluators/tabular/table-space.ts'
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
export function tableOperations(space: TableSpace, holds: (genome: Genome) => boolean): GenomeOperations {
  const { genes, genomes, architectures } = space
  const operations = geneOperations(genes)
  const nearby = nearbyEntries(space)
  // Where so few genomes are in the table, trying again is in vain.
  const tries = coverage(space) < 1 / TRIES ? 1 : TRIES
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

/** Share of all genomes that the table holds, genes that do not matter left out. */
function coverage({ genes, genomes, architectures }: TableSpace): number {
  const activity = activeGenes(genes)
  let sum = 0
  for (let entry = 0; entry < architectures.length; entry++) {
    const genome = [...genomes.subarray(entry * genes.length, (entry + 1) * genes.length)]
    const active = activity(genome)
    let share = 1
    for (const [gene, { choices }] of genes.entries()) {
      if (active[gene] && genome[gene] !== ANY_CHOICE) share /= choices.length
    }
    sum += share
  }
  return sum
}
