import type { Schedule } from '../network/schedule.ts'
import { emptyFacts, type KernelFacts, readFacts } from './features.ts'

interface Entry {
  readonly facts: KernelFacts
  readonly number: number
  readonly next: Entry | undefined
}

/** Numbers that determine all other facts of a kernel of one kind. */
const same = (a: KernelFacts, b: KernelFacts): boolean =>
  a.inChannels === b.inChannels &&
  a.outChannels === b.outChannels &&
  a.inHeight === b.inHeight &&
  a.inWidth === b.inWidth &&
  a.outHeight === b.outHeight &&
  a.outWidth === b.outWidth &&
  a.kernelHeight === b.kernelHeight &&
  a.kernelWidth === b.kernelWidth &&
  a.strideHeight === b.strideHeight &&
  a.strideWidth === b.strideWidth &&
  a.same === b.same &&
  a.operands === b.operands &&
  a.inputs === b.inputs &&
  a.weightElements === b.weightElements &&
  a.biasElements === b.biasElements &&
  a.activation === b.activation &&
  a.kind === b.kind

function hashOf(f: KernelFacts): number {
  let hash = f.kind.length
  hash = Math.imul(hash ^ f.inHeight, 0x01000193)
  hash = Math.imul(hash ^ f.inWidth, 0x01000193)
  hash = Math.imul(hash ^ f.inChannels, 0x01000193)
  hash = Math.imul(hash ^ f.outChannels, 0x01000193)
  hash = Math.imul(hash ^ (f.kernelHeight * 64 + f.kernelWidth), 0x01000193)
  hash = Math.imul(hash ^ (f.strideHeight * 64 + f.strideWidth * 8 + f.operands * 2 + f.same), 0x01000193)
  return hash ^ f.weightElements ^ (f.activation << 20) ^ (f.inputs << 3)
}

/** Beyond this many the catalogue starts afresh, so that a search without end cannot fill the memory. */
const CAPACITY = 100_000

/**
 * Numbers the distinct kernels that were ever seen. A search asks for the same few thousand kernels again and again, on
 * several devices: each device keeps what it found in arrays by that number.
 */
export class KernelCatalogue {
  readonly #entries = new Map<number, Entry>()
  readonly #facts: KernelFacts[] = []
  readonly #scratch = emptyFacts()
  /** Changes when the numbers lose their meaning. */
  generation = 0

  /** Numbers of a schedule's kernels, in their order. */
  numbersOf({ kernels, repeats }: Pick<Schedule, 'kernels' | 'repeats'>): readonly number[] {
    if (this.#facts.length + kernels.length > CAPACITY) {
      this.#entries.clear()
      this.#facts.length = 0
      this.generation++
    }
    const numbers: number[] = []
    let next = 0
    for (let i = 0; i < kernels.length; i++) {
      const repeat = repeats[next]
      if (repeat?.first === i) {
        for (let again = repeat.of; i < repeat.end; again++, i++) numbers.push(numbers[again]!)
        next++
      }
      // Behind a repeated expert comes the kernel that weights it.
      readFacts(kernels[i]!, this.#scratch)
      numbers.push(this.#numberOf(this.#scratch))
    }
    return numbers
  }

  /** Facts of a kernel by its number. */
  facts = (number: number): KernelFacts => this.#facts[number]!

  #numberOf(facts: KernelFacts): number {
    const hash = hashOf(facts)
    const first = this.#entries.get(hash)
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (same(entry.facts, facts)) return entry.number
    }
    const kept = { ...facts }
    const number = this.#facts.push(kept) - 1
    this.#entries.set(hash, { facts: kept, number, next: first })
    return number
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
