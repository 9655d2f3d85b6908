import type { Genome } from '../algorithm.ts'

/**
 * Remembers the latest genomes by 32-bit hash, so that an algorithm does not propose the same one again. Small however
 * long a search runs; a rare collision only means that one genome is passed over.
 */
export class GenomeMemory {
  readonly #capacity: number
  readonly #hashes = new Set<number>()

  constructor(hashes: readonly number[] = [], capacity = 8192) {
    this.#capacity = capacity
    for (const hash of hashes) this.#hashes.add(hash)
  }

  has(genome: Genome): boolean {
    return this.#hashes.has(hashOf(genome))
  }

  add(genome: Genome): void {
    this.#hashes.add(hashOf(genome))
    if (this.#hashes.size <= this.#capacity) return
    for (const oldest of this.#hashes) {
      this.#hashes.delete(oldest)
      return
    }
  }

  /** Oldest first. */
  state(): readonly number[] {
    return [...this.#hashes]
  }
}

/** FNV-1a over the choices, then the finisher of MurmurHash3 to spread short genomes. */
function hashOf(genome: Genome): number {
  let hash = 0x811c9dc5
  for (const choice of genome) hash = Math.imul(hash ^ choice, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
