import test from 'ava'
import type { FrontResult, Genome, Told } from '../../search/algorithm.ts'
import { Archive, MOST_OBSERVATIONS } from '../../search/algorithms/frugal/archive.ts'

const measured = (...objectives: readonly number[]): FrontResult => ({ objectives, violation: 0 })
const over = (violation: number, objectives?: readonly number[]): FrontResult => ({ objectives, violation })
const told = (genome: Genome, ...fronts: readonly FrontResult[]): Told => ({ genome, fronts })

const genomesOf = ({ observations }: Archive): readonly number[] => observations.map(({ genome }) => genome[0]!)

test('an observation has its error and, of each device that can take it, its costs', (t) => {
  const archive = new Archive(3)
  t.is(archive.add(told([1, 2], over(0.5, [7, 8, 9]), measured(3, 4, 5), measured(3, 6, 7))), undefined)
  const observation = { genome: [1, 2], error: 3, costs: [undefined, [4, 5], [6, 7]] }
  t.deepEqual(archive.observations, [observation])
  t.is(archive.find([1, 2]), archive.observations[0])
  t.is(archive.find([1, 3]), undefined)
  t.is(archive.find([2, 2]), undefined)
  t.deepEqual(
    [0, 1, 2].map((device) => archive.front(device)),
    [[], [0], [0]],
  )
  t.deepEqual(archive.frontPoints(2), [{ error: 3, costs: [6, 7] }])
  t.deepEqual(archive.infeasible, [])
  archive.add(told([3, 3], measured(9, 9, 9), over(1), over(1)))
  t.deepEqual(archive.front(0), [1])
  t.deepEqual(archive.front(2), [0], 'a device that cannot take it')
})

test('a front has what no other observation equals or betters in everything and betters in something', (t) => {
  const archive = new Archive(1)
  // Error and two costs; the third one is worse than the first, the fifth worse than the fourth and the sixth its equal.
  const results = [
    [5, 5, 5],
    [4, 9, 5],
    [5, 6, 5],
    [3, 7, 7],
    [4, 7, 7],
    [3, 7, 7],
    [9, 1, 9],
  ]
  results.forEach((objectives, i) => {
    archive.add(told([i], measured(...objectives)))
  })
  t.deepEqual(archive.front(0), [0, 1, 3, 5, 6])
  t.is(archive.front(0), archive.front(0))
  // Asked for before and after: one that betters all with a first cost of 5 or more.
  t.is(archive.add(told([7], measured(3, 5, 5))), undefined)
  t.deepEqual(archive.front(0), [6, 7])
  archive.add(told([8], measured(3, 5, 5)))
  archive.add(told([9], measured(3, 6, 5)))
  t.deepEqual(archive.front(0), [6, 7, 8])
  t.deepEqual(archive.frontPoints(0)[0], { error: 9, costs: [1, 9] })
})

test('a later result takes the place of the earlier one', (t) => {
  const archive = new Archive(1)
  for (const [i, error] of [4, 2, 6].entries()) archive.add(told([i], measured(error, 10 - error)))
  t.deepEqual(archive.front(0), [0, 1, 2])
  const before = archive.observations
  t.is(archive.add(told([1], measured(7, 5))), undefined)
  t.not(archive.observations, before, 'another array: others did not only come after')
  t.deepEqual(archive.observations[1], { genome: [1], error: 7, costs: [[5]] })
  t.deepEqual(genomesOf(archive), [0, 1, 2])
  t.deepEqual(archive.front(0), [0, 2])
})

test('a later failure removes an observation and says which are left', (t) => {
  const archive = new Archive(1)
  for (const [i, error] of [4, 2, 6].entries()) archive.add(told([i], measured(error, 10 - error)))
  t.deepEqual(archive.front(0), [0, 1, 2])
  t.is(archive.add(told([3], over(Number.POSITIVE_INFINITY))), undefined, 'it was never there')
  t.deepEqual(archive.add(told([1], over(Number.POSITIVE_INFINITY))), [0, 2])
  t.deepEqual(genomesOf(archive), [0, 2])
  t.deepEqual(archive.front(0), [0, 1])
  t.deepEqual(archive.add(told([2], { objectives: undefined, violation: 0 })), [0])
  t.deepEqual(archive.infeasible, [])
})

