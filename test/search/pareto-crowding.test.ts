import { execFileSync } from 'node:child_process'
import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { crowdingDistance, plainDistance } from '../../search/pareto/crowding.ts'
import { MOST_KEYS, wasmPoints } from '../../search/pareto/wasm-points.ts'

const random = randomStream(22, 'crowding')
/** Values of objectives, with and without ties, easy and hard to sort. */
const VALUES: Readonly<Record<string, () => number>> = {
  uniform: () => random.float() - 0.5,
  'few values': () => random.int(4),
  'all equal': () => 7,
  skewed: () => random.float() ** 30,
  'one far away': () => (random.chance(0.001) ? 1e12 : random.float()),
  'range without a number': () => (random.float() - 0.5) * 2 * Number.MAX_VALUE,
  'zeros of both signs': () => (random.chance(0.5) ? 0 : -0),
}

for (const [name, value] of Object.entries(VALUES)) {
  test(`crowding distance is the same, bit for bit, with and without WebAssembly: ${name}`, (t) => {
    for (const count of [3, 4, 25, 100, 1001, 5000]) {
      for (const objectives of [1, 2, 3, 5]) {
        const mixed = Float64Array.from({ length: count * objectives }, (_, at) =>
          at % objectives === 0 ? random.float() : value(),
        )
        const found = crowdingDistance(mixed, count, objectives)
        t.deepEqual(found, plainDistance(mixed, count, objectives), `${count} points, ${objectives} objectives`)
        t.is(found.buffer.byteLength, 8 * count, 'no view of shared memory')
      }
    }
  })
}

test('more points than WebAssembly sorts', (t) => {
  const count = MOST_KEYS + 1
  const points = Float64Array.from({ length: 2 * count }, () => random.float())
  t.is(wasmPoints(count, 2), undefined)
  t.deepEqual(crowdingDistance(points, count, 2), plainDistance(points, count, 2))
  const most = points.subarray(0, 2 * MOST_KEYS)
  t.deepEqual(crowdingDistance(most, MOST_KEYS, 2), plainDistance(most, MOST_KEYS, 2))
})

test('only the first rows are read, and values that are not finite are refused wherever they stand', (t) => {
  const points = Float64Array.from({ length: 303 }, () => random.float())
  const expected = crowdingDistance(points.slice(0, 300), 100, 3)
  points[302] = Number.NaN
  t.deepEqual(crowdingDistance(points, 100, 3), expected)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const at of [0, 1, 150, 299]) {
      const broken = points.slice(0, 300)
      broken[at] = value
      t.throws(() => crowdingDistance(broken, 100, 3), {
        instanceOf: RangeError,
        message: `objective ${at % 3} of point ${Math.floor(at / 3)} is ${value}`,
      })
    }
  }
})

test('without WebAssembly the results are the same', (t) => {
  // Node itself needs WebAssembly to load TypeScript.
  const code = (first: string) => `
    const { crowdingDistance } = await import('${new URL('../../search/pareto/crowding.ts', import.meta.url)}')
    const { wasmPoints } = await import('${new URL('../../search/pareto/wasm-points.ts', import.meta.url)}')
    ${first}
    const points = Float64Array.from({ length: 90 }, (_, i) => Math.sin(i))
    console.log(typeof wasmPoints(30, 3), crowdingDistance(points, 30, 3).join())`
  const run = (first: string) =>
    execFileSync(process.execPath, ['--input-type=module', '--eval', code(first)], { encoding: 'utf8' }).split(' ')
  const [kind, distances] = run('')
  const [missing, sameDistances] = run('delete globalThis.WebAssembly')
  t.is(kind, 'object')
  t.is(missing, 'undefined')
  t.is(sameDistances, distances)
})
