/** A set of integers 0…capacity−1 with neighbours found in O(log₃₂ capacity): a tree of 32-bit words. */
export class RankSet {
  readonly #levels: Int32Array[] = []

  constructor(capacity: number) {
    let words = Math.max(1, capacity)
    do {
      words = (words + 31) >>> 5
      this.#levels.push(new Int32Array(words))
    } while (words > 1)
  }

  add(value: number): void {
    let index = value
    for (const level of this.#levels) {
      level[index >>> 5]! |= 1 << (index & 31)
      index >>>= 5
    }
  }

  remove(value: number): void {
    let index = value
    for (const level of this.#levels) {
      level[index >>> 5]! &= ~(1 << (index & 31))
      if (level[index >>> 5] !== 0) return
      index >>>= 5
    }
  }

  /** The largest member below `value`, or −1. */
  below(value: number): number {
    let index = value
    for (let depth = 0; depth < this.#levels.length; depth++) {
      const word = this.#levels[depth]![index >>> 5]! & ((1 << (index & 31)) - 1)
      if (word !== 0) return this.#descend(depth, (index & ~31) + 31 - Math.clz32(word), true)
      index >>>= 5
    }
    return -1
  }

  /** The smallest member above `value`, or −1. */
  above(value: number): number {
    let index = value
    for (let depth = 0; depth < this.#levels.length; depth++) {
      const bit = index & 31
      const word = bit === 31 ? 0 : this.#levels[depth]![index >>> 5]! & (-1 << (bit + 1))
      if (word !== 0) return this.#descend(depth, (index & ~31) + 31 - Math.clz32(word & -word), false)
      index >>>= 5
    }
    return -1
  }

  #descend(depth: number, from: number, highest: boolean): number {
    let index = from
    for (let level = depth - 1; level >= 0; level--) {
      const word = this.#levels[level]![index]!
      index = index * 32 + 31 - Math.clz32(highest ? word : word & -word)
    }
    return index
  }
}
