import test from 'ava'
import { blank, createAugmenter, mirror, shift } from '../../evaluators/datasets/augment.ts'
import { randomStream } from '../../lib/random.ts'

const sample = (rows: readonly (readonly number[])[], channels = 1) => ({
  values: Float32Array.from(rows.flat()),
  height: rows.length,
  width: rows[0]!.length / channels,
  channels,
})

const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i + 1)

test('a mirror turns left and right about and keeps each pixel’s channels together', (t) => {
  const grey = sample([
    [1, 2, 3],
    [4, 5, 6],
  ])
  mirror(grey)
  t.deepEqual([...grey.values], [3, 2, 1, 6, 5, 4])
  const colour = sample([[1, 2, 3, 4]], 2)
  mirror(colour)
  t.deepEqual([...colour.values], [3, 4, 1, 2])
})

test('a shift repeats the edge where nothing moves in', (t) => {
  const rows = [
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]
  const moved = (down: number, right: number): number[] => {
    const picture = sample(rows)
    shift(picture, down, right, new Float32Array(9))
    return [...picture.values]
  }
  t.deepEqual(moved(1, 0), [1, 2, 3, 1, 2, 3, 4, 5, 6])
  t.deepEqual(moved(-1, 1), [4, 4, 5, 7, 7, 8, 7, 7, 8])
  t.deepEqual(moved(0, 0), rows.flat())
})

test('a blank touches its rectangle and nothing else', (t) => {
  const picture = sample(
    [
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9, 1, 2, 3],
    ],
    2,
  )
  blank(picture, { top: 1, left: 1, height: 1, width: 2 })
  t.deepEqual([...picture.values], [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0])
})

test('without augmentation nothing is changed and nothing is drawn', (t) => {
  const random = randomStream(1, 'augment')
  const before = random.state()
  t.is(createAugmenter('image', [8, 8, 1], {}, random), undefined)
  t.is(createAugmenter('image', [8, 8, 1], { augmentation: 'none', flip: false }, random), undefined)
  t.is(createAugmenter('spectrogram', [8, 8, 1], { flip: true }, random), undefined)
  t.deepEqual(random.state(), before)
})

test('flip alone gives each sample or its mirror image, in about equal numbers', (t) => {
  const augment = createAugmenter('image', [2, 2, 1], { flip: true }, randomStream(1, 'augment'))!
  const batch = new Float32Array(400 * 4)
  for (let i = 0; i < 400; i++) batch.set([1, 2, 3, 4], i * 4)
  augment(batch, 400)
  let mirrored = 0
  for (let i = 0; i < 400; i++) {
    const found = [...batch.subarray(i * 4, i * 4 + 4)].join()
    t.true(found === '1,2,3,4' || found === '2,1,4,3', found)
    if (found === '2,1,4,3') mirrored++
  }
  t.true(Math.abs(mirrored - 200) < 50, `${mirrored} of 400`)
})

test('light changes of images keep to a tenth of the side and a quarter of it blank; the stream decides them', (t) => {
  const side = 20
  const make = (seed: number): Float32Array => {
    const batch = new Float32Array(100 * side * side)
    for (let i = 0; i < 100; i++) batch.set(numbers(side * side), i * side * side)
    createAugmenter('image', [side, side, 1], { augmentation: 'light' }, randomStream(seed, 'augment'))!(batch, 100)
    return batch
  }
  const batch = make(1)
  t.deepEqual(batch, make(1))
  t.notDeepEqual(batch, make(2))
  const shifts = new Set<string>()
  let cut = 0
  for (let i = 0; i < 100; i++) {
    const values = batch.subarray(i * side * side, (i + 1) * side * side)
    const zeros = values.filter((value) => value === 0).length
    t.true(zeros === 0 || zeros === 25, `${zeros} blank`)
    if (zeros > 0) cut++
    // A pixel of the inside tells how far the picture moved; where it is blank, another one does.
    const at = [190, 250].map((place) => values[place]! - 1 - place).find((distance) => distance > -190)!
    const rows = Math.round(at / side)
    t.true(Math.abs(rows) <= 2 && Math.abs(at - rows * side) <= 2, `moved by ${at}`)
    shifts.add(String(at))
  }
  t.true(cut > 30 && cut < 70, `${cut} of 100 cut`)
  t.true(shifts.size > 10)
})

for (const [what, shape] of [
  ['spectrograms', [40, 5, 1]],
  ['windows of readings', [40, 1, 5]],
] as const) {
  test(`light changes of ${what} move and mask whole rows of time`, (t) => {
    const [rows, bands] = [40, 5]
    const augment = createAugmenter('spectrogram', shape, { augmentation: 'light' }, randomStream(3, 'x'))!
    const batch = new Float32Array(50 * rows * bands)
    for (let i = 0; i < 50; i++) {
      for (let y = 0; y < rows; y++) {
        for (let band = 0; band < bands; band++) batch[(i * rows + y) * bands + band] = 100 * (y + 1) + band
      }
    }
    augment(batch, 50)
    let masked = 0
    for (let row = 0; row < 50 * rows; row++) {
      const values = [...batch.subarray(row * bands, (row + 1) * bands)]
      if (values.every((value) => value === 0)) {
        masked++
        continue
      }
      const time = values[0]! / 100 - 1
      t.true(Number.isInteger(time) && Math.abs(time - (row % rows)) <= 4, `row ${row % rows} holds ${time}`)
      t.deepEqual(
        values,
        values.map((_, band) => values[0]! + band),
      )
    }
    t.true(masked > 50 && masked <= 50 * 6, `${masked} rows masked`)
  })
}

test('rows of features are left alone', (t) => {
  const augment = createAugmenter(
    'spectrogram',
    [1, 1, 6],
    { augmentation: 'light', flip: true },
    randomStream(3, 'x'),
  )!
  const batch = numbers(60)
  augment(batch, 10)
  t.deepEqual(batch, numbers(60))
})
