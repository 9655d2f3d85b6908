import test from 'ava'
import { Archive } from '../../search/algorithms/frugal/archive.ts'
import { deviceGain } from '../../search/algorithms/frugal/device-gain.ts'
import type { ExpectedGain } from '../../search/algorithms/frugal/expected-gain.ts'

/** Results on one device each, by error and costs; an undefined one cannot be taken by the device. */
function archiveOf(...results: readonly (readonly (readonly number[] | undefined)[])[]): Archive {
  const archive = new Archive(results[0]?.length ?? 1)
  for (const result of results) add(archive, ...result)
  return archive
}

let genomes = 0
function add(archive: Archive, ...devices: readonly (readonly number[] | undefined)[]): void {
  const fronts = devices.map((objectives) => ({ objectives, violation: objectives === undefined ? 1 : 0 }))
  archive.add({ genome: [genomes++], fronts })
}

/** What a candidate of a certain error adds, as a share of the box. */
const gainOf = (gain: ExpectedGain | undefined, error: number, ...costs: readonly number[]): number =>
  gain!.gain(gain!.shares(costs), (level) => Math.max(level - error, 0))

const closeTo = (values: Iterable<number>): readonly number[] => Array.from(values, (value) => +value.toFixed(9))

test('a gain is measured from the reference error, three tenths of the range beyond the dearest useful cost', (t) => {
  // The last one is no better than the reference, so its cost does not count.
  const archive = archiveOf([[5, 10]], [[2, 30]], [[9, 100]])
  const gain = deviceGain(archive, 0, [], 9)
  t.deepEqual(gain!.levels, [9, 5, 2])
  t.deepEqual(closeTo(gain!.shares([10])), [0, 20, 6], 'from 10 to 30, and on to 30 + 0.3 · 20')
  t.deepEqual(closeTo(gain!.shares([0])), [10, 20, 6])
  t.deepEqual(closeTo(gain!.shares([36])), [0, 0, 0])
  // The box reaches from 10 to 36 and from 2 to 9.
  t.deepEqual(closeTo([gainOf(gain, 2, 10)]), closeTo([(20 * 3) / (26 * 7)]))
  t.deepEqual(closeTo([gainOf(gain, 1, 0)]), closeTo([(10 * 8 + 20 * 4 + 6 * 1) / (26 * 7)]))
  t.is(gainOf(gain, 5, 10), 0, 'what is there already')
})

test('every cost has a reference of its own, a little beyond the one value it has', (t) => {
  const gain = deviceGain(archiveOf([[5, 10, 200, 0.5]], [[3, 20, 200, 0.5]]), 0, [], 9)
  // 10 … 20 + 3; 200 + 0.2; 0.5 + 0.001: a thousandth of the cost, or of 1.
  t.deepEqual(closeTo(gain!.shares([10, 200, 0.5])), closeTo([0, 10 * 0.2 * 0.001, 3 * 0.2 * 0.001]))
  t.deepEqual(closeTo([gainOf(gain, 3, 10, 200, 0.5)]), closeTo([(10 * 2) / (13 * 6)]))
})

test('where no error is below the reference all observations span the box, whose reference is just above the best', (t) => {
  const gain = deviceGain(archiveOf([[5, 10]], [[4, 20]]), 0, [], 3)
  t.deepEqual(closeTo(gain!.levels), closeTo([4 + 4e-6, 4]))
  t.deepEqual(closeTo(gain!.shares([10])), [10, 3], 'up to 20 + 0.3 · 10')
  const small = deviceGain(archiveOf([[0.5, 10]]), 0, [], 0.25)
  t.is(small!.levels[0], 0.5 + 1e-6)
})

test('each device has its own observations, and no gain before the first', (t) => {
  const archive = archiveOf([[5, 10], undefined])
  t.is(deviceGain(archive, 1, [], 9), undefined)
  t.deepEqual(deviceGain(archive, 0, [], 9)!.levels, [9, 5])
  add(archive, [4, 2], [4, 7])
  t.deepEqual(deviceGain(archive, 1, [], 9)!.levels, [9, 4])
  t.deepEqual(deviceGain(archive, 0, [], 9)!.levels, [9, 4], 'the better and cheaper one is alone on the front')
  t.is(deviceGain(new Archive(1), 0, [], 9), undefined)
})

test('candidates that are being measured stand on the front as they are expected, and leave the box as it is', (t) => {
  const archive = archiveOf([[5, 10]], [[2, 30]])
  const before = deviceGain(archive, 0, [], 9)
  const gain = deviceGain(archive, 0, [{ error: 3, costs: [20] }], 9)
  t.deepEqual(gain!.levels, [9, 5, 3, 2])
  t.deepEqual(closeTo(gain!.shares([10])), [0, 10, 10, 6])
  t.deepEqual(closeTo([gainOf(gain, 2, 10)]), closeTo([(10 * 3 + 10 * 1) / (26 * 7)]))
  t.is(deviceGain(archive, 0, [], 9), before, 'what was expected is not kept')
})

test('a gain is kept while front and box are what they were', (t) => {
  const archive = archiveOf([[5, 10]], [[2, 30]])
  const gain = deviceGain(archive, 0, [], 9)
  // Within the box and behind the front nothing changes.
  add(archive, [6, 20])
  t.is(deviceGain(archive, 0, [], 9), gain)
  const other = deviceGain(archive, 0, [], 8)
  t.deepEqual(other!.levels, [8, 5, 2])
  t.deepEqual(deviceGain(archive, 0, [], 9)!.levels, [9, 5, 2])
  // Behind the front, but dearer: the box reaches to 50 + 0.3 · 40.
  const front = archive.front(0)
  add(archive, [6, 50])
  t.is(archive.front(0), front)
  t.deepEqual(closeTo(deviceGain(archive, 0, [], 9)!.shares([10])), [0, 20, 32])
  add(archive, [1, 40])
  t.deepEqual(deviceGain(archive, 0, [], 9)!.levels, [9, 5, 2, 1])
})

test('a box grows as useful observations come that are cheaper than the front', (t) => {
  const archive = archiveOf([[5, 10]], [[2, 30]])
  deviceGain(archive, 0, [], 9)
  add(archive, [8, 5])
  // From 5 to 30 + 0.3 · 25, from 2 to 9.
  t.deepEqual(closeTo([gainOf(deviceGain(archive, 0, [], 9), 8, 4)]), closeTo([1 / (32.5 * 7)]))
})

test('what is of use is told anew by another reference error', (t) => {
  const archive = archiveOf([[5, 10]], [[2, 30]])
  const shares = (referenceError: number) => closeTo(deviceGain(archive, 0, [], referenceError)!.shares([10]))
  t.deepEqual(shares(9), [0, 20, 6])
  // Alone of use is the one that costs 30: up to 30 and a thousandth of it.
  t.deepEqual(shares(4), closeTo([20, 0.03]))
  t.deepEqual(shares(9), [0, 20, 6])
})
