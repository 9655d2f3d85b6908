import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { hypervolume, hypervolumeGain } from '../../search/pareto/index.ts'
import { RankSet } from '../../search/pareto/rank-set.ts'
import { flat, naiveHypervolume, type Point } from './naive-pareto.ts'

const volume = (points: readonly Point[], reference: Point) => hypervolume(flat(points), points.length, reference)
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))

test('closed forms in 1 to 6 dimensions', (t) => {
  t.is(volume([[3], [1], [2]], [4]), 3)
  t.is(
    volume(
      [
        [1, 2],
        [2, 1],
      ],
      [3, 3],
    ),
    3,
  )
  t.is(
    volume(
      [
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
      ],
      [2, 2, 2],
    ),
    7,
  )
  for (let d = 1; d <= 6; d++) {
    const reference = new Array<number>(d).fill(2)
    t.is(volume([new Array<number>(d).fill(0)], reference), 2 ** d, 'one box')
    // The d unit vectors leave out of the cube of side 2 only the unit corner at the origin and nothing more.
    const units = reference.map((_, i) => reference.map((_, j) => (i === j ? 1 : 0)))
    t.true(near(volume(units, reference), 2 ** d - 1), `unit vectors in ${d}-D`)
  }
})

test('the unit staircase of n points has the area of a triangle of steps', (t) => {
  const n = 1000
  const points = Array.from({ length: n }, (_, i) => [i / n, (n - 1 - i) / n])
  t.true(near(volume(points, [1, 1]), (n + 1) / (2 * n)))
})

test('duplicates, dominated points and points beyond the reference add nothing', (t) => {
  for (let d = 2; d <= 5; d++) {
    const reference = new Array<number>(d).fill(10)
    const point = new Array<number>(d).fill(4)
    const alone = volume([point], reference)
    t.is(alone, 6 ** d)
    const beyond = point.map((_, j) => (j === 0 ? 10 : 0))
    const far = point.map((_, j) => (j === d - 1 ? 99 : -5))
    const dominated = point.map((value) => value + 1)
    t.true(near(volume([point, point, beyond, far, dominated, point], reference), alone))
    t.is(volume([beyond, far], reference), 0, 'nothing strictly below the reference')
    t.is(volume([], reference), 0)
  }
})

test('agrees with adding up grid cells, for 1 to 5 objectives, with and without ties', (t) => {
  const random = randomStream(5, 'hypervolume')
  for (let objectives = 1; objectives <= 5; objectives++) {
    for (const levels of [3, 8, 1000]) {
      for (let repeat = 0; repeat < 6; repeat++) {
        const count = 1 + random.int(objectives > 3 ? 7 : 14)
        const points = Array.from({ length: count }, () =>
          Array.from({ length: objectives }, () => random.int(levels) - levels / 3),
        )
        const reference = Array.from({ length: objectives }, () => levels * 0.6)
        const expected = naiveHypervolume(points, reference)
        t.true(near(volume(points, reference), expected), `${objectives} objectives, ${levels} levels: ${expected}`)
      }
    }
  }
})

test('3-D agrees with the 4-D algorithm on a slab of thickness 1', (t) => {
  const random = randomStream(6, 'slab')
  const points = Array.from({ length: 300 }, () => Array.from({ length: 3 }, () => random.float()))
  const slab = points.map((point) => [...point, 0])
  t.true(near(volume(slab, [1, 1, 1, 1]), volume(points, [1, 1, 1])))
})

test('the gain is the difference of two volumes', (t) => {
  const random = randomStream(7, 'gain')
  for (let objectives = 1; objectives <= 4; objectives++) {
    const reference = new Array<number>(objectives).fill(0.9)
    for (let repeat = 0; repeat < 20; repeat++) {
      const points = Array.from({ length: 15 }, () => Array.from({ length: objectives }, () => random.float()))
      const point = Array.from({ length: objectives }, () => random.float())
      const expected = volume([...points, point], reference) - volume(points, reference)
      const gain = hypervolumeGain(flat(points), points.length, point, reference)
      t.true(Math.abs(gain - expected) < 1e-12)
    }
    const best = new Array<number>(objectives).fill(0.2)
    t.is(hypervolumeGain(flat([best]), 1, best, reference), 0, 'a duplicate gains nothing')
    t.true(near(hypervolumeGain(new Float64Array(), 0, best, reference), 0.7 ** objectives))
  }
})

test('NaN and infinities are refused', (t) => {
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    t.throws(() => volume([[1, bad]], [2, 2]), { instanceOf: RangeError })
    t.throws(() => volume([[1, 1]], [2, bad]), { instanceOf: RangeError })
    t.throws(() => hypervolumeGain(flat([[1, 1]]), 1, [bad, 1], [2, 2]), { instanceOf: RangeError })
  }
  t.throws(() => hypervolume(new Float64Array(3), 2, [1, 1]), { instanceOf: RangeError })
})

test('the rank set finds the same neighbours as a sorted list', (t) => {
  const random = randomStream(8, 'rank-set')
  for (const capacity of [1, 31, 32, 33, 1024, 1025, 5000]) {
    const set = new RankSet(capacity)
    const members = new Set<number>()
    for (let step = 0; step < 400; step++) {
      const value = random.int(capacity)
      if (random.chance(0.6)) {
        set.add(value)
        members.add(value)
      } else {
        set.remove(value)
        members.delete(value)
      }
      const probe = random.int(capacity)
      t.is(set.below(probe), Math.max(-1, ...[...members].filter((member) => member < probe)))
      const above = [...members].filter((member) => member > probe)
      t.is(set.above(probe), above.length === 0 ? -1 : Math.min(...above))
    }
  }
})
