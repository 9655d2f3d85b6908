import type { Genome } from '../../algorithm.ts'

/** Equal for equal genomes of a space. Working it out takes as long as most of what is kept under it. */
export const genomeKey = (genome: Genome): string => genome.join()

/** The latest values by key; those that were not asked for longest are forgotten. */
export class RecentlyUsed<T> {
  readonly #capacity: number
  readonly #values = new Map<string, T>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: string, make: () => T): T {
    const known = this.#values.has(key)
    const value = known ? this.#values.get(key)! : make()
    if (known) this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size > this.#capacity) this.#values.delete(this.#values.keys().next().value!)
    return value
  }
}
