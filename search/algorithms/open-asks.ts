import type { Genome, Told } from '../algorithm.ts'
import { isFailed, isFeasible } from './state.ts'

/** More asks than this are never being measured at once; older ones must have been dropped by the loop. */
const MOST_OPEN = 256

/**
 * Genomes that were asked for and not told yet. A search loop may drop a genome without a word (one whose network it
 * knows already); since measured ones are told in the order of the asks, a result closes all asks before its own.
 */
export class OpenAsks {
  #genomes: Genome[]

  constructor(genomes: readonly Genome[] = []) {
    this.#genomes = [...genomes]
  }

  get genomes(): readonly Genome[] {
    return this.#genomes
  }

  add(genome: Genome): void {
    this.#genomes.push(genome)
    if (this.#genomes.length > MOST_OPEN) this.#genomes.shift()
  }

  close({ genome, fronts }: Told): void {
    const key = genome.join()
    const position = this.#genomes.findIndex((open) => open.join() === key)
    if (position < 0) return
    // Infeasible ones are told at once, ahead of those being measured.
    const measured = isFeasible(fronts) || isFailed(fronts)
    this.#genomes.splice(measured ? 0 : position, measured ? position + 1 : 1)
  }
}
