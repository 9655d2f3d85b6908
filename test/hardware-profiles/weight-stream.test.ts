import test from 'ava'
import { STREAMED_REPEATS, streamingNetworks, weightStreamOf } from '../../hardware-profiles/host/weight-stream.ts'
import { storedSize } from '../../hardware-profiles/stored-size.ts'
import { scheduleOf } from '../../network/schedule.ts'

const PROVENANCE = { kind: 'measured', source: 'test' } as const
const MIB = 2 ** 20
/** A computer whose caches hold some MiB and on which a MiB takes 100 µs, and 40 µs more beyond the caches. */
const timesWith = (heldMiB: number): readonly number[] =>
  STREAMED_REPEATS.map((repeats) => 0.1 * repeats + 0.04 * Math.max(repeats - heldMiB, 0))

test('networks that stream hold a MiB of weights for each repetition', (t) => {
  for (const [i, graph] of streamingNetworks().entries()) {
    t.is(storedSize(scheduleOf(graph)).weightElements * 4, STREAMED_REPEATS[i]! * MIB)
  }
})

test('what weights take beyond the caches, and where that begins', (t) => {
  const found = weightStreamOf(timesWith(10), 4, PROVENANCE)!
  t.true(Math.abs(found.usPerByte * MIB - 40) < 0.01, `${found.usPerByte}`)
  t.true(Math.abs(found.cacheBytes / MIB - 10) < 1e-6)
  // Caches that hold the middle network are taken for as large as that: further in nothing was timed.
  const large = weightStreamOf(timesWith(24), 4, PROVENANCE)!
  t.is(large.cacheBytes, 16 * MIB)
  t.true(large.usPerByte * MIB < 40)
})

test('a computer that reads weights from memory as fast as from its caches streams none', (t) => {
  t.is(weightStreamOf(timesWith(1000), 4, PROVENANCE), undefined)
  t.is(weightStreamOf([0.6, 1.61, 4.81], 4, PROVENANCE), undefined)
})
