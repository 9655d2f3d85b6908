import { ANY_CHOICE, type TableSpace } from '../../evaluators/tabular/table-space.ts'
import type { Genome, GenomeOperations } from '../algorithm.ts'
import { geneOperations } from '../genes.ts'

/** Attempts to get a relative that the table holds before the search has to live with one that it lacks. */
const TRIES = 20

/**
 * Sampling, mutation and crossover within a table. Samples are genomes of the table, each as likely as any other; relatives
 * are what `geneOperations` makes of the genes, drawn again while the table lacks them.
 */
export function tableOperations(space: TableSpace, holds: (genome: Genome) => boolean): GenomeOperations {
  const { genes, genomes, architectures } = space
  const operations = geneOperations(genes)
  const held = (draw: () => Genome): Genome => {
    let genome = draw()
    for (let i = 1; i < TRIES && !holds(genome); i++) genome = draw()
    return genome
  }
  return {
    genes,
    sample: (random) => {
      const entry = random.int(architectures.length)
      return genes.map(({ choices }, gene) => {
        const choice = genomes[entry * genes.length + gene]!
        return choice === ANY_CHOICE ? random.int(choices.length) : choice
      })
    },
    mutate: (genome, random) => held(() => operations.mutate(genome, random)),
    crossover: (a, b, random) => held(() => operations.crossover(a, b, random)),
  }
}
