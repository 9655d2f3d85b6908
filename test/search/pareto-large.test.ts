import test from 'ava'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { crowdingDistance, igdPlus, nonDominatedIndices, nonDominatedSort } from '../../search/pareto/index.ts'
import { thinOut } from '../../search/pareto/thin-out.ts'
import { flat, naiveCrowding, naiveDominates, naiveIgdPlus, naiveRanks, type Point } from './naive-pareto.ts'

const SHAPES: Readonly<Record<string, (random: RandomStream, objectives: number) => number[]>> = {
  'coarse grid': (random, objectives) => Array.from({ length: objectives }, () => random.int(4)),
  cloud: (random, objectives) => Array.from({ length: objectives }, () => random.float()),
  'one front': (random, objectives) => {
    const point = Array.from({ length: objectives }, () => -Math.log(1 - random.float()))
    const length = point.reduce((total, value) => total + value, 0)
    return point.map((value) => value / length)
  },
  'long stairs': (random, objectives) => {
    // None of these beats another in the objectives after the first one, but for a few that beat many.
    const [at, better] = [random.float(), random.chance(0.03) ? 0.2 : 0]
    return Array.from({ length: objectives }, (_, j) => (j === 0 ? random.float() : j % 2 ? at - better : -at - better))
  },
  'one objective constant': (random, objectives) =>
    Array.from({ length: objectives }, (_, j) => (j === 0 ? 3 : random.int(50))),
}

/** Enough points for several words and prefixes of the bit sets, for long ties and for the pivots. */
for (const [shape, draw] of Object.entries(SHAPES)) {
  test(`ranks and front of hundreds of points: ${shape}`, (t) => {
    const random = randomStream(41, shape)
    for (let objectives = 1; objectives <= 7; objectives++) {
      const points: Point[] = Array.from({ length: 350 }, () => draw(random, objectives))
      const expected = naiveRanks(points)
      const { ranks, frontCount } = nonDominatedSort(flat(points), points.length, objectives)
      t.deepEqual([...ranks], expected, `${objectives} objectives`)
      t.is(frontCount, Math.max(...expected) + 1)
      t.deepEqual(
        [...nonDominatedIndices(flat(points), points.length, objectives)],
        expected.flatMap((rank, i) => (rank === 0 ? [i] : [])),
      )
    }
  })

  test(`thinning out drops dominated points only: ${shape}`, (t) => {
    const random = randomStream(42, shape)
    for (const objectives of [2, 3, 5]) {
      const points: Point[] = Array.from({ length: 300 }, () => draw(random, objectives))
      const left = new Set(thinOut(flat(points), points.length, objectives))
      for (const [i, point] of points.entries()) {
        if (!left.has(i)) t.true(points.some((other) => naiveDominates(other, point)))
      }
      if (shape === 'one front') t.is(left.size, 300)
      if (shape === 'cloud' && objectives < 5) t.true(left.size < 150, `${left.size} left`)
    }
  })

  test(`IGD+ of hundreds of points agrees with the definition: ${shape}`, (t) => {
    const random = randomStream(43, shape)
    for (let objectives = 1; objectives <= 7; objectives++) {
      const points = Array.from({ length: 200 }, () => draw(random, objectives))
      const front = Array.from({ length: 60 }, () => draw(random, objectives).map((value) => value * 0.8))
      const value = igdPlus(flat(points), 200, flat(front), 60, objectives)
      const expected = naiveIgdPlus(points, front)
      t.true(Math.abs(value - expected) <= 1e-12 * Math.max(1, expected), `${objectives} objectives`)
    }
  })
}

test('crowding distance of hundreds of points agrees with a scan of all neighbours', (t) => {
  const random = randomStream(44, 'crowding')
  const points = Array.from({ length: 700 }, () => [random.float(), random.float() ** 9, -random.float()])
  const expected = naiveCrowding(points)
  const distances = crowdingDistance(flat(points), points.length, 3)
  for (let i = 0; i < points.length; i++) {
    t.true(distances[i] === expected[i] || Math.abs(distances[i]! - expected[i]!) < 1e-12)
  }
})
