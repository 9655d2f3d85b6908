import { z } from 'zod'
import type { Genome, Told } from '../algorithm.ts'
import { GenomeMemory } from './genome-memory.ts'
import { OpenAsks } from './open-asks.ts'

/** Random samples go on beyond what an algorithm begins with while most are infeasible, but not for ever. */
const MOST_SAMPLES_PER_WANTED = 10

/** Members of a stored state that hold what was asked. */
export const asksSchema = {
  asked: z.int().min(0),
  open: z.array(z.array(z.int().min(0))),
  seen: z.array(z.int().min(0)),
}

interface StoredAsks {
  readonly asked: number
  readonly open: readonly Genome[]
  readonly seen: readonly number[]
}

/** What an algorithm that never proposes a genome twice remembers of its proposals. */
export class Asks {
  readonly seen: GenomeMemory
  readonly #open: OpenAsks
  #asked: number

  constructor(stored: StoredAsks = { asked: 0, open: [], seen: [] }) {
    this.seen = new GenomeMemory(stored.seen)
    this.#open = new OpenAsks(stored.open)
    this.#asked = stored.asked
  }

  /** Proposals that were not told yet. */
  get open(): readonly Genome[] {
    return this.#open.genomes
  }

  /** Notes a proposal and hands it on. */
  add(genome: Genome): Genome {
    this.#asked++
    this.#open.add(genome)
    this.seen.add(genome)
    return genome
  }

  close(result: Told): void {
    this.#open.close(result)
  }

  /** Whether random samples are still due before `wanted` feasible ones are known or under way. */
  stillSampling(feasible: number, wanted: number): boolean {
    return feasible + this.open.length < wanted && this.#asked < wanted * MOST_SAMPLES_PER_WANTED
  }

  state() {
    return { asked: this.#asked, open: this.open, seen: this.seen.state() }
  }
}
