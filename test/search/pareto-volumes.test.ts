import test from 'ava'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { ExclusiveVolume } from '../../search/pareto/exclusive-volume.ts'
import { hypervolume, hypervolumeGain } from '../../search/pareto/index.ts'
import { Shell } from '../../search/pareto/shell.ts'
import { flat, naiveHypervolume, type Point } from './naive-pareto.ts'

/** Adds and subtracts the boxes that every non-empty choice of points dominates together. */
function inclusionExclusion(points: readonly Point[], reference: Point): number {
  let sum = 0
  for (let choice = 1; choice < 2 ** points.length; choice++) {
    const chosen = points.filter((_, i) => (choice >> i) & 1)
    const size = reference.reduce(
      (product, end, j) => product * Math.max(0, end - Math.max(...chosen.map((point) => point[j]!))),
      1,
    )
    sum += chosen.length % 2 === 1 ? size : -size
  }
  return sum
}

const volume = (points: readonly Point[], reference: Point) => hypervolume(flat(points), points.length, reference)
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-10 * Math.max(1, Math.abs(b))
const gridPoint = (random: RandomStream, objectives: number, levels: number): number[] =>
  Array.from({ length: objectives }, () => random.int(levels))

test('agrees with inclusion and exclusion: ties, duplicates, points on and behind the reference', (t) => {
  const random = randomStream(31, 'inclusion')
  for (let objectives = 1; objectives <= 7; objectives++) {
    for (const levels of [2, 4, 1000]) {
      for (let repeat = 0; repeat < 12; repeat++) {
        const points = Array.from({ length: 1 + random.int(9) }, () => gridPoint(random, objectives, levels))
        if (random.chance(0.3)) points.push([...points[0]!])
        // Now and then the reference lies below some points or on them.
        const reference = Array.from({ length: objectives }, () => (random.chance(0.8) ? levels : levels - 1))
        const expected = inclusionExclusion(points, reference)
        t.true(near(volume(points, reference), expected), `${JSON.stringify(points)} below ${reference}: ${expected}`)
      }
    }
  }
})

test('agrees with adding up grid cells where many points count', (t) => {
  const random = randomStream(32, 'cells')
  for (const [objectives, count, levels] of [
    [3, 60, 12],
    [4, 40, 9],
    [5, 30, 6],
    [6, 25, 4],
  ] as const) {
    for (let repeat = 0; repeat < 4; repeat++) {
      // Large sums of ranks come from the middle of the grid, so that few points dominate many others.
      const points = Array.from({ length: count * 4 }, () => gridPoint(random, objectives, levels))
        .sort((a, b) => Math.abs(sum(a) - (objectives * levels) / 2) - Math.abs(sum(b) - (objectives * levels) / 2))
        .slice(0, count)
      const reference = new Array<number>(objectives).fill(levels)
      t.is(volume(points, reference), naiveHypervolume(points, reference), `${objectives} objectives`)
    }
  }
})

const sum = (point: Point) => point.reduce((total, value) => total + value, 0)

test('neither the order of objectives nor that of points matters', (t) => {
  const random = randomStream(33, 'permutation')
  for (const [objectives, count] of [
    [3, 400],
    [4, 300],
    [5, 120],
    [6, 60],
  ] as const) {
    const points = Array.from({ length: count }, () => {
      const point = Array.from({ length: objectives }, () => -Math.log(1 - random.float()))
      return point.map((value) => value / sum(point))
    })
    const reference = Array.from({ length: objectives }, (_, j) => 1 + j / 10)
    const expected = volume(points, reference)
    const turned = (values: Point) => values.map((_, j) => values[(j + 1) % objectives]!)
    let [rows, corner] = [points as readonly Point[], reference as Point]
    for (let turn = 1; turn < objectives; turn++) {
      rows = rows.map(turned).reverse()
      corner = turned(corner)
      t.true(near(volume(rows, corner), expected), `${objectives} objectives, turned ${turn} times`)
    }
  }
})

test('an objective in which all points agree is a factor', (t) => {
  const random = randomStream(34, 'degenerate')
  for (let objectives = 2; objectives <= 5; objectives++) {
    const points = Array.from({ length: 50 }, () => Array.from({ length: objectives }, () => random.float()))
    const reference = new Array<number>(objectives).fill(1)
    const expected = 3 * volume(points, reference)
    for (let at = 0; at <= objectives; at++) {
      const wider = (values: Point, value: number) => [...values.slice(0, at), value, ...values.slice(at)]
      const widened = points.map((point) => wider(point, -1))
      t.true(near(volume(widened, wider(reference, 2)), expected), `${objectives} objectives, constant at ${at}`)
    }
  }
})

/** Number of cells of the grid below `levels` that a point dominates, by looking at each. */
function cells(points: readonly Point[], dimensions: number, levels: number): number {
  let found = 0
  for (let cell = 0; cell < levels ** dimensions; cell++) {
    const corner = Array.from({ length: dimensions }, (_, j) => Math.floor(cell / levels ** j) % levels)
    if (points.some((point) => point.every((value, j) => value <= corner[j]!))) found++
  }
  return found
}

test('shells and sets of more dimensions tell what each new point adds, with ties', (t) => {
  const random = randomStream(35, 'exclusive')
  for (const [dimensions, levels] of [
    [3, 6],
    [4, 5],
    [5, 4],
  ] as const) {
    const values = Array.from({ length: dimensions }, () =>
      Float64Array.from({ length: levels + 1 }, (_, r) => r - levels),
    )
    for (let repeat = 0; repeat < 25; repeat++) {
      const count = 12
      const shell = new Shell(values, count)
      shell.reset(levels, levels, levels)
      const set = dimensions > 3 ? new ExclusiveVolume(values, dimensions, count) : undefined
      set?.reset(new Int32Array(dimensions).fill(levels))
      const before: Point[] = []
      let covered = 0
      for (let i = 0; i < count; i++) {
        const point = gridPoint(random, dimensions, levels)
        before.push(point)
        const [a, b, c] = point as [number, number, number]
        const added = set?.add(Int32Array.from(point), 0) ?? shell.add(a, b, c)
        const now = cells(before, dimensions, levels)
        t.is(added, now - covered, JSON.stringify(before))
        covered = now
      }
    }
  }
})

test('gains of many points one after the other add up to the volume', (t) => {
  const random = randomStream(36, 'gains')
  for (let objectives = 2; objectives <= 5; objectives++) {
    const points = Array.from({ length: 40 }, () => Array.from({ length: objectives }, () => random.float()))
    const reference = new Array<number>(objectives).fill(0.95)
    let total = 0
    points.forEach((point, i) => {
      total += hypervolumeGain(flat(points.slice(0, i)), i, point, reference)
    })
    t.true(near(total, volume(points, reference)))
  }
})
