import test from 'ava'
import { Places } from '../../search/algorithms/frugal/places.ts'

/** Places that note what they were brought: place, first row, and the row after the last one. */
function noted(count: number) {
  const brought: (readonly number[])[] = []
  const places = new Places(count)
  return {
    places,
    of: (owner: number, rows: number) =>
      places.of(owner, rows, (...what) => {
        brought.push(what)
      }),
    /** What was brought since the last time. */
    taken: () => brought.splice(0),
  }
}

test('an owner is brought only the rows that its place does not have', (t) => {
  const { of, taken } = noted(2)
  t.is(of(7, 3), 0)
  t.deepEqual(taken(), [[0, 0, 3]])
  t.is(of(7, 5), 0)
  t.deepEqual(taken(), [[0, 3, 5]])
  t.is(of(7, 5), 0)
  t.is(of(7, 2), 0)
  t.is(of(7, 5), 0)
  t.deepEqual(taken(), [], 'fewer rows leave the others where they are')
})

test('owners have places of their own, and the one that came longest ago makes way', (t) => {
  const { of, taken } = noted(3)
  t.deepEqual([of(1, 4), of(2, 4), of(3, 4)], [0, 1, 2])
  // The first comes back, so that the second has been away longest.
  t.is(of(1, 6), 0)
  taken()
  t.is(of(4, 2), 1)
  t.deepEqual(taken(), [[1, 0, 2]])
  t.is(of(2, 4), 2, 'the third has been away longest now')
  t.deepEqual(taken(), [[2, 0, 4]], 'all is brought again')
  t.is(of(1, 6), 0)
  t.is(of(4, 2), 1)
  t.deepEqual(taken(), [])
})

test('rows that are forgotten are brought again, those before them and of other owners are not', (t) => {
  const { places, of, taken } = noted(2)
  of(1, 8)
  of(2, 8)
  taken()
  places.forget(1, 5)
  places.forget(1, 6)
  places.forget(3, 0)
  of(1, 8)
  of(2, 8)
  t.deepEqual(taken(), [[0, 5, 8]])
  places.forget(2, 9)
  of(2, 9)
  t.deepEqual(taken(), [[1, 8, 9]], 'rows that never came cannot be forgotten')
})
