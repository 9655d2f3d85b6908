import type { RandomStream } from '../../../lib/random.ts'
import type { Genome, GenomeOperations, KnownCosts } from '../../algorithm.ts'
import type { GenomeMemory } from '../genome-memory.ts'
import type { CostSource } from './costs.ts'
import { genomeKey } from './recently-used.ts'

export interface Candidate {
  readonly genome: Genome
  /** `genomeKey` of it. */
  readonly key: string
  readonly known: readonly KnownCosts[]
}

export const isAllowed = <T extends KnownCosts>(known: readonly T[] | undefined): known is readonly T[] =>
  known?.some(({ violation }) => violation === 0) ?? false

/** New genomes, about, that an ask looks at. */
const NEW = 168
/**
 * A child differs from its parent in one gene or two, so the way to the best candidate is longer where there are more
 * genes: for so many of them there is one round of climbing, and with every round one more seventh of the new genomes climb.
 */
const GENES_PER_ROUND = 10
const MOST_ROUNDS = 4
const SEVENTH = NEW / 7
const SAMPLE_SHARE = 0.2
const CROSSOVER_SHARE = 0.2
const CLIMBERS = 8

/** Gathers genomes that are new and may be feasible, each once. */
export class CandidatePool {
  readonly members: Candidate[] = []
  readonly #operations: GenomeOperations
  readonly #memory: GenomeMemory
  readonly #source: CostSource
  readonly #random: RandomStream
  readonly #keys = new Set<string>()
  readonly #rounds: number

  constructor(operations: GenomeOperations, memory: GenomeMemory, source: CostSource, random: RandomStream) {
    this.#operations = operations
    this.#memory = memory
    this.#source = source
    this.#random = random
    const open = operations.genes.filter(({ choices }) => choices.length > 1).length
    this.#rounds = Math.min(MOST_ROUNDS, Math.max(1, Math.round(open / GENES_PER_ROUND)))
  }

  offer(genome: Genome): Candidate | undefined {
    const key = genomeKey(genome)
    if (this.#keys.has(key) || this.#memory.has(genome)) return undefined
    this.#keys.add(key)
    const known = this.#source.costs(genome, key)
    if (!isAllowed(known)) return undefined
    const candidate = { genome, key, known }
    this.members.push(candidate)
    return candidate
  }

  /** Samples, children and near relatives of the parents. */
  refresh(parents: readonly Genome[]): void {
    const random = this.#random
    for (let i = SEVENTH * (this.#rounds + 1); i < NEW; i++) {
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

  /** Relatives of the candidates that look best, and in the next round relatives of these. */
  climb(score: (candidate: Candidate) => number): void {
    const steps = Math.round((SEVENTH * (this.#rounds + 1)) / (this.#rounds * CLIMBERS))
    for (let round = 0; round < this.#rounds; round++) {
      const scored = this.members.map((candidate) => ({ candidate, score: score(candidate) }))
      const best = scored.sort((a, b) => b.score - a.score).slice(0, CLIMBERS)
      for (const { candidate } of best) {
        for (let step = 0; step < steps; step++) this.offer(this.#operations.mutate(candidate.genome, this.#random))
      }
    }
  }
}
