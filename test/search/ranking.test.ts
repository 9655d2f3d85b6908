import test from 'ava'
import type { FrontResult, Told } from '../../search/algorithm.ts'
import { compareStandings, standings, survivors, withoutEnds } from '../../search/algorithms/ranking.ts'
import { checkTold, loadTold, storeTold } from '../../search/algorithms/state.ts'
import { toyConfig } from './toy-problem.ts'

const ok = (...objectives: number[]): FrontResult => ({ objectives, violation: 0 })
const broken = (violation: number): FrontResult => ({ objectives: undefined, violation })
const told = (...fronts: FrontResult[]): Told => ({ genome: [0], fronts })
const ranks = (individuals: Told[], frontCount = 1) => standings(individuals, frontCount, 2).map(({ rank }) => rank)

test('feasible ones come first, then infeasible ones by violation', (t) => {
  t.deepEqual(
    ranks([told(broken(0.5)), told(ok(2, 2)), told(broken(0.1)), told(ok(1, 1)), told(broken(Infinity))]),
    [3, 1, 2, 0, 4],
  )
})

test('infeasible ones of equal violation keep their order, and crowding does not count among them', (t) => {
  const found = standings([told(broken(0.5)), told(ok(1, 1)), told(broken(0.5)), told(broken(0.1))], 1, 2)
  t.deepEqual(
    found.map(({ rank }) => rank),
    [2, 0, 3, 1],
  )
  t.deepEqual([found[0]!.crowding, found[2]!.crowding, found[3]!.crowding], [0, 0, 0])
  // A result without figures is no member of a front, and comes last of all.
  t.deepEqual(ranks([told({ objectives: undefined, violation: 0 }), told(ok(1, 1))]), [Infinity, 0])
})

test('over several fronts the best rank counts', (t) => {
  const generalist = told(ok(2, 2), ok(2, 2))
  const firstOnly = told(ok(1, 1), broken(1))
  const secondOnly = told(broken(3), ok(1, 1))
  t.deepEqual(ranks([generalist, firstOnly, secondOnly], 2), [1, 0, 0])
})

test('of equal ranks the less crowded is preferred', (t) => {
  const line = [told(ok(0, 10)), told(ok(1, 9)), told(ok(2, 8)), told(ok(6, 4)), told(ok(10, 0))]
  const standing = standings(line, 1, 2)
  t.deepEqual(
    standing.map(({ rank }) => rank),
    [0, 0, 0, 0, 0],
  )
  t.true(compareStandings(standing[3]!, standing[1]!) < 0)
  t.deepEqual(survivors(line, 4, 1, 2), [line[0], line[2], line[3], line[4]])
  t.is(compareStandings(standing[0]!, standing[4]!), 0, 'both ends')
})

test('the ends of a front are as far apart from others as the widest gap within it', (t) => {
  const line = [told(ok(0, 10)), told(ok(1, 9)), told(ok(2, 8)), told(ok(6, 4)), told(ok(10, 0)), told(ok(11, 11))]
  const gaps = withoutEnds(standings(line, 1, 2)).map(({ crowding }) => crowding)
  t.deepEqual(gaps, [1.6, 0.4, 1, 1.6, 1.6, 1])
})

test('a stored result comes back, an endless violation on one device included', (t) => {
  const result = told(ok(1, 2), broken(Infinity))
  t.deepEqual(loadTold(JSON.parse(JSON.stringify(storeTold(result)))), result)
})

test('a state of another search is refused', (t) => {
  t.throws(() => checkTold('x', toyConfig(), [told(ok(1, 2))]), { name: 'UserError', message: /24 genes/ })
})
