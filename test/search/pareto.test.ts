import test from 'ava'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import {
  crowdingDistance,
  igdPlus,
  kendallTau,
  nonDominatedIndices,
  nonDominatedSort,
} from '../../search/pareto/index.ts'
import { flat, naiveCrowding, naiveIgdPlus, naiveKendallTau, naiveRanks, type Point } from './naive-pareto.ts'

/** Points on a coarse grid, so that equal values and whole duplicates are common. */
const gridPoints = (random: RandomStream, count: number, objectives: number, levels: number): Point[] =>
  Array.from({ length: count }, () => Array.from({ length: objectives }, () => random.int(levels)))

test('ranks of a chain, of an antichain and of duplicates', (t) => {
  const ranks = (points: Point[], objectives: number) => [
    ...nonDominatedSort(flat(points), points.length, objectives).ranks,
  ]
  t.deepEqual(
    ranks(
      [
        [3, 3],
        [1, 1],
        [2, 2],
      ],
      2,
    ),
    [2, 0, 1],
  )
  t.deepEqual(
    ranks(
      [
        [1, 3, 2],
        [2, 2, 2],
        [3, 1, 2],
      ],
      3,
    ),
    [0, 0, 0],
  )
  t.deepEqual(
    ranks(
      [
        [1, 2],
        [1, 2],
        [1, 3],
        [1, 2],
      ],
      2,
    ),
    [0, 0, 1, 0],
  )
  t.deepEqual(ranks([[4], [2], [2], [9]], 1), [1, 0, 0, 2])
  t.is(nonDominatedSort(new Float64Array(), 0, 3).frontCount, 0)
})

test('sorting agrees with peeling fronts, for 1 to 6 objectives, with and without ties', (t) => {
  const random = randomStream(1, 'sort')
  for (let objectives = 1; objectives <= 6; objectives++) {
    for (const levels of [2, 5, 1000]) {
      for (const count of [1, 2, 17, 120]) {
        const points = gridPoints(random, count, objectives, levels)
        const expected = naiveRanks(points)
        const { ranks, frontCount } = nonDominatedSort(flat(points), count, objectives)
        t.deepEqual([...ranks], expected, `${objectives} objectives, ${levels} levels, ${count} points`)
        t.is(frontCount, Math.max(...expected) + 1)
        t.deepEqual(
          [...nonDominatedIndices(flat(points), count, objectives)],
          expected.flatMap((rank, i) => (rank === 0 ? [i] : [])),
        )
      }
    }
  }
})

test('only the first `count` rows are read', (t) => {
  const points = Float64Array.from([1, 1, 0, 0, Number.NaN, 0])
  t.deepEqual([...nonDominatedSort(points, 2, 2).ranks], [1, 0])
})

test('crowding distance: closed form, ends, constant objectives and duplicates', (t) => {
  const line = flat([
    [0, 4],
    [1, 3],
    [3, 1],
    [4, 0],
  ])
  t.deepEqual([...crowdingDistance(line, 4, 2)], [Infinity, 3 / 4 + 3 / 4, 3 / 4 + 3 / 4, Infinity])
  t.deepEqual([...crowdingDistance(flat([[1, 2]]), 1, 2)], [Infinity])
  t.deepEqual([...crowdingDistance(flat([1, 1].map((value) => [value, value])), 2, 2)], [Infinity, Infinity])
  t.deepEqual([...crowdingDistance(new Float64Array(), 0, 2)], [])
  const same = flat([
    [1, 1],
    [1, 1],
    [1, 1],
  ])
  t.deepEqual([...crowdingDistance(same, 3, 2)], [0, 0, 0], 'no range, no distance')
  const twins = flat([
    [0, 2],
    [0, 2],
    [1, 1],
    [2, 0],
    [2, 0],
  ])
  const distances = [...crowdingDistance(twins, 5, 2)]
  t.is(distances.filter((distance) => distance === Infinity).length, 2, 'one of each pair of equal ends')
  t.is(distances[2], 2)
})

test('crowding distance agrees with a scan of all neighbours', (t) => {
  const random = randomStream(2, 'crowding')
  for (let objectives = 1; objectives <= 4; objectives++) {
    const points = Array.from({ length: 40 }, () => Array.from({ length: objectives }, () => random.float()))
    const expected = naiveCrowding(points)
    const distances = crowdingDistance(flat(points), 40, objectives)
    for (let i = 0; i < 40; i++) {
      if (expected[i] === Infinity) t.is(distances[i], Infinity)
      else t.true(Math.abs(distances[i]! - expected[i]!) < 1e-12)
    }
  }
})

