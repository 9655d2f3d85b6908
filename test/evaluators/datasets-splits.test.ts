import test from 'ava'
import { makeSplits } from '../../evaluators/datasets/splits.ts'
import { UserError } from '../../lib/errors.ts'

/** 100, 60 and 40 samples of three classes, in blocks. */
const LABELS = Int32Array.from({ length: 200 }, (_, i) => (i < 100 ? 0 : i < 160 ? 1 : 2))
const ALL_TRAIN = [{ source: 'all', split: 'train', count: 200 }] as const
const perClass = (indices: Uint32Array) =>
  [0, 1, 2].map((label) => indices.reduce((n, index) => n + (LABELS[index] === label ? 1 : 0), 0))

test('shares are exact for every class, disjoint and complete', (t) => {
  const splits = makeSplits(LABELS, 3, ALL_TRAIN, { seed: 3 })
  t.deepEqual(perClass(splits.test), [20, 12, 8])
  t.deepEqual(perClass(splits.validation), [8, 5, 3])
  t.deepEqual(perClass(splits.train), [72, 43, 29])
  const all = [...splits.train, ...splits.validation, ...splits.test].sort((a, b) => a - b)
  t.deepEqual(
    all,
    Array.from({ length: 200 }, (_, i) => i),
  )
})

test('fractions are followed', (t) => {
  const splits = makeSplits(LABELS, 3, ALL_TRAIN, { seed: 3, testFraction: 0.5, validationFraction: 0.25 })
  t.deepEqual([splits.train.length, splits.validation.length, splits.test.length], [75, 25, 100])
})

test('the seed decides, and nothing else', (t) => {
  const split = (seed: number) => makeSplits(LABELS, 3, ALL_TRAIN, { seed })
  t.deepEqual(split(3), split(3))
  t.notDeepEqual(split(3).test, split(4).test)
})

test('parts of the files stay parts whatever the seed', (t) => {
  const ranges = [
    { source: 'a', split: 'train', count: 120 },
    { source: 'b', split: 'test', count: 50 },
    { source: 'c', split: 'validation', count: 30 },
  ] as const
  for (const seed of [1, 2]) {
    const splits = makeSplits(LABELS, 3, ranges, { seed })
    t.deepEqual([splits.train.length, splits.test.length, splits.validation.length], [120, 50, 30])
    t.true(splits.train.every((index) => index < 120))
    t.true(splits.test.every((index) => index >= 120 && index < 170))
  }
})

test('every prefix of a part is stratified', (t) => {
  const { train } = makeSplits(LABELS, 3, ALL_TRAIN, { seed: 3 })
  const whole = perClass(train)
  for (let length = 1; length <= train.length; length++) {
    const counts = perClass(train.subarray(0, length))
    for (const [label, count] of counts.entries()) {
      t.true(Math.abs(count - (whole[label]! * length) / train.length) <= 1.5)
    }
  }
})

test('small classes give one sample to each part', (t) => {
  const labels = Int32Array.from([0, 0, 0, 1, 1, 1])
  const splits = makeSplits(labels, 2, [{ source: 's', split: 'train', count: 6 }], { seed: 1 })
  t.deepEqual(
    Object.values(splits).map((part) => part.length),
    [2, 2, 2],
  )
})

test('too few samples and absurd fractions are refused', (t) => {
  const labels = Int32Array.from([0, 1])
  const ranges = [{ source: 'tiny.npz', split: 'train', count: 2 }] as const
  const refused = (run: () => unknown, message: RegExp) => t.throws(run, { instanceOf: UserError, message })
  refused(() => makeSplits(labels, 2, ranges, { seed: 1 }), /'tiny\.npz' has too few samples for a test part/)
  for (const fraction of [0, 1, -0.1, Number.NaN]) {
    refused(() => makeSplits(LABELS, 3, ALL_TRAIN, { seed: 1, validationFraction: fraction }), /validation fraction is/)
    refused(() => makeSplits(LABELS, 3, ALL_TRAIN, { seed: 1, testFraction: fraction }), /test fraction is/)
  }
})
