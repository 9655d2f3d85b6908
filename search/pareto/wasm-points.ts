import { assemble, PAGE_BYTES, type WebAssemblyNamespace, webAssembly } from './assembler.ts'
import { MEMORY_END, prefixes, RANKS, ranks, SETS, SETS_BYTES } from './dominance-code.ts'
import { column, gaps, KEYS, MOST_KEYS, MOST_VALUES, ORDER, POINTS, SORTED, SUMS, sort } from './sort-code.ts'

export { MOST_KEYS }

/** Moves by insertion per key that are not worth it. */
const MOVES_PER_KEY = 4
const LEVELS_PER_KEY = 2
/** Prefixes are stored for every 2⁴ points of an order, of many points for every 2¹⁰ at most: those sets take the caches. */
const LEAST_SHIFT = 4
const MOST_SHIFT = 10
const FEW_BYTES = 1 << 19

interface Functions {
  column(from: number, step: number, count: number): void
  sort(count: number, levels: number, least: number, scale: number, moves: number): number
  gaps(count: number, range: number): void
  prefixes(count: number, shift: number, bytes: number, sets: number, place: number, width: number): void
  ranks(count: number, objectives: number, limit: number): void
}

/** Points in a memory of WebAssembly, and what is computed of them there. */
class WasmPoints {
  readonly #functions: Functions
  readonly #limits: Float64Array
  readonly #keys: Float64Array
  readonly #sorted: Float64Array
  readonly #sums: Float64Array
  readonly #order: Uint32Array
  readonly #points: Float64Array
  readonly #ranks: Int32Array
  #count = 0
  #objectives = 1

  constructor({ Module, Memory, Instance }: WebAssemblyNamespace) {
    const memory = new Memory({ initial: Math.ceil(MEMORY_END / PAGE_BYTES) })
    const module = new Module(assemble([column(), sort(), gaps(), prefixes(), ranks()]))
    this.#functions = new Instance(module, { m: { memory } }).exports as Functions
    this.#limits = new Float64Array(memory.buffer, 0, 6)
    this.#keys = new Float64Array(memory.buffer, KEYS, MOST_KEYS + 2)
    this.#sorted = new Float64Array(memory.buffer, SORTED, MOST_KEYS + 2)
    this.#sums = new Float64Array(memory.buffer, SUMS, MOST_KEYS + 2)
    this.#ranks = new Int32Array(memory.buffer, RANKS, MOST_KEYS)
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

  /** Takes the order by an objective from elsewhere. */
  useOrder(objective: number, order: Uint32Array): void {
    const count = this.#count
    this.#functions.column(8 * objective, 8 * this.#objectives, count)
    this.#order.set(order)
    for (let place = 0; place < count; place++) this.#sorted[place] = this.#keys[order[place]!]!
  }

  /** Points between two stored prefixes of an order, as a power of two; undefined when the bit sets do not fit. */
  prefixShift(): number | undefined {
    let shift = LEAST_SHIFT
    while (shift < MOST_SHIFT && this.#prefixBytes(shift) * (this.#objectives - 1) > FEW_BYTES) shift++
    return this.#prefixBytes(shift) * (this.#objectives - 1) > SETS_BYTES ? undefined : shift
  }

  #prefixBytes(shift: number): number {
    return Math.ceil(this.#count / 2 ** shift) * this.#setBytes()
  }

  #setBytes(): number {
    return Math.ceil(this.#count / 128) * 16
  }

  /** After a sort by an objective other than the first, writes the bit sets of its prefixes. */
  addPrefixes(objective: number, shift: number): void {
    const sets = SETS + this.#prefixBytes(shift) * (objective - 1)
    this.#functions.prefixes(this.#count, shift, this.#setBytes(), sets, objective - 1, this.#objectives - 1)
  }

  /** With the prefixes of all objectives but the first, ranks of distinct points in lexicographic order. */
  ranks(limit: number): Int32Array {
    this.#functions.ranks(this.#count, this.#objectives, limit)
    return this.#ranks.slice(0, this.#count)
  }
}

let shared: WasmPoints | undefined
let missing = false

/** The one of this thread; undefined for too many points, and where there is no WebAssembly or no memory for it. */
export function wasmPoints(count: number, objectives: number): WasmPoints | undefined {
  if (missing || count > MOST_KEYS || count * objectives > MOST_VALUES) return undefined
  if (shared === undefined) {
    const available = webAssembly()
    try {
      shared = available && new WasmPoints(available)
    } catch {
      // Neither its vectors nor its memory are promised.
    }
    missing = shared === undefined
  }
  return shared
}
