import {
  advance,
  assemble,
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
} from '../../pareto/assembler.ts'
import { TABLE_ENTRIES } from './encoding.ts'

/** Shared memory: the tables of a genome, the codes of rows, the sums. Any code of 16 bits lies within the tables. */
const ENTRY_BITS = 5
const MOST_CODES = 1 << 19
const MOST_ROWS = 1 << 12
const CODES = 1 << (16 + ENTRY_BITS)
const SUMS = CODES + 2 * MOST_CODES
const MEMORY_END = SUMS + (MOST_ROWS << ENTRY_BITS)
/** For fewer rows it takes longer to hand over the tables. */
const FEWEST_ROWS = 8

/**
 * `sums(rows, genes)`: two rows at a time, because additions to one sum wait for each other. Of an odd number of rows the last
 * one is summed with what lies behind it. At least one row and one gene.
 */
function sums(): WrittenFunction {
  const [rows, genes] = [0, 1] as const
  const [first, second, left, entry, to] = [2, 3, 4, 5, 6] as const
  const sumsOfTwo = [7, 8, 9, 10] as const
  const addEntries = (row: number, low: number, high: number) => [
    set(entry, i32.shl(i32.load16(get(row), CODES), i32.const(ENTRY_BITS))),
    set(low, f64x2.add(get(low), v128.load(get(entry)))),
    set(high, f64x2.add(get(high), v128.load(get(entry), 16))),
    advance(row, 2),
  ]
  return {
    name: 'sums',
    parameters: ['i32', 'i32'],
    locals: [...Array<'i32'>(5).fill('i32'), ...Array<'v128'>(4).fill('v128')],
    body: [
      repeatWhile(
        [
          set(second, i32.add(get(first), shifted(genes, 1))),
          ...sumsOfTwo.map((sum) => set(sum, v128.zero)),
          set(left, get(genes)),
          repeat(
            left,
            ...addEntries(first, sumsOfTwo[0], sumsOfTwo[1]),
            ...addEntries(second, sumsOfTwo[2], sumsOfTwo[3]),
          ),
          ...sumsOfTwo.map((sum, i) => v128.store(get(to), SUMS + 16 * i, get(sum))),
          advance(to, 64),
          set(first, get(second)),
          advance(rows, -2),
        ],
        i32.gt_s(get(rows), i32.const(0)),
      ),
    ],
  }
}

interface Summer {
  readonly tables: Float64Array
  readonly codes: Uint16Array
  readonly sums: Float64Array
  run(rows: number, genes: number): void
}

function createSummer(): Summer | undefined {
  const available = webAssembly()
  if (available === undefined) return undefined
  try {
    const memory = new available.Memory({ initial: Math.ceil(MEMORY_END / PAGE_BYTES) })
    const module = new available.Module(assemble([sums()]))
    const functions = new available.Instance(module, { m: { memory } }).exports as { sums: Summer['run'] }
    return {
      tables: new Float64Array(memory.buffer, 0, CODES / 8),
      codes: new Uint16Array(memory.buffer, CODES, MOST_CODES),
      sums: new Float64Array(memory.buffer, SUMS, TABLE_ENTRIES * MOST_ROWS),
      run: functions.sums,
    }
  } catch {
    // Neither its vectors nor its memory are promised.
    return undefined
  }
}

let summer: Summer | undefined
let missing = false

/**
 * For each of the rows `from`…`to − 1` the sums, over its codes, of the `TABLE_ENTRIES` entries that a table has for a code, row by
 * row. The same to the last bit with and without WebAssembly. Valid until the next call.
 * @param codes of all rows, `geneCount` each
 * @param tables as `encoding.tables` makes them
 */
export function tableSums(
  codes: Uint16Array,
  geneCount: number,
  from: number,
  to: number,
  tables: Float64Array,
): Float64Array {
  const rows = to - from
  const codeCount = rows * geneCount
  if (rows < FEWEST_ROWS || rows >= MOST_ROWS || codeCount === 0 || codeCount > MOST_CODES || missing) {
    return plainTableSums(codes, geneCount, from, to, tables)
  }
  summer ??= createSummer()
  missing = summer === undefined
  if (summer === undefined) return plainTableSums(codes, geneCount, from, to, tables)
  summer.tables.set(tables)
  summer.codes.set(codes.subarray(from * geneCount, to * geneCount))
  summer.run(rows, geneCount)
  return summer.sums
}

let plainSums = new Float64Array(0)

/** The same in TypeScript. */
export function plainTableSums(
  codes: Uint16Array,
  geneCount: number,
  from: number,
  to: number,
  tables: Float64Array,
): Float64Array {
  const length = TABLE_ENTRIES * (to - from)
  if (plainSums.length < length) plainSums = new Float64Array(2 * length)
  for (let sum = 0, at = from * geneCount; sum < length; sum += TABLE_ENTRIES) {
    let sum0 = 0
    let sum1 = 0
    let sum2 = 0
    let sum3 = 0
    for (const end = at + geneCount; at < end; at++) {
      const entry = TABLE_ENTRIES * codes[at]!
      sum0 += tables[entry]!
      sum1 += tables[entry + 1]!
      sum2 += tables[entry + 2]!
      sum3 += tables[entry + 3]!
    }
    plainSums[sum] = sum0
    plainSums[sum + 1] = sum1
    plainSums[sum + 2] = sum2
    plainSums[sum + 3] = sum3
  }
  return plainSums
}
