import { assemble } from './assembler.ts'
import { column, gaps, KEYS, MOST_KEYS, ORDER, POINTS, SORTED, SUMS, sort } from './sort-code.ts'

export { MOST_KEYS }
/** Most values, points times objectives, that fit. */
export const MOST_VALUES = 1 << 18
/** Moves by insertion per key that are not worth it. */
const MOVES_PER_KEY = 4
const LEVELS_PER_KEY = 2
const PAGE = 1 << 16

interface SortFunctions {
  column(from: number, step: number, count: number): void
  sort(count: number, levels: number, least: number, scale: number, moves: number): number
  gaps(count: number, range: number): void
}

/** What is used of WebAssembly, which Node's types leave out. */
interface WebAssemblyNamespace {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Memory: new (limits: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** Sorts keys of points that are in its memory. */
export class FastSort {
  readonly #functions: SortFunctions
  readonly #limits: Float64Array
  readonly #keys: Float64Array
  readonly #sorted: Float64Array
  readonly #sums: Float64Array
  readonly #order: Uint32Array
  readonly #points: Float64Array
  #count = 0
  #objectives = 1

  constructor({ Module, Memory, Instance }: WebAssemblyNamespace) {
    // Twice the values: one point more than there are is written and read. Pages that nobody touches cost nothing.
    const memory = new Memory({ initial: Math.ceil((POINTS + 8 * 2 * MOST_VALUES) / PAGE) })
    const module = new Module(assemble([column(), sort(), gaps()]))
    this.#functions = new Instance(module, { m: { memory } }).exports as SortFunctions
    this.#limits = new Float64Array(memory.buffer, 0, 6)
    this.#keys = new Float64Array(memory.buffer, KEYS, MOST_KEYS + 2)
    this.#sorted = new Float64Array(memory.buffer, SORTED, MOST_KEYS + 2)
    this.#sums = new Float64Array(memory.buffer, SUMS, MOST_KEYS + 2)
    this.#order = new Uint32Array(memory.buffer, ORDER, MOST_KEYS + 2)
    this.#points = new Float64Array(memory.buffer, POINTS, 2 * MOST_VALUES)
  }

  /** Takes points, row-major: at least two, within the limits above. */
  load(points: Float64Array, count: number, objectives: number): void {
    const values = count * objectives
    this.#points.set(points.length === values ? points : points.subarray(0, values))
    this.#points.copyWithin(values, values - objectives, values)
    this.#count = count
    this.#objectives = objectives
  }

  /**
   * Sorts the points by an objective, equal ones as they came. False, with nothing done, when its values are not finite,
   * all equal, too far apart or too unevenly spread.
   */
  sort(objective: number): boolean {
    const count = this.#count
    const limits = this.#limits
    this.#functions.column(8 * objective, 8 * this.#objectives, count)
    const least = Math.min(limits[0]!, limits[1]!)
    const most = Math.max(limits[2]!, limits[3]!)
    const levels = (LEVELS_PER_KEY * count + 7) & ~7
    const scale = (levels - 1) / (most - least)
    if (!(limits[4]! + limits[5]! === 0 && scale > 0 && scale < Number.POSITIVE_INFINITY)) return false
    // Greatest keys, behind the others and so last in order, make the number of keys even.
    this.#keys[count] = most
    this.#keys[count + 1] = most
    return this.#functions.sort((count + 2) & ~1, levels, least, scale, MOVES_PER_KEY * count) === 1
  }

  /** Positions after a sort. */
  order(): Uint32Array {
    return this.#order.slice(0, this.#count)
  }

  /** Writes the keys after a sort. */
  copySorted(to: Float64Array): void {
    to.set(this.#sorted.subarray(0, this.#count))
  }

  /** Begins sums of gaps, all 0. */
  clearGaps(): void {
    this.#sums.fill(0, 0, this.#count)
  }

  /**
   * After a sort, adds the gap between its neighbours over the range to the sum of each point, for the last one the gap
   * before it; the first point and the first of those equal to the last get Infinity.
   */
  addGaps(): void {
    const count = this.#count
    const sorted = this.#sorted
    const order = this.#order
    this.#functions.gaps(count, sorted[count - 1]! - sorted[0]!)
    let last = count - 1
    while (sorted[last - 1] === sorted[count - 1]) last--
    this.#sums[order[0]!] = Number.POSITIVE_INFINITY
    this.#sums[order[last]!] = Number.POSITIVE_INFINITY
  }

  gaps(): Float64Array {
    return this.#sums.slice(0, this.#count)
  }
}

let shared: FastSort | undefined
let missing = false

/** The one of this thread; undefined for too many points, and where there is no WebAssembly or no memory for it. */
export function fastSort(count: number, objectives: number): FastSort | undefined {
  if (missing || count > MOST_KEYS || count * objectives > MOST_VALUES) return undefined
  if (shared === undefined) {
    try {
      shared = new FastSort((globalThis as unknown as { readonly WebAssembly: WebAssemblyNamespace }).WebAssembly)
    } catch {
      missing = true
    }
  }
  return shared
}