test('IGD+: closed forms', (t) => {
  const front = flat([
    [0, 1],
    [1, 0],
  ])
  t.is(igdPlus(front, 2, front, 2, 2), 0)
  t.is(igdPlus(flat([[0, 0]]), 1, front, 2, 2), 0, 'a point better than the whole front is at distance 0')
  t.is(igdPlus(flat([[3, 5]]), 1, flat([[0, 1]]), 1, 2), 5)
  t.is(igdPlus(flat([[0, 1]]), 1, front, 2, 2), 0.5)
  t.is(igdPlus(new Float64Array(), 0, front, 2, 2), Infinity)
  t.throws(() => igdPlus(front, 2, new Float64Array(), 0, 2), { instanceOf: RangeError, message: /empty/ })
})

test('IGD+ agrees with the definition', (t) => {
  const random = randomStream(3, 'igd')
  for (let objectives = 1; objectives <= 4; objectives++) {
    const points = gridPoints(random, 30, objectives, 50)
    const front = gridPoints(random, 12, objectives, 30)
    const value = igdPlus(flat(points), 30, flat(front), 12, objectives)
    t.true(Math.abs(value - naiveIgdPlus(points, front)) < 1e-9)
  }
})

test('Kendall τ-b: closed forms', (t) => {
  const tau = (x: number[], y: number[]) => kendallTau(Float64Array.from(x), Float64Array.from(y))
  t.is(tau([1, 2, 3, 4], [10, 20, 30, 40]), 1)
  t.is(tau([1, 2, 3, 4], [4, 3, 2, 1]), -1)
  t.true(Math.abs(tau([1, 2, 3], [1, 3, 2]) - 1 / 3) < 1e-15)
  t.is(tau([1, 1, 1], [1, 2, 3]), 0, 'a constant list orders nothing')
  t.is(tau([], []), 0)
  t.is(tau([5], [6]), 0)
  // Three pairs: one tied in x, one concordant, one tied in y: 1 / √(2·2).
  t.true(Math.abs(tau([1, 1, 2], [1, 2, 2]) - 0.5) < 1e-15)
  t.true(Math.abs(tau([1, 2, 3], [-Infinity, 0, Infinity]) - 1) < 1e-15)
})

test('Kendall τ-b agrees with counting pairs, with and without ties', (t) => {
  const random = randomStream(4, 'tau')
  for (const levels of [2, 4, 20, 1e9]) {
    for (const n of [2, 3, 7, 64, 101]) {
      const x = Array.from({ length: n }, () => random.int(levels))
      const y = x.map((value) => (random.chance(0.5) ? value : random.int(levels)))
      const value = kendallTau(Float64Array.from(x), Float64Array.from(y))
      t.true(Math.abs(value - naiveKendallTau(x, y)) < 1e-12, `${levels} levels, ${n} pairs`)
    }
  }
})

test('NaN, infinities and wrong shapes are refused', (t) => {
  const one = Float64Array.from([1, 2])
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    const points = Float64Array.from([1, bad])
    t.throws(() => nonDominatedSort(points, 1, 2), { instanceOf: RangeError, message: /objective 1 of point 0/ })
    t.throws(() => nonDominatedIndices(points, 1, 2), { instanceOf: RangeError })
    t.throws(() => crowdingDistance(points, 1, 2), { instanceOf: RangeError })
    t.throws(() => igdPlus(points, 1, one, 1, 2), { instanceOf: RangeError })
    t.throws(() => igdPlus(one, 1, points, 1, 2), { instanceOf: RangeError })
  }
  t.throws(() => kendallTau(Float64Array.from([1, Number.NaN]), one), { instanceOf: RangeError })
  t.throws(() => kendallTau(one, new Float64Array(3)), { instanceOf: RangeError })
  t.throws(() => nonDominatedSort(one, 2, 2), { instanceOf: RangeError, message: /cannot hold 2 points/ })
  t.throws(() => nonDominatedSort(one, 1, 0), { instanceOf: RangeError })
  t.throws(() => nonDominatedSort(one, -1, 2), { instanceOf: RangeError })
})
