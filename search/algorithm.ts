import type { RandomStream } from '../lib/random.ts'

/** A point of a search space: one choice index per gene. Algorithms never look behind the indices. */
export type Genome = readonly number[]

/** What a surrogate may know of a gene. */
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

/**
 * What became of a genome. One entry of `fronts` per device searched for: each device keeps its own front, and a
 * candidate may be feasible for one and not for another.
 */
export interface Told {
  readonly genome: Genome
  readonly fronts: readonly FrontResult[]
}

export interface FrontResult {
  /** Minimisation vector, finite. Undefined when the candidate was not trained or failed. */
  readonly objectives: readonly number[] | undefined
  /** Sum of relative limit violations; 0 when feasible. A failed candidate has `Infinity`. */
  readonly violation: number
}

export interface AlgorithmConfig {
  readonly operations: GenomeOperations
  readonly objectiveCount: number
  readonly frontCount: number
  readonly populationSize: number
}

/**
 * Proposes genomes and learns from results. Results arrive in the order of the asks, but several asks may come before
 * the first tell. `state()` is JSON; an algorithm created from it continues exactly as the original would have.
 */
export interface Algorithm {
  ask(): Genome
  tell(result: Told): void
  state(): unknown
}

export interface AlgorithmDefinition {
  readonly id: string
  /** One line for the help text. */
  readonly title: string
  create(config: AlgorithmConfig, random: RandomStream): Algorithm
  /** @throws UserError when the state is not one of this algorithm. */
  restore(config: AlgorithmConfig, state: unknown): Algorithm
}

/** Identity function that types an algorithm file's default export. */
export const defineAlgorithm = (definition: AlgorithmDefinition): AlgorithmDefinition => definition
