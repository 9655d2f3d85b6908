import type { KernelFacts } from './features.ts'

interface Entry<T> {
  readonly facts: KernelFacts
  readonly value: T
  readonly next: Entry<T> | undefined
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

/** Remembers a pure function of kernels. A search asks for the same few thousand kernels again and again. */
export class KernelMemo<T> {
  readonly #compute: (facts: KernelFacts) => T
  readonly #entries = new Map<number, Entry<T>>()
  readonly #capacity: number

  constructor(compute: (facts: KernelFacts) => T, capacity = 50_000) {
    this.#compute = compute
    this.#capacity = capacity
  }

  get(facts: KernelFacts): T {
    const hash = hashOf(facts)
    const first = this.#entries.get(hash)
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (same(entry.facts, facts)) return entry.value
    }
    const value = this.#compute(facts)
    if (this.#entries.size >= this.#capacity) this.#entries.clear()
    this.#entries.set(hash, { facts: { ...facts }, value, next: this.#entries.get(hash) })
    return value
  }
}
