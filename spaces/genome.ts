import type { RandomStream } from '../lib/random.ts'

/** A point of a search space: one choice index per gene. Algorithms never look behind the indices. */
export type Genome = readonly number[]

/** What anyone may know of a gene: enough for a surrogate, nothing of the network behind it. */
export interface GeneDescription {
  readonly name: string
  /** Ordinal choices have a meaningful order (widths, depths); categorical ones have none. */
  readonly kind: 'ordinal' | 'categorical'
  readonly choices: readonly (string | number | boolean)[]
  /** The gene matters only while another gene holds one of these choice indices. */
  readonly activeWhen?: { readonly gene: string; readonly choices: readonly number[] }
}

/** Genome operations of a space, bound to a task. All are pure but for the stream. */
export interface GenomeOperations {
  readonly genes: readonly GeneDescription[]
  sample(random: RandomStream): Genome
  /** A copy with at least one active gene changed where possible; the input is left alone. */
  mutate(genome: Genome, random: RandomStream): Genome
  /** A child with each gene from one of the parents. */
  crossover(a: Genome, b: Genome, random: RandomStream): Genome
}
