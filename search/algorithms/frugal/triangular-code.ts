import {
  advance,
  assemble,
  type Code,
  f64,
  f64x2,
  get,
  i32,
  PAGE_BYTES,
  repeat,
  repeatWhile,
  set,
  shifted,
  v128,
  type WrittenFunction,
  webAssembly,
  when,
} from '../../pareto/assembler.ts'
import { Places } from './places.ts'
import { rowStart } from './triangular.ts'

/** Rows that a factor may have here. */
export const MOST_ROWS = 800
const PLACES = 8
/** Shared memory: the vector that is solved for, then the places. What is never used takes no memory. */
const FACTORS = 8 * MOST_ROWS
const PLACE_BYTES = 8 * rowStart(MOST_ROWS)

const bytes = (doubles: number): Code => shifted(doubles, 3)
const quotient = (a: Code, b: Code): Code => f64x2.extract_lane(f64x2.div(f64x2.splat(a), f64x2.splat(b)), 0)
const whileAbove = (counter: number, body: readonly Code[]): Code =>
  when(i32.gt_s(get(counter), i32.const(0)), [repeat(counter, ...body)])

/**
 * `solveLower(row, from, to)`: L x = b for the rows `from`…`to − 1`, of which the first starts at `row`. The four sums of
 * `product` are the lanes of two vectors.
 */
function solveLower(): WrittenFunction {
  const [row, from, to] = [0, 1, 2] as const
  const [at, left, entry, first, last, sum] = [3, 4, 5, 6, 7, 8] as const
  const multiplied = (sums: number, offset: number) =>
    set(sums, f64x2.add(get(sums), f64x2.mul(v128.load(get(entry), offset), v128.load(get(at), offset))))
  return {
    name: 'solveLower',
    parameters: ['i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'v128', 'v128', 'f64'],
    body: [
      repeatWhile(
        [
          set(entry, get(row)),
          set(at, i32.const(0)),
          set(first, v128.zero),
          set(last, v128.zero),
          set(left, i32.shr_u(get(from), i32.const(2))),
          whileAbove(left, [multiplied(first, 0), multiplied(last, 16), advance(entry, 32), advance(at, 32)]),
          set(sum, f64x2.extract_lane(get(first), 0)),
          set(left, i32.and(get(from), i32.const(3))),
          whileAbove(left, [
            set(sum, f64.add(get(sum), f64.mul(f64.load(get(entry)), f64.load(get(at))))),
            advance(entry, 8),
            advance(at, 8),
          ]),
          set(
            sum,
            f64.add(
              f64.add(get(sum), f64x2.extract_lane(get(first), 1)),
              f64.add(f64x2.extract_lane(get(last), 0), f64x2.extract_lane(get(last), 1)),
            ),
          ),
          f64.store(get(at), 0, quotient(f64.sub(f64.load(get(at)), get(sum)), f64.load(get(entry)))),
          set(row, i32.add(get(entry), i32.const(8))),
          advance(from, 1),
        ],
        i32.lt_s(get(from), get(to)),
      ),
    ],
  }
}

/** `solveUpper(row, last)`: Lᵀ x = b for the rows `last`…0, of which the first to be solved starts at `row`. */
function solveUpper(): WrittenFunction {
  const [row, last] = [0, 1] as const
  const [at, left, entry, value] = [2, 3, 4, 5] as const
  const values = 6
  return {
    name: 'solveUpper',
    parameters: ['i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'f64', 'v128'],
    body: [
      repeatWhile(
        [
          set(at, bytes(last)),
          set(value, quotient(f64.load(get(at)), f64.load(i32.add(get(row), get(at))))),
          f64.store(get(at), 0, get(value)),
          set(values, f64x2.splat(get(value))),
          set(entry, get(row)),
          set(at, i32.const(0)),
          set(left, i32.shr_u(get(last), i32.const(1))),
          whileAbove(left, [
            v128.store(get(at), 0, f64x2.sub(v128.load(get(at)), f64x2.mul(v128.load(get(entry)), get(values)))),
            advance(entry, 16),
            advance(at, 16),
          ]),
          when(i32.and(get(last), i32.const(1)), [
            f64.store(get(at), 0, f64.sub(f64.load(get(at)), f64.mul(f64.load(get(entry)), get(value)))),
          ]),
          set(row, i32.sub(get(row), bytes(last))),
          advance(last, -1),
        ],
        i32.ge_s(get(last), i32.const(0)),
      ),
    ],
  }
}

interface Functions {
  solveLower(row: number, from: number, to: number): void
  solveUpper(row: number, last: number): void
}

/** Factors and a vector in the memory of WebAssembly. Results are those of `triangular.ts` to the last bit. */
export class TriangularMemory {
  /** What is solved for, and then the solution. */
  readonly vector: Float64Array
  readonly #factors: Float64Array
  readonly #run: Functions
  readonly #places = new Places(PLACES)

  private constructor(buffer: ArrayBuffer, exports: object) {
    this.vector = new Float64Array(buffer, 0, MOST_ROWS)
    this.#factors = new Float64Array(buffer, FACTORS, PLACES * rowStart(MOST_ROWS))
    this.#run = exports as Functions
  }

  /** Undefined where there is no WebAssembly; neither its vectors nor its memory are promised. */
  static create(): TriangularMemory | undefined {
    const available = webAssembly()
    if (available === undefined) return undefined
    try {
      const memory = new available.Memory({ initial: Math.ceil((FACTORS + PLACES * PLACE_BYTES) / PAGE_BYTES) })
      const module = new available.Module(assemble([solveLower(), solveUpper()]))
      return new TriangularMemory(memory.buffer, new available.Instance(module, { m: { memory } }).exports)
    } catch {
      return undefined
    }
  }

  /**
   * Where the factor of an owner, who is known by a positive number, lies, after its rows have been brought there.
   * @param factor of the owner, packed; its first `rows` rows are needed
   */
  placeOf(owner: number, factor: Float64Array, rows: number): number {
    return this.#places.of(owner, rows, (place, from, to) => {
      const first = rowStart(from)
      this.#factors.set(factor.subarray(first, rowStart(to)), place * rowStart(MOST_ROWS) + first)
    })
  }

  /** Forgets the rows of an owner's factor from one on. */
  forget(owner: number, from: number): void {
    this.#places.forget(owner, from)
  }

  solveLower(place: number, from: number, to: number): void {
    this.#run.solveLower(this.#address(place, from), from, to)
  }

  solveUpper(place: number, rows: number): void {
    this.#run.solveUpper(this.#address(place, rows - 1), rows - 1)
  }

  #address(place: number, row: number): number {
    return FACTORS + place * PLACE_BYTES + 8 * rowStart(row)
  }
}