test('of what no device can take, the twenty with the least violation are remembered', (t) => {
  const archive = new Archive(2)
  // Each is judged by the device that it suits best.
  for (let i = 0; i < 20; i++) archive.add(told([i], over(50 + i), over(20 - i)))
  t.deepEqual(
    archive.infeasible.map(({ genome }) => genome[0]),
    Array.from({ length: 20 }, (_, k) => 19 - k),
  )
  archive.add(told([20], over(5.5), over(99)))
  archive.add(told([21], over(30), over(40)))
  archive.add(told([22], over(20), over(20)))
  archive.add(told([23], over(5, [1, 2]), over(6)))
  const expected = [19, 18, 17, 16, 15, 23, 20, ...Array.from({ length: 13 }, (_, k) => 14 - k)]
  t.deepEqual(
    archive.infeasible.map(({ genome }) => genome[0]),
    expected,
  )
  t.deepEqual(archive.observations, [])
})

test('an archive goes on from lists that stay as they were', (t) => {
  const observations = [{ genome: [0], error: 3, costs: [[1]] }]
  const infeasible = [told([5], over(2))]
  const archive = new Archive(1, observations, infeasible)
  archive.add(told([1], measured(2, 2)))
  archive.add(told([6], over(1)))
  t.deepEqual(genomesOf(archive), [0, 1])
  t.deepEqual(
    archive.infeasible.map(({ genome }) => genome[0]),
    [6, 5],
  )
  t.is(observations.length, 1)
  t.is(infeasible.length, 1)
})

/** Archive of 512 results, with what the one after it says is left. */
function filled(frontCount: number, objectives: (i: number) => readonly FrontResult[]) {
  const archive = new Archive(frontCount)
  for (let i = 0; i < MOST_OBSERVATIONS; i++)
    if (archive.add(told([i], ...objectives(i))) !== undefined) throw new Error(`${i + 1} are too many`)
  const left = archive.add(told([MOST_OBSERVATIONS], ...objectives(MOST_OBSERVATIONS)))
  return { archive, left: left! }
}

/** So many of the items, the last of each of as many equal parts. */
const lastOfParts = (items: readonly number[], count: number): readonly number[] =>
  Array.from({ length: count }, (_, k) => items[Math.floor(((k + 1) * items.length) / count) - 1]!)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k)
const ascending = (items: readonly number[]) => [...items].sort((a, b) => a - b)

test('of 513 observations the fronts of all devices are kept and, evenly, some of the rest: 384 in all', (t) => {
  // The last device can take every tenth network, and its front is the 40th and the 80th; the first one's is 3, 4 and 5.
  const { archive, left } = filled(2, (i) => {
    const first = i >= 3 && i < 6 ? measured(10, i, 20 - i) : measured(11 + i, 50, 50)
    const error = first.objectives![0]!
    if (i % 10 !== 0 || i < 40) return [first, over(1)]
    return [first, measured(error, i === 40 ? 9 : i === 80 ? 8 : 30, 7)]
  })
  const fronts = [3, 4, 5, 40, 80]
  const rest = range(0, 513).filter((i) => !fronts.includes(i))
  const expected = ascending([...fronts, ...lastOfParts(rest, 384 - 5)])
  t.deepEqual(left, expected)
  t.is(left.length, 384)
  t.is(left.at(-1), 512)
  t.deepEqual(genomesOf(archive), expected)
  const places = (genomes: readonly number[]) => genomes.map((genome) => expected.indexOf(genome))
  t.deepEqual(archive.front(0), places([3, 4, 5]))
  t.deepEqual(archive.front(1), places([40, 80]))
})

test('of a front of 513 only some are kept, evenly, and nothing else', (t) => {
  const { archive, left } = filled(1, (i) => [measured(i, 1000 - i)])
  t.deepEqual(left, lastOfParts(range(0, 513), 384))
  t.is(archive.front(0).length, 384)
  t.deepEqual(genomesOf(archive), left)
  const almost = filled(1, (i) => [i < 400 ? measured(i, 1000 - i) : measured(2000, 2000)])
  t.deepEqual(almost.left, lastOfParts(range(0, 400), 384))
})
