import test from 'ava'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import { randomStream } from '../../lib/random.ts'
import { nonNegativeByTrial } from '../lib/non-negative.ts'

const near = (found: number, expected: number, tolerance = 1e-9): boolean =>
  Math.abs(found - expected) <= tolerance * Math.max(Math.abs(expected), 1e-3)

test('one coefficient: errors are relative, and weigh what they are said to', (t) => {
  // (1 − x)² + (1 − x ÷ 2)² is least at x = (1 + ½) ÷ (1 + ¼); with the second four times as heavy, at (1 + 2) ÷ (1 + 1).
  const [plain] = fitNonNegative([[1], [1]], [1, 2])
  const [weighted] = fitNonNegative([[1], [1]], [1, 2], [1, 4])
  t.true(near(plain!, 1.2), `${plain}`)
  t.true(near(weighted!, 1.5), `${weighted}`)
  // 3 units take 6 and 5 take 10; a measurement without weight says nothing.
  t.true(near(fitNonNegative([[3], [5], [1]], [6, 10, 7], [1, 1, 0])[0]!, 2))
})

test('two coefficients that fit exactly, in whatever units the columns are', (t) => {
  // 2·a + 3·b for (1, 1), (1, 2), (4, 1), the second column in millionths and the first in thousands.
  const design = [
    [1e-3, 1e6],
    [1e-3, 2e6],
    [4e-3, 1e6],
  ]
  const [a, b] = fitNonNegative(design, [5, 8, 11])
  t.true(near(a! * 1e-3, 2), `${a}`)
  t.true(near(b! * 1e6, 3), `${b}`)
})

test('a column that would need a negative coefficient gets 0, and the others what is best without it', (t) => {
  // 10 − x for x = 1 and 2, and then 9 ÷ 10 more: the constant alone has (1/9 + 1/8) ÷ (1/81 + 1/64).
  const [constant, slope] = fitNonNegative(
    [
      [1, 1],
      [1, 2],
    ],
    [9, 8],
  )
  t.is(slope, 0)
  t.true(near(constant!, (1 / 9 + 1 / 8) / (1 / 81 + 1 / 64)), `${constant}`)
  // A column of zeros takes no part.
  t.deepEqual(
    fitNonNegative(
      [
        [0, 2],
        [0, 4],
      ],
      [4, 8],
    ).map((value) => Number(value.toPrecision(9))),
    [0, 2],
  )
})

test('of all sets of columns the one that errs least, however many are shut out', (t) => {
  const random = randomStream(7, 'least-squares')
  let shut = 0
  for (let trial = 0; trial < 60; trial++) {
    const truth = Array.from({ length: 6 }, () => random.normal())
    const design = Array.from({ length: 12 }, () => truth.map((_, j) => (0.2 + random.float()) * 10 ** (j - 2)))
    const measured = design.map((row) =>
      Math.max(20 + row.reduce((sum, value, j) => sum + (value * truth[j]!) / 10 ** (j - 2), 0), 1),
    )
    const weights = measured.map(() => 0.1 + random.float())
    const expected = nonNegativeByTrial(design, measured, weights)
    const found = fitNonNegative(design, measured, weights)
    for (let j = 0; j < 6; j++) {
      const unit = 10 ** (j - 2)
      t.true(near(found[j]! * unit, expected[j]! * unit, 1e-6), `${trial}: ${found} for ${expected}`)
      if (expected[j] === 0) shut++
    }
  }
  t.true(shut > 40 && shut < 180, `${shut}`)
})

test('columns that are nearly alike: none is negative, and what they predict is right', (t) => {
  const random = randomStream(8, 'alike')
  const design = Array.from({ length: 20 }, () => {
    const [a, b] = [1 + random.float(), 1 + random.float()]
    return [a, a * (1 + 1e-7 * random.float()), b, 1]
  })
  const measured = design.map(([a, , b]) => 3 * a! + 2 * b! + 1)
  const found = fitNonNegative(design, measured)
  t.true(found.every((value) => value >= 0))
  t.true(near(found[0]! + found[1]!, 3, 1e-5), `${found}`)
  t.true(near(found[2]!, 2, 1e-5), `${found}`)
})

test('columns that are the same share a coefficient, and more columns than measurements are fitted exactly', (t) => {
  const twins = fitNonNegative(
    [
      [1, 1, 2],
      [2, 2, 1],
      [3, 3, 5],
    ],
    [11, 10, 29],
  )
  // 3·a + 4·b, the 3 in whatever two parts.
  t.true(near(twins[0]! + twins[1]!, 3, 1e-6) && near(twins[2]!, 4, 1e-6), `${twins}`)
  t.true(twins.every((value) => value >= 0))
  const random = randomStream(9, 'wide')
  const design = Array.from({ length: 3 }, () => Array.from({ length: 8 }, () => 0.1 + random.float()))
  const measured = design.map((row) => row.reduce((sum, value, j) => sum + value * (j % 3), 0))
  const found = fitNonNegative(design, measured)
  t.true(found.every((value) => value >= 0))
  design.forEach((row, i) => {
    t.true(
      near(
        row.reduce((sum, value, j) => sum + value * found[j]!, 0),
        measured[i]!,
        1e-6,
      ),
    )
  })
})
