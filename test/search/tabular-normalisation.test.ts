import test from 'ava'
import { interestingError, normalisedVolume, regionOfInterest } from '../../search/tabular/normalisation.ts'

test('the error that bounds the region of interest', (t) => {
  const errors = (from: number, step: number) => Float64Array.from({ length: 100 }, (_, i) => from + step * i)
  t.is(interestingError(errors(10, 0.06)), 15, 'two digits')
  const narrow = errors(24.51, 0.0002)
  t.is(interestingError(narrow), narrow[84]!, '25 would let in all of them')
  t.is(interestingError(Float64Array.from({ length: 100 }, (_, i) => (i < 90 ? 0 : i))), 99, 'most are perfect')
  t.is(interestingError(Float64Array.from({ length: 100 }, (_, i) => (i < 1 ? 4 : i < 90 ? 5 : i))), 5, 'one is better')
  // So many of 100 have an error of at most 15; the worst come first.
  const around = (within: number) =>
    interestingError(Float64Array.from({ length: 100 }, (_, i) => (i < within ? (i < 60 ? 12 : 14.6) : 15.4)).reverse())
  for (const [within, expected] of [
    [95, 15],
    [96, 14.6],
    [75, 15],
    [74, 15.4],
  ] as const) {
    t.is(around(within), expected, `${within} within two digits`)
  }
})

test('the region of interest holds the whole front where costs are negative', (t) => {
  const errors = Float64Array.of(10, 20, 30)
  const costs = Float64Array.of(-2, -4, -10)
  const box = regionOfInterest([errors, costs], 30)
  t.deepEqual(box, { ideal: [10, -10], reference: [30, -1.9] })
  for (const lost of [0, 1]) {
    const kept = [0, 1, 2].filter((i) => i !== lost)
    t.true(normalisedVolume([errors, costs], kept, box) < normalisedVolume([errors, costs], [0, 1, 2], box))
  }
})
