import type { KernelFacts } from './features.ts'
import type { KernelCatalogue } from './kernel-catalogue.ts'
import type { Basis } from './table.ts'

/** Price of one kernel on one device. */
export interface KernelPrice {
  readonly latencyMs: number
  readonly energyMj: number
  readonly basis: Basis
  /** Half-width of the 90 % interval. */
  readonly errorMs: number
}

const BASES: readonly Basis[] = ['exact', 'interpolated', 'extrapolated', 'fallback']
/** In a row: latency, energy, error, and what is known: 0 nothing yet, 1 to 4 the basis, 5 that the device cannot run it. */
const ROW = 4
const UNSUPPORTED = 1 + BASES.length
/** Known so and beyond, a price is not between measurements: extrapolated, or left to the host core. */
const UNMEASURED = 1 + BASES.indexOf('extrapolated')

/** Sums over the kernels of a network. */
export interface PriceSums {
  latencyMs: number
  energyMj: number
  /** Of the independent errors, in ms². */
  variance: number
  /** Sum of the errors of kernels outside what was measured, in ms. */
  unmeasuredErrorMs: number
  /** Latency by basis, in the order of `BASES`. */
  readonly byBasis: [number, number, number, number]
  supported: boolean
}

/**
 * A device's prices of the catalogue's kernels, found once each. They lie side by side in one array: adding up a
 * network's is most of what pricing does, and objects all over the heap would have to be fetched one by one.
 */
export class KernelPrices {
  readonly #catalogue: KernelCatalogue
  readonly #compute: (facts: KernelFacts) => KernelPrice | undefined
  #rows = new Float64Array(ROW * 1024)
  #generation = 0

  constructor(catalogue: KernelCatalogue, compute: (facts: KernelFacts) => KernelPrice | undefined) {
    this.#catalogue = catalogue
    this.#compute = compute
  }

  /** Price of a kernel by its number; undefined when the device cannot run it. */
  get(number: number): KernelPrice | undefined {
    const at = this.#found(number)
    const rows = this.#rows
    const basis = BASES[rows[at + 3]! - 1]
    if (basis === undefined) return undefined
    return { latencyMs: rows[at]!, energyMj: rows[at + 1]!, errorMs: rows[at + 2]!, basis }
  }

  /** Adds the kernels of a network to the sums, one after the other. */
  addTo(sums: PriceSums, numbers: readonly number[]): void {
    let { latencyMs, energyMj, variance, unmeasuredErrorMs } = sums
    const { byBasis } = sums
    for (let i = 0; i < numbers.length; i++) {
      const at = this.#found(numbers[i]!)
      const rows = this.#rows
      const known = rows[at + 3]!
      if (known === UNSUPPORTED) {
        sums.supported = false
        continue
      }
      const errorMs = rows[at + 2]!
      latencyMs += rows[at]!
      energyMj += rows[at + 1]!
      if (known < UNMEASURED) variance += errorMs * errorMs
      else unmeasuredErrorMs += errorMs
      byBasis[known - 1]! += rows[at]!
    }
    sums.latencyMs = latencyMs
    sums.energyMj = energyMj
    sums.variance = variance
    sums.unmeasuredErrorMs = unmeasuredErrorMs
  }

  /** Where a kernel's row begins; it is filled. */
  #found(number: number): number {
    if (this.#generation !== this.#catalogue.generation) {
      this.#rows.fill(0)
      this.#generation = this.#catalogue.generation
    }
    const at = ROW * number
    if (at < this.#rows.length && this.#rows[at + 3] !== 0) return at
    this.#fill(at, this.#compute(this.#catalogue.facts(number)))
    return at
  }

  #fill(at: number, price: KernelPrice | undefined): void {
    if (at >= this.#rows.length) {
      const grown = new Float64Array(2 * (at + ROW))
      grown.set(this.#rows)
      this.#rows = grown
    }
    const values =
      price === undefined
        ? [0, 0, 0, UNSUPPORTED]
        : [price.latencyMs, price.energyMj, price.errorMs, 1 + BASES.indexOf(price.basis)]
    this.#rows.set(values, at)
  }
}
