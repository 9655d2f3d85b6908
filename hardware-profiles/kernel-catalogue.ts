import type { Schedule } from '../network/schedule.ts'
import { emptyFacts, type KernelFacts, readFacts } from './features.ts'

/** What tells kernels apart takes 16 numbers, which fill two lines of a processor's cache. */
const ROW = 16

/** @param traits kind, number of operands, padding, activation and bits of a weight in one number */
function writeRow(f: KernelFacts, traits: number, rows: Float64Array, at: number): void {
  rows[at] = f.inHeight
  rows[at + 1] = f.inWidth
  rows[at + 2] = f.inChannels
  rows[at + 3] = f.outHeight
  rows[at + 4] = f.outWidth
  rows[at + 5] = f.outChannels
  rows[at + 6] = f.kernelHeight
  rows[at + 7] = f.kernelWidth
  rows[at + 8] = f.strideHeight
  rows[at + 9] = f.strideWidth
  rows[at + 10] = traits
  rows[at + 11] = f.inputs
  rows[at + 12] = f.weightElements
  rows[at + 13] = f.biasElements
  rows[at + 14] = f.macs
  rows[at + 15] = f.dilation
}

const isRow = (f: KernelFacts, traits: number, rows: Float64Array, at: number): boolean =>
  rows[at] === f.inHeight &&
  rows[at + 1] === f.inWidth &&
  rows[at + 2] === f.inChannels &&
  rows[at + 3] === f.outHeight &&
  rows[at + 4] === f.outWidth &&
  rows[at + 5] === f.outChannels &&
  rows[at + 6] === f.kernelHeight &&
  rows[at + 7] === f.kernelWidth &&
  rows[at + 8] === f.strideHeight &&
  rows[at + 9] === f.strideWidth &&
  rows[at + 10] === traits &&
  rows[at + 11] === f.inputs &&
  rows[at + 12] === f.weightElements &&
  rows[at + 13] === f.biasElements &&
  rows[at + 14] === f.macs &&
  rows[at + 15] === f.dilation

function hashOf(f: KernelFacts, traits: number): number {
  let hash = traits | 0
  hash = Math.imul(hash ^ f.inHeight, 0x01000193)
  hash = Math.imul(hash ^ f.inWidth, 0x01000193)
  hash = Math.imul(hash ^ f.inChannels, 0x01000193)
  hash = Math.imul(hash ^ f.outChannels, 0x01000193)
  hash = Math.imul(hash ^ (f.kernelHeight * 64 + f.kernelWidth), 0x01000193)
  hash = Math.imul(hash ^ (f.strideHeight * 64 + f.strideWidth), 0x01000193)
  hash ^= f.weightElements ^ (f.inputs << 3) ^ (f.dilation << 20)
  // The low bits say where to look: the high ones must count there too.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}

/** A network has fewer operands than this. */
const MOST_OPERANDS = 2 ** 21

/** Above what tells kinds and operands apart; bits of a weight are multiples of 1/64, at most 8. */
const BITS_UNIT = 2 ** 36

/** Beyond this many the catalogue starts afresh, so that a search without end cannot fill the memory. */
const CAPACITY = 100_000

/**
 * Numbers the distinct kernels that were ever seen. A search asks for the same few thousand kernels again and again, on
 * several devices: each device keeps what it found in arrays by that number.
 */
export class KernelCatalogue {
  /** Open addressing: one more than a kernel's number, 0 for none. At most half of it is filled. */
  #slots = new Int32Array(4096)
  /** Facts of each kernel side by side: comparing them is most of what looking one up takes. */
  #rows = new Float64Array(ROW * 1024)
  readonly #hashes: number[] = []
  readonly #facts: KernelFacts[] = []
  readonly #kinds = new Map<KernelFacts['kind'], number>()
  readonly #scratch = emptyFacts()
  /** Changes when the numbers lose their meaning. */
  generation = 0

  /** Numbers of a schedule's kernels, in their order. */
  numbersOf({ kernels, repeats }: Pick<Schedule, 'kernels' | 'repeats'>): readonly number[] {
    if (this.#facts.length + kernels.length > CAPACITY) {
      this.#slots.fill(0)
      this.#hashes.length = 0
      this.#facts.length = 0
      this.generation++
    }
    const numbers = new Array<number>(kernels.length)
    let next = 0
    for (let i = 0; i < kernels.length; i++) {
      const repeat = repeats[next]
      if (repeat?.first === i) {
        for (let again = repeat.of; i < repeat.end; again++, i++) numbers[i] = numbers[again]!
        next++
      }
      // Behind a repeated expert comes the kernel that weights it.
      readFacts(kernels[i]!, this.#scratch)
      numbers[i] = this.#numberOf(this.#scratch)
    }
    return numbers
  }

  /** Facts of a kernel by its number. */
  facts = (number: number): KernelFacts => this.#facts[number]!

  #numberOf(facts: KernelFacts): number {
    let kind = this.#kinds.get(facts.kind)
    if (kind === undefined) {
      kind = this.#kinds.size
      this.#kinds.set(facts.kind, kind)
    }
    const traits =
      ((kind * MOST_OPERANDS + facts.operands) * 2 + facts.same) * 2 + facts.activation + facts.weightBits * BITS_UNIT
    const hash = hashOf(facts, traits)
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = hash & mask
    for (let known = slots[slot]!; known !== 0; known = slots[slot]!) {
      const number = known - 1
      if (isRow(facts, traits, this.#rows, ROW * number)) return number
      slot = (slot + 1) & mask
    }
    return this.#add(facts, traits, hash, slot)
  }

  #add(facts: KernelFacts, traits: number, hash: number, slot: number): number {
    const number = this.#facts.push({ ...facts }) - 1
    this.#hashes.push(hash)
    if (ROW * this.#facts.length > this.#rows.length) {
      const grown = new Float64Array(2 * this.#rows.length)
      grown.set(this.#rows)
      this.#rows = grown
    }
    writeRow(facts, traits, this.#rows, ROW * number)
    this.#slots[slot] = number + 1
    if (2 * this.#facts.length > this.#slots.length) this.#growSlots()
    return number
  }

  #growSlots(): void {
    const slots = new Int32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (const [number, hash] of this.#hashes.entries()) {
      let slot = hash & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
  }
}

/** What a device found for the catalogue's kernels: computed once each. */
export class ByKernel<T extends object | number> {
  readonly #catalogue: KernelCatalogue
  readonly #compute: (facts: KernelFacts) => T
  #values: T[] = []
  #generation = 0

  constructor(catalogue: KernelCatalogue, compute: (facts: KernelFacts) => T) {
    this.#catalogue = catalogue
    this.#compute = compute
  }

  get(number: number): T {
    if (this.#generation !== this.#catalogue.generation) {
      this.#values = []
      this.#generation = this.#catalogue.generation
    }
    const known = this.#values[number]
    if (known !== undefined) return known
    const value = this.#compute(this.#catalogue.facts(number))
    this.#values[number] = value
    return value
  }
}
