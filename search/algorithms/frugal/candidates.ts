import type { RandomStream } from '../../../lib/random.ts'
import type { Genome, GenomeOperations, KnownCosts } from '../../algorithm.ts'
import type { GenomeMemory } from '../genome-memory.ts'
import type { CostSource } from './costs.ts'

export interface Candidate {
  readonly genome: Genome
  readonly known: readonly KnownCosts[]
}

export const isAllowed = <T extends KnownCosts>(known: readonly T[] | undefined): known is readonly T[] =>
  known?.some(({ violation }) => violation === 0) ?? false

const FRESH = 120
const SAMPLE_SHARE = 0.2
const CROSSOVER_SHARE = 0.2
const CLIMBERS = 8
const STEPS_PER_CLIMBER = 6

/** Gathers genomes that are new and may be feasible, each once. */
export class CandidatePool {
  readonly members: Candidate[] = []
  readonly #operations: GenomeOperations
  readonly #memory: GenomeMemory
  readonly #source: CostSource
  readonly #random: RandomStream
  readonly #keys = new Set<string>()

  constructor(operations: GenomeOperations, memory: GenomeMemory, source: CostSource, random: RandomStream) {
    this.#operations = operations
    this.#memory = memory
    this.#source = source
    this.#random = random
  }

  offer(genome: Genome): Candidate | undefined {
    const key = genome.join()
    if (this.#keys.has(key) || this.#memory.has(genome)) return undefined
    this.#keys.add(key)
    const known = this.#source.costs(genome)
    if (!isAllowed(known)) return undefined
    const candidate = { genome, known }
    this.members.push(candidate)
    return candidate
  }

  /** Samples, children and near relatives of the parents. */
  refresh(parents: readonly Genome[]): void {
    const random = this.#random
    for (let i = 0; i < FRESH; i++) {
      const draw = random.float()
      if (draw < SAMPLE_SHARE || parents.length === 0) {
        this.offer(this.#operations.sample(random))
        continue
      }
      let genome = random.pick(parents)
      if (draw < SAMPLE_SHARE + CROSSOVER_SHARE) {
        genome = this.#operations.crossover(genome, random.pick(parents), random)
      }
      do genome = this.#operations.mutate(genome, random)
      while (random.chance(0.4))
      this.offer(genome)
    }
  }

  /** Relatives of the candidates that look best. */
  climb(score: (candidate: Candidate) => number): void {
    const best = [...this.members].sort((a, b) => score(b) - score(a)).slice(0, CLIMBERS)
    for (const { genome } of best) {
      for (let step = 0; step < STEPS_PER_CLIMBER; step++) this.offer(this.#operations.mutate(genome, this.#random))
    }
  }
}
