import type { RandomStream } from '../lib/random.ts'
import type { Genome, GenomeOperations } from '../spaces/genome.ts'

export type { GeneDescription, Genome, GenomeOperations } from '../spaces/genome.ts'

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

/** What one device's costs are, known without measuring anything. */
export interface KnownCosts {
  /** The objective vector without its first entry, the error. */
  readonly costs: readonly number[]
  /** Sum of relative limit violations; 0 when feasible. */
  readonly violation: number
}

export interface AlgorithmConfig {
  readonly operations: GenomeOperations
  readonly objectiveCount: number
  readonly frontCount: number
  readonly populationSize: number
  /**
   * The exact costs of any genome, per device, where they can be had for free; undefined for a genome that has none (one
   * that is missing from a table). Pure. Algorithms may do without.
   */
  readonly cheapObjectives?: (genome: Genome) => readonly KnownCosts[] | undefined
}

/**
 * Proposes genomes and learns from results. Results arrive in the order of the asks, but several asks may come before
 * the first tell. A genome may be told again, when more is known of it than before: the later result replaces the earlier
 * one, in its place and not as a new one, and a later failure removes it; a genome that is not remembered any more is taken
 * in as a new one or left out. `state()` is JSON; an algorithm created from it continues exactly as the original would have.
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
