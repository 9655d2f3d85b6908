import type { GeneDescription, Genome } from '../../spaces/genome.ts'

/** A trained network whose weights another may begin with. */
export interface ParentCandidate {
  readonly genome: Genome
  /** Its latest trial. */
  readonly trial: number
}

/**
 * How far two genomes of a space are apart: the mean over the genes of 0 to 1, for ordinal genes by the distance of the
 * choices.
 */
export const genomeDistance =
  (genes: readonly GeneDescription[]) =>
  (a: Genome, b: Genome): number => {
    let sum = 0
    genes.forEach(({ kind, choices }, i) => {
      if (a[i] === b[i]) return
      sum += kind === 'ordinal' ? Math.abs(a[i]! - b[i]!) / (choices.length - 1) : 1
    })
    return sum / genes.length
  }

/** The candidate that is most like the genome, of equals the first; undefined when there is none. */
export function nearestParent(
  genome: Genome,
  candidates: readonly ParentCandidate[],
  distance: (a: Genome, b: Genome) => number,
): ParentCandidate | undefined {
  let nearest: ParentCandidate | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const apart = distance(genome, candidate.genome)
    if (apart < least) [nearest, least] = [candidate, apart]
  }
  return nearest
}
