import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { KernelMemory, type RowsToBring } from '../../search/algorithms/frugal/kernel-memory.ts'

const GENES = 3
const COSTS = 2
const CODES = 6
const random = randomStream(11)

/** Rows of random codes, costs and lengths. */
const rowsOf = (id: number, size: number): RowsToBring => ({
  ...{ id, size },
  codes: Uint16Array.from({ length: size * GENES }, () => random.int(CODES)),
  costs: Float64Array.from({ length: size * COSTS }, () => random.normal()),
  countLengths: Float64Array.from({ length: size }, () => random.float()),
})

const own = { costs: Float64Array.of(0.5, -1), countLength: 2 }
/** Of each code: mismatch, learned distance, share of the counts' product, and squared mismatch. */
const tables = Float64Array.from({ length: 4 * CODES }, () => random.float())

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The distances of one row: mismatch, learned distance, squares, counts and costs. */
function distancesOf({ codes, costs, countLengths }: RowsToBring, row: number): readonly number[] {
  const entries = (kind: number) =>
    sum(Array.from(codes.subarray(row * GENES, (row + 1) * GENES), (code) => tables[4 * code + kind]!))
  return [
    ...[entries(0), entries(1), entries(3)],
    own.countLength + countLengths[row]! - 2 * entries(2),
    sum(Array.from(own.costs, (cost, k) => (cost - costs[row * COSTS + k]!) ** 2)),
  ]
}

const close = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) < 1e-12)

test('each of more owners than there are places has the distances of its own rows', (t) => {
  const memory = KernelMemory.create()!
  const owners = Array.from({ length: 6 }, (_, i) => rowsOf(i + 1, 40))
  const area = memory.areaFor('row', 60)!
  for (const [which, size] of [0, 1, 2, 3, 0, 4, 5, 1, 0, 3, 5].map((owner, i) => [owner, 20 + i] as const)) {
    const rows = { ...owners[which]!, size }
    for (const [from, into] of [
      [0, 0],
      [7, 5],
    ] as const) {
      t.true(memory.measure(rows, GENES, COSTS, own, tables, from, area, into))
      const kinds = [0, 1, 2, 3, 4].map((kind) => memory.distances(area, kind))
      for (let row = from; row < size; row++) {
        const found = kinds.map((distances) => distances[into + row - from]!)
        t.true(close(found, distancesOf(rows, row)), `owner ${which}, row ${row}: ${found} ${distancesOf(rows, row)}`)
      }
    }
  }
})

test('rows that are forgotten are taken anew', (t) => {
  const memory = KernelMemory.create()!
  const [before, after] = [rowsOf(9, 20), rowsOf(9, 20)]
  const area = memory.areaFor('row', 20)!
  const lastMismatch = (rows: RowsToBring) => {
    memory.measure(rows, GENES, COSTS, own, tables, 0, area, 0)
    return memory.distances(area, 0)[19]!
  }
  const first = lastMismatch(before)
  t.is(lastMismatch(after), first, 'rows only grow until they are forgotten')
  memory.forget(9, 19)
  t.true(close([lastMismatch(after)], distancesOf(after, 19)))
})

test('too few rows, or too many rows, genes or costs, are measured elsewhere', (t) => {
  const memory = KernelMemory.create()!
  const area = memory.areaFor('row', 800)!
  const isMeasured = (size: number, genes = GENES, costs = COSTS, from = 0) =>
    memory.measure({ ...rowsOf(size, size), size }, genes, costs, own, tables, from, area, 0)
  t.deepEqual(
    [7, 8, 800, 801].map((size) => isMeasured(size)),
    [false, true, true, false],
  )
  t.false(isMeasured(20, GENES, COSTS, 13))
  t.false(isMeasured(20, 0))
  t.deepEqual(
    [128, 129].map((genes) => isMeasured(9, genes)),
    [true, false],
  )
  t.deepEqual(
    [32, 33].map((costs) => isMeasured(10, GENES, costs)),
    [true, false],
  )
  t.is(memory.areaFor('row', 801), undefined)
  t.not(memory.areaFor('sample', (128 * 129) / 2), undefined)
  t.is(memory.areaFor('sample', (128 * 129) / 2 + 1), undefined)
  const weights = Array<number>(10).fill(0)
  t.is(memory.covariances(area, 0, 7, weights), undefined)
  t.is(memory.covariances(area, 0, 8, weights)!.length, 8)
})
