import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { plainRanks, ranksByBits } from '../../search/pareto/dominance-bits.ts'
import { lexicographicOrder, samePoint } from '../../search/pareto/points.ts'
import { wasmPoints } from '../../search/pareto/wasm-points.ts'
import { naiveRanks } from './naive-pareto.ts'

const random = randomStream(51, 'ranks')
/** Values of objectives, with and without ties, easy and hard to sort, of many fronts and of one. */
const VALUES: Readonly<Record<string, (first: number) => number>> = {
  cloud: () => random.float(),
  'one front': (first) => 1 - first + 0.01 * random.float(),
  chain: (first) => first,
  'few values': () => random.int(3),
  'all equal': () => 7,
  skewed: () => random.float() ** 30,
  'one far away': () => (random.chance(0.002) ? 1e12 : random.float()),
  'range without a number': () => (random.float() - 0.5) * 2 * Number.MAX_VALUE,
}

/** Distinct rows in lexicographic order. */
function rowsOf(points: Float64Array, objectives: number): Float64Array {
  const order = lexicographicOrder(points, points.length / objectives, objectives)
  const distinct = order.filter((i, k) => k === 0 || !samePoint(points, objectives, order[k - 1]!, i))
  return Float64Array.from([...distinct].flatMap((i) => [...points.subarray(i * objectives, (i + 1) * objectives)]))
}

for (const [name, value] of Object.entries(VALUES)) {
  test(`ranks are the same with and without WebAssembly: ${name}`, (t) => {
    for (const count of [1, 2, 17, 127, 128, 129, 700, 2600]) {
      for (const objectives of count > 700 ? [5] : [4, 5, 6, 7]) {
        const points = new Float64Array(count * objectives)
        for (let at = 0; at < points.length; at++) {
          points[at] = at % objectives === 0 ? random.float() : value(points[at - (at % objectives)]!)
        }
        const rows = rowsOf(points, objectives)
        const distinct = rows.length / objectives
        const label = `${count} points, ${objectives} objectives`
        const all = ranksByBits(rows, distinct, objectives, distinct)
        t.deepEqual(all, plainRanks(rows, distinct, objectives, distinct), label)
        if (count <= 129) {
          const naive = naiveRanks(
            Array.from({ length: distinct }, (_, i) => [...rows.subarray(i * objectives, (i + 1) * objectives)]),
          )
          t.deepEqual([...all], naive, label)
        }
        for (const highest of [1, 2]) {
          const limited = all.map((rank) => Math.min(rank, highest))
          for (const ranks of [ranksByBits, plainRanks]) {
            t.deepEqual(ranks(rows, distinct, objectives, highest), limited, `${label}, up to ${highest}`)
          }
        }
      }
    }
  })
}

test('more values than WebAssembly has room for', (t) => {
  const [count, objectives] = [300, 900]
  const rows = Float64Array.from({ length: count * objectives }, (_, at) => Math.floor(at / objectives))
  t.is(wasmPoints(count, objectives), undefined)
  t.deepEqual(
    ranksByBits(rows, count, objectives, count),
    Int32Array.from({ length: count }, (_, i) => i),
  )
})
