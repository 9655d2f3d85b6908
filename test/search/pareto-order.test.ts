import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { mergeOrder } from '../../search/pareto/merge-order.ts'
import { ascendingOrder, columnOrder, levelOrder } from '../../search/pareto/order.ts'
import { lexicographicOrder } from '../../search/pareto/points.ts'

const random = randomStream(21, 'order')
/** Spreads of keys, easy and hard for a sort by levels. */
const SPREADS: Readonly<Record<string, () => number>> = {
  uniform: () => random.float(),
  negative: () => -5 - random.float(),
  'few values': () => random.int(5),
  'all equal': () => 7,
  skewed: () => random.float() ** 40,
  'one far away': () => (random.chance(0.001) ? 1e12 : random.float()),
  'range without a number': () => (random.float() - 0.5) * 2 * Number.MAX_VALUE,
  'hardly any range': () => random.int(1000) * 5e-324,
  'zeros of both signs': () => (random.chance(0.5) ? 0 : -0),
}

for (const [name, key] of Object.entries(SPREADS)) {
  test(`keys in order, ties in the order they came: ${name}`, (t) => {
    for (const count of [0, 1, 2, 24, 25, 100, 3001, 4096, 16_383, 16_384, 32_768, 40_000]) {
      const keys = Float64Array.from({ length: count }, key)
      const expected = Array.from(keys.keys()).sort((a, b) =>
        keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b,
      )
      for (const order of [ascendingOrder, levelOrder, mergeOrder]) {
        if (count === 0 && order === levelOrder) continue
        const sorted = new Float64Array(count)
        const found = order(keys, sorted)
        t.deepEqual([...found], expected, `${count} keys`)
        t.deepEqual(
          [...sorted],
          expected.map((i) => keys[i]),
        )
      }
      const points = new Float64Array(count * 3).fill(Number.NaN)
      for (let i = 0; i < count; i++) points[i * 3 + 1] = keys[i]!
      t.deepEqual([...columnOrder(points, count, 3, 1)], expected, `${count} keys of a column`)
    }
  })
}

test('lexicographic order of rows with short and long ties', (t) => {
  for (const levels of [1, 2, 30]) {
    for (const count of [1, 10, 500]) {
      const points = Float64Array.from({ length: count * 3 }, () => random.int(levels))
      const row = (i: number) => [...points.subarray(i * 3, i * 3 + 3)]
      const found = [...lexicographicOrder(points, count, 3)]
      t.deepEqual([...new Set(found)].length, count)
      for (let place = 1; place < count; place++) {
        const [before, after] = [row(found[place - 1]!), row(found[place]!)]
        const differs = before.findIndex((value, j) => value !== after[j])
        t.true(differs === -1 || before[differs]! < after[differs]!)
      }
    }
  }
})
