import { assemble, PAGE_BYTES, webAssembly } from '../../pareto/assembler.ts'
import { EXPONENTIAL_STEPS, EXPONENTIALS } from './exponential.ts'
import { covariances, type KernelLayout, measure } from './kernel-code.ts'
import { Places } from './places.ts'
import { rowStart } from './triangular.ts'

const MOST_ROWS = 800
const MOST_GENES = 128
const MOST_COSTS = 32
const PLACES = 4
/** Points that a likelihood is judged on, at most; a row of distances and all of theirs have areas of their own. */
const MOST_JUDGED = 128
/** Distances that an area has for each way to measure them. */
const ROW_AREA = MOST_ROWS + 1
const SAMPLE_AREA = rowStart(MOST_JUDGED) + 1

/** Shared memory. Any code of 16 bits lies within the tables. */
const OWN_COSTS = 2 ** 21
const TABLE = OWN_COSTS + 8 * MOST_COSTS
const RESULTS = TABLE + 8 * (EXPONENTIALS.length + 1)
const ROW_DISTANCES = RESULTS + 8 * SAMPLE_AREA
const SAMPLE_DISTANCES = ROW_DISTANCES + 5 * 8 * ROW_AREA
const LENGTHS = SAMPLE_DISTANCES + 5 * 8 * SAMPLE_AREA
const COSTS = LENGTHS + 8 * PLACES * (MOST_ROWS + 1)
const CODES = COSTS + 8 * PLACES * MOST_COSTS * (MOST_ROWS + 1)
const END = CODES + 2 * PLACES * MOST_GENES * (MOST_ROWS + 1)
const COST_STRIDE = 8 * (MOST_ROWS + 1)
const LAYOUT: KernelLayout = {
  tables: 0,
  ownCosts: OWN_COSTS,
  exponentials: TABLE,
  covariances: RESULTS,
  costStride: COST_STRIDE,
}
/** For fewer rows it takes longer to hand over the tables. */
const FEWEST_ROWS = 8

/** Where five kinds of distances lie in memory. */
export interface Area {
  readonly address: number
  /** Bytes from one kind to the next. */
  readonly stride: number
}

/** Rows of encoded genomes, side by side. */
export interface RowsToBring {
  /** A positive number. */
  readonly id: number
  readonly size: number
  readonly codes: Uint16Array
  readonly costs: Float64Array
  readonly countLengths: Float64Array
}

interface Functions {
  measure(
    codes: number,
    genes: number,
    lengths: number,
    costs: number,
    costCount: number,
    rows: number,
    to: number,
    stride: number,
    ownLength: number,
  ): void
  covariances(distances: number, stride: number, count: number, ...weightsAndRates: readonly number[]): void
}

/** Encoded genomes and their distances in the memory of WebAssembly. */
export class KernelMemory {
  readonly #buffer: ArrayBuffer
  readonly #functions: Functions
  readonly #tables: Float64Array
  readonly #ownCosts: Float64Array
  readonly #results: Float64Array
  readonly #lengths: Float64Array
  readonly #costs: Float64Array
  readonly #codes: Uint16Array
  readonly #places = new Places(PLACES)

  private constructor(buffer: ArrayBuffer, exports: object) {
    this.#buffer = buffer
    this.#functions = exports as Functions
    this.#tables = new Float64Array(buffer, 0, OWN_COSTS / 8)
    this.#ownCosts = new Float64Array(buffer, OWN_COSTS, MOST_COSTS)
    new Float64Array(buffer, TABLE, EXPONENTIALS.length).set(EXPONENTIALS)
    this.#results = new Float64Array(buffer, RESULTS, SAMPLE_AREA)
    this.#lengths = new Float64Array(buffer, LENGTHS, (COSTS - LENGTHS) / 8)
    this.#costs = new Float64Array(buffer, COSTS, (CODES - COSTS) / 8)
    this.#codes = new Uint16Array(buffer, CODES, (END - CODES) / 2)
  }

  /** Undefined where there is no WebAssembly; neither its vectors nor its memory are promised. */
  static create(): KernelMemory | undefined {
    const available = webAssembly()
    if (available === undefined) return undefined
    try {
      const memory = new available.Memory({ initial: Math.ceil(END / PAGE_BYTES) })
      const code = [measure(LAYOUT), covariances(LAYOUT, EXPONENTIAL_STEPS, EXPONENTIALS.length)]
      const module = new available.Module(assemble(code))
      return new KernelMemory(memory.buffer, new available.Instance(module, { m: { memory } }).exports)
    } catch {
      return undefined
    }
  }

  /** An area for the distances of one genome, or of all pairs of a sample; undefined when it is too small for them. */
  areaFor(what: 'row' | 'sample', count: number): Area | undefined {
    const [address, most] = what === 'row' ? [ROW_DISTANCES, ROW_AREA] : [SAMPLE_DISTANCES, SAMPLE_AREA]
    return count < most ? { address, stride: 8 * most } : undefined
  }

  /** The distances of one kind in an area. */
  distances({ address, stride }: Area, kind: number): Float64Array {
    return new Float64Array(this.#buffer, address + kind * stride, stride / 8)
  }

  forget(id: number, from: number): void {
    this.#places.forget(id, from)
  }

  /**
   * Measures the distances of a genome from the rows `from`…`rows.size − 1`.
   * @param into the first of these rows has this place in the area
   * @returns false when there are too many or too few to do it here
   */
  measure(
    rows: RowsToBring,
    geneCount: number,
    costCount: number,
    own: { readonly costs: Float64Array; readonly countLength: number },
    tables: Float64Array,
    from: number,
    area: Area,
    into: number,
  ): boolean {
    const count = rows.size - from
    if (count < FEWEST_ROWS || rows.size > MOST_ROWS) return false
    if (geneCount === 0 || geneCount > MOST_GENES || costCount > MOST_COSTS) return false
    const place = this.#places.of(rows.id, rows.size, (number, first, end) => {
      this.#codes.set(
        rows.codes.subarray(first * geneCount, end * geneCount),
        number * MOST_GENES * (MOST_ROWS + 1) + first * geneCount,
      )
      this.#lengths.set(rows.countLengths.subarray(first, end), number * (MOST_ROWS + 1) + first)
      for (let row = first; row < end; row++) {
        for (let k = 0; k < costCount; k++) {
          this.#costs[(number * MOST_COSTS + k) * (MOST_ROWS + 1) + row] = rows.costs[row * costCount + k]!
        }
      }
    })
    this.#tables.set(tables)
    this.#ownCosts.set(own.costs)
    this.#functions.measure(
      CODES + 2 * (place * MOST_GENES * (MOST_ROWS + 1) + from * geneCount),
      geneCount,
      LENGTHS + 8 * (place * (MOST_ROWS + 1) + from),
      COSTS + place * MOST_COSTS * COST_STRIDE + 8 * from,
      costCount,
      count,
      area.address + 8 * into,
      area.stride,
      own.countLength,
    )
    return true
  }

  /** Covariances of the distances `from`…`to − 1` of an area; valid until the next call. Undefined for too few. */
  covariances(area: Area, from: number, to: number, weightsAndRates: readonly number[]): Float64Array | undefined {
    if (to - from < FEWEST_ROWS) return undefined
    this.#functions.covariances(area.address + 8 * from, area.stride, to - from, ...weightsAndRates)
    return this.#results.subarray(0, to - from)
  }
}

let memory: KernelMemory | undefined
let missing = false

/** The one that all share. */
export function kernelMemory(): KernelMemory | undefined {
  if (missing) return undefined
  memory ??= KernelMemory.create()
  missing = memory === undefined
  return memory
}
