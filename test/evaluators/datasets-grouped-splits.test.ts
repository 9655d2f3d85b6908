import test from 'ava'
import { takeGroups } from '../../evaluators/datasets/grouped-splits.ts'
import { randomStream } from '../../lib/random.ts'

/** Labels and groups of samples, from one row for each group: how many samples it has of each class. */
function samplesOf(rows: readonly (readonly number[])[]) {
  const labels: number[] = []
  const groups: number[] = []
  for (const [group, counts] of rows.entries()) {
    for (const [label, count] of counts.entries()) {
      for (let i = 0; i < count; i++) {
        labels.push(label)
        groups.push(group)
      }
    }
  }
  return { indices: [...labels.keys()], labels: Int32Array.from(labels), groups: Int32Array.from(groups) }
}

function take(rows: readonly (readonly number[])[], share: number, seed: number) {
  const { indices, labels, groups } = samplesOf(rows)
  const { taken, kept } = takeGroups(indices, labels, groups, share, randomStream(seed, 'groups'))
  const count = (part: readonly number[], label: number) => part.filter((i) => labels[i] === label).length
  const groupsOf = (part: readonly number[]) => new Set(part.map((i) => groups[i]!))
  return { taken, kept, count, takenGroups: groupsOf(taken), keptGroups: groupsOf(kept), total: indices.length }
}

test('whole groups go, and of every class about its share', (t) => {
  const random = randomStream(9, 'sizes')
  const rows = Array.from({ length: 60 }, () => [random.int(20), random.int(10), random.int(4)])
  for (let seed = 0; seed < 10; seed++) {
    const { taken, kept, count, takenGroups, keptGroups, total } = take(rows, 0.2, seed)
    t.deepEqual(
      [...taken, ...kept].sort((a, b) => a - b),
      [...Array(total).keys()],
    )
    t.deepEqual(
      [...takenGroups].filter((group) => keptGroups.has(group)),
      [],
    )
    for (const label of [0, 1, 2]) {
      const share = count(taken, label) / (count(taken, label) + count(kept, label))
      t.true(share > 0.1 && share < 0.3, `class ${label}, seed ${seed}: ${share}`)
    }
  }
})

test('a class never goes wholly, and goes in part where it lies in two groups', (t) => {
  for (let seed = 0; seed < 20; seed++) {
    // Class 1 lies in one group only, class 2 in two.
    const { taken, kept, count } = take([[50], [50], [50, 5], [40, 0, 9], [40, 0, 9], [50], [50]], 0.1, seed)
    t.is(count(kept, 1), 5)
    t.is(count(kept, 2), 9)
    t.is(count(taken, 2), 9)
    t.true(count(taken, 0) > 0)
  }
})

test('nothing goes where each class lies in one group', (t) => {
  t.deepEqual(take([[10], [0, 10]], 0.3, 1).taken, [])
})
