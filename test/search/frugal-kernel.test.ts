import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { createEncoding } from '../../search/algorithms/frugal/encoding.ts'
import { Factor } from '../../search/algorithms/frugal/factor.ts'
import {
  createKernel,
  type Distances,
  distancesFor,
  EncodedRows,
  INITIAL_PARAMETERS,
  measureDistances,
} from '../../search/algorithms/frugal/kernel.ts'
import { appendCholeskyRow, rowStart, solveLower, solveUpper } from '../../search/algorithms/frugal/triangular.ts'
import { geneOperations } from '../../search/genes.ts'

const plainDistances = (count: number): Distances => {
  const [mismatch, apart, squares, counts, costs] = Array.from({ length: 5 }, () => new Float64Array(count))
  return { mismatch: mismatch!, apart: apart!, squares: squares!, counts: counts!, costs: costs!, area: undefined }
}

const operations = geneOperations(
  Array.from({ length: 13 }, (_, i) => ({
    name: `${'abc'[i % 3]}${i}.${i % 4}`,
    kind: i % 2 === 0 ? 'ordinal' : 'categorical',
    choices: i % 4 === 0 ? [1, 2] : i % 2 === 0 ? [1, 2, 3, 4, 5] : ['x', 'y', 'z'],
  })),
)

test('distances and covariances are the same to the last bit with and without WebAssembly', (t) => {
  const random = randomStream(1)
  for (const costCount of [0, 1, 5]) {
    const costsOf = (genome: readonly number[]) => [
      {
        // The last cost has no measure for some genomes.
        costs: Array.from({ length: costCount }, (_, k) => 1 + genome[k]! + (k === 4 && genome[2] === 1 ? 1e200 : 0)),
        violation: 0,
      },
    ]
    const encoding = createEncoding(operations, costCount === 0 ? undefined : costsOf)
    const rows = new EncodedRows(encoding)
    const kernel = createKernel(encoding, INITIAL_PARAMETERS)
    for (const size of [9, 64, 501, 40, 799]) {
      // Fewer than before: others come in the place of the last ones.
      rows.size = Math.min(rows.size, size - 5)
      while (rows.size < size) rows.add(encoding.encode(operations.sample(random)))
      const own = encoding.encode(operations.sample(random))
      for (const from of [0, 3]) {
        const count = size - from
        const [fast, plain] = [distancesFor('row', count), plainDistances(count)]
        t.not(fast.area, undefined)
        const made = [fast, plain].map((distances) => {
          measureDistances(encoding, rows, own, encoding.tables(undefined, 0.65)(own), from, distances, 0)
          const covariances = new Float64Array(count + 1)
          kernel(distances, 0, count, covariances, 1)
          return covariances
        })
        for (const kind of ['mismatch', 'apart', 'squares', 'counts', 'costs'] as const) {
          t.deepEqual(fast[kind].slice(0, count), plain[kind], `${kind}, ${costCount} costs, rows ${from} to ${size}`)
        }
        t.deepEqual(made[0], made[1])
        t.is(made[0]![0], 0)
      }
    }
  }
})

test('factors and solutions are the same to the last bit with and without WebAssembly', (t) => {
  const random = randomStream(2)
  const points = Array.from({ length: 210 }, () => random.normal())
  const covariances = (point: number) =>
    Float64Array.from(points, (other) => Math.exp(-((points[point]! - other) ** 2)))
  const check = (factor: Factor, plain: Float64Array, n: number): void => {
    for (let row = 0; row < n; row++) t.is(factor.diagonal(row), plain[rowStart(row) + row]!)
    for (const from of [0, 1, n - 60, n - 1]) {
      const [fast, slow] = Array.from({ length: 2 }, () =>
        Float64Array.from(points, (value, i) => (i < from ? 0 : value)),
      )
      factor.solveLower(n, fast!, from)
      solveLower(plain, n, slow!, from)
      t.deepEqual(fast, slow)
      factor.solveUpper(n, fast!)
      solveUpper(plain, n, slow!)
      t.deepEqual(fast, slow)
    }
  }
  // More factors than have a place in memory, by turns, and rows that are taken back.
  const factors = Array.from({ length: 11 }, () => ({ factor: new Factor(), plain: new Float64Array(rowStart(210)) }))
  const append = (which: number, row: number, point: number): void => {
    const { factor, plain } = factors[which]!
    factor.append(row, covariances(point), 1.1)
    appendCholeskyRow(plain, row, covariances(point), 1.1)
  }
  for (let row = 0; row < 150; row++) for (const which of factors.keys()) append(which, row, row)
  for (const { factor, plain } of factors) check(factor, plain, 150)
  for (let row = 120; row < 203; row++) append(3, row, row + 7)
  check(factors[3]!.factor, factors[3]!.plain, 203)
  check(factors[4]!.factor, factors[4]!.plain, 149)
})
