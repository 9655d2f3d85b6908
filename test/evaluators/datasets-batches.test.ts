import test from 'ava'
import { createBatcher, epochOrder } from '../../evaluators/datasets/batches.ts'
import type { Dataset, SampleArray } from '../../evaluators/datasets/dataset.ts'
import { createResizer } from '../../evaluators/datasets/resize.ts'
import { channelStatistics } from '../../evaluators/datasets/statistics.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'

const COUNT = 12
const SHAPE = [4, 6, 2]
const SIZE = 48
const everyIndex = Uint32Array.from({ length: COUNT }, (_, i) => i)

function datasetOf(samples: SampleArray): Dataset {
  return {
    name: 'ramps',
    digest: '',
    kind: 'image',
    inputShape: SHAPE,
    classNames: ['a', 'b', 'c'],
    samples,
    labels: Int32Array.from({ length: COUNT }, (_, i) => i % 3),
    splits: { train: everyIndex, validation: everyIndex, test: everyIndex },
    ...channelStatistics(samples, everyIndex, SIZE, 2),
  }
}

const random = randomStream(7, 'test')
const bytes = Uint8Array.from({ length: COUNT * SIZE }, () => random.int(256))
const variants = {
  uint8: bytes,
  int8: Int8Array.from(bytes, (value) => value - 128),
  float32: Float32Array.from(bytes, (value) => value / 100 - 1),
}

for (const [name, samples] of Object.entries(variants)) {
  test(`${name}: batches are normalised, in the order of the indices`, (t) => {
    const dataset = datasetOf(samples)
    const batcher = createBatcher(dataset, SHAPE)
    const out = new Float32Array(COUNT * SIZE)
    batcher.fill(everyIndex, 0, COUNT, out)
    for (const channel of [0, 1]) {
      const values = out.filter((_, i) => i % 2 === channel)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
      t.true(Math.abs(mean) < 1e-5 && Math.abs(variance - 1) < 1e-4)
    }
    const picked = new Float32Array(2 * SIZE)
    const labels = new Int32Array(2)
    const indices = Uint32Array.of(9, 5, 10)
    batcher.fill(indices, 1, 2, picked)
    batcher.labels(indices, 1, 2, labels)
    t.deepEqual([...picked], [...out.subarray(5 * SIZE, 6 * SIZE), ...out.subarray(10 * SIZE, 11 * SIZE)])
    t.deepEqual([...labels], [2, 1])
    const raw = (picked[3]! * dataset.standardDeviation[1]! + dataset.mean[1]!).toFixed(3)
    t.is(raw, samples[5 * SIZE + 3]!.toFixed(3))
  })
}

test('a network of half the resolution sees the means of 2×2 blocks', (t) => {
  const dataset = datasetOf(variants.float32)
  const out = new Float32Array(12)
  createBatcher(dataset, [2, 3, 2]).fill(everyIndex, 4, 1, out)
  const at = (y: number, x: number, c: number) => variants.float32[4 * SIZE + (y * 6 + x) * 2 + c]!
  const block = (at(2, 4, 1) + at(2, 5, 1) + at(3, 4, 1) + at(3, 5, 1)) / 4
  t.true(Math.abs(out[11]! - (block - dataset.mean[1]!) / dataset.standardDeviation[1]!) < 1e-5)
})

test('three channels, and samples resized one by one in any order', (t) => {
  const shape = [4, 4, 3]
  const dataset = { ...datasetOf(bytes), inputShape: shape, ...channelStatistics(bytes, everyIndex, SIZE, 3) }
  const out = new Float32Array(SIZE)
  createBatcher(dataset, shape).fill(everyIndex, 7, 1, out)
  for (const [i, value] of out.entries()) {
    const wanted = (bytes[7 * SIZE + i]! - dataset.mean[i % 3]!) / dataset.standardDeviation[i % 3]!
    t.is(value, Math.fround(wanted))
  }
  const fresh = () => createBatcher({ ...dataset }, [2, 2, 3])
  const whole = new Float32Array(12 * COUNT)
  fresh().fill(everyIndex, 0, COUNT, whole)
  const single = new Float32Array(12)
  const batcher = fresh()
  for (const i of [5, 0, 11, 5]) {
    batcher.fill(everyIndex, i, 1, single)
    t.deepEqual([...single], [...whole.subarray(12 * i, 12 * (i + 1))])
  }
})

test('8-bit data stays 8-bit when resized: what the device will see', (t) => {
  for (const samples of [variants.uint8, variants.int8]) {
    const dataset = datasetOf(samples)
    const out = new Float32Array(12)
    createBatcher(dataset, [2, 3, 2]).fill(everyIndex, 0, 1, out)
    for (const [i, value] of out.entries()) {
      const raw = value * dataset.standardDeviation[i % 2]! + dataset.mean[i % 2]!
      t.true(Math.abs(raw - Math.round(raw)) < 1e-3)
    }
  }
})

test('shapes that do not fit and buffers that are too short are refused', (t) => {
  const dataset = datasetOf(variants.uint8)
  t.throws(() => createBatcher(dataset, [4, 6, 1]), { instanceOf: UserError, message: /reads 4×6×1 .* holds 4×6×2/ })
  t.throws(() => createBatcher(dataset, [48]), { instanceOf: UserError })
  const batcher = createBatcher(dataset, SHAPE)
  t.throws(() => batcher.fill(everyIndex, 0, 2, new Float32Array(SIZE)), { instanceOf: RangeError })
  t.throws(() => batcher.fill(everyIndex, 11, 2, new Float32Array(2 * SIZE)), { instanceOf: RangeError })
  t.throws(() => batcher.labels(everyIndex, 11, 2, new Int32Array(2)), { instanceOf: RangeError })
})

test('resizing: identity, constants, area means and straight lines', (t) => {
  const resize = (values: number[], from: readonly [number, number], to: readonly [number, number]) => {
    const out = new Float32Array(to[0] * to[1])
    createResizer(from, to, 1)(Float32Array.from(values), 0, out, 0)
    return [...out]
  }
  t.deepEqual(resize([1, 2, 3, 4, 5, 6], [2, 3], [2, 3]), [1, 2, 3, 4, 5, 6])
  t.deepEqual(resize([0, 3, 6, 9, 12, 15], [1, 6], [1, 2]), [3, 12])
  t.deepEqual(
    resize([0, 4, 8], [1, 3], [1, 2]).map((v) => v.toFixed(4)),
    ['1.3333', '6.6667'],
  )
  t.deepEqual(resize([0, 8], [1, 2], [1, 4]), [0, 2, 6, 8])
  for (const size of [1, 2, 3, 5, 7, 13, 20]) {
    t.true(resize(Array(49).fill(42), [7, 7], [size, size]).every((value) => Math.abs(value - 42) < 1e-5))
  }
})

test('an epoch visits a fixed stratified share in an order of its own', (t) => {
  const train = Uint32Array.from({ length: 40 }, (_, i) => 100 + i)
  const stream = randomStream(1, 'order')
  const first = epochOrder(train, 0.25, stream)
  const second = epochOrder(train, 0.25, stream)
  t.notDeepEqual(first, second)
  t.deepEqual(first.toSorted(), train.subarray(0, 10))
  t.deepEqual(second.toSorted(), train.subarray(0, 10))
  t.deepEqual(epochOrder(train, 0.25, randomStream(1, 'order')), first)
  t.is(epochOrder(train, 1, stream).length, 40)
  t.is(epochOrder(train, 0.001, stream).length, 1)
})
