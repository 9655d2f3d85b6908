import test from 'ava'
import {
  clampInt8,
  highMultiply,
  quantiseMultiplier,
  roundAway,
  roundingShift,
  scaleBy,
  scaleTwice,
} from '../../export/quantise/fixed-point.ts'
import { activationTable, requantisationTable, UNIT_INTERVAL } from '../../export/quantise/lookup-tables.ts'
import { softmaxDifference, softmaxRow } from '../../export/quantise/softmax.ts'
import type { QuantisedLookup } from '../../export/quantise/types.ts'
import { randomStream } from '../../lib/random.ts'

const random = randomStream(1, 'fixed-point')
const int32 = (): number => random.int(2 ** 32) - 2 ** 31
const EXTREMES = [-(2 ** 31), -(2 ** 31) + 1, -(2 ** 30), -1, 0, 1, 2 ** 30, 2 ** 31 - 1]

test('the high multiply is the exact 64-bit one', (t) => {
  const check = (a: number, b: number): void => {
    const exact = (BigInt(a) * BigInt(b) + (1n << 30n)) >> 31n
    const saturated = exact > 2n ** 31n - 1n ? 2n ** 31n - 1n : exact
    if (BigInt(highMultiply(a, b)) !== saturated) t.fail(`${a} · ${b}`)
  }
  for (const a of EXTREMES) for (const b of EXTREMES) check(a, b)
  for (let i = 0; i < 100_000; i++) check(int32(), int32())
  t.pass()
})

test('two roundings are those of the high half and of the shift', (t) => {
  for (let i = 0; i < 20_000; i++) {
    const [x, multiplier, shift] = [random.int(2 ** 20) - 2 ** 19, 2 ** 30 + random.int(2 ** 30), random.int(18) - 16]
    const high = (BigInt(x) * 2n ** BigInt(Math.max(shift, 0)) * BigInt(multiplier) + 2n ** 30n) >> 31n
    const right = BigInt(Math.max(-shift, 0))
    const exact = right === 0n ? high : (high + 2n ** (right - 1n)) >> right
    if (BigInt(scaleTwice(x, multiplier, shift, 'up')) !== exact) t.fail(`${x} · ${multiplier}, ${shift}`)
  }
  t.is(scaleTwice(-3, 2 ** 30, 0, 'up'), -1, 'half of −3 is −1.5, and its high half rounded up')
  t.deepEqual([scaleTwice(-6, 2 ** 30, -1, 'up'), scaleTwice(-6, 2 ** 30, -1, 'away from zero')], [-1, -2])
})

test('shifts round to the nearest, halves away from zero', (t) => {
  for (let i = 0; i < 100_000; i++) {
    const [x, exponent] = [i < EXTREMES.length ? EXTREMES[i]! : int32(), i % 32]
    // At most 31 bits are divided by a power of two: the quotient is exact in a double.
    if (roundingShift(x, exponent) !== roundAway(x / 2 ** exponent)) t.fail(`${x} >> ${exponent}`)
  }
  t.pass()
})

test('a factor in fixed point is the factor to 31 bits', (t) => {
  for (const factor of [1e-9, 0.0037, 0.25, 0.5, 1 - 2 ** -40, 1, 1.5, 8, 1234.5]) {
    const { multiplier, shift } = quantiseMultiplier(factor)
    t.true(multiplier >= 2 ** 30 && multiplier < 2 ** 31, `${factor}`)
    t.true(Math.abs((multiplier * 2 ** (shift - 31)) / factor - 1) < 2 ** -30, `${factor}`)
  }
  t.deepEqual(quantiseMultiplier(0), { multiplier: 0, shift: 0 })
  t.deepEqual(quantiseMultiplier(1e-12), { multiplier: 0, shift: 0 })
  for (let i = 0; i < 10_000; i++) {
    const [x, factor] = [random.int(2 ** 22) - 2 ** 21, 2 ** (random.float() * 16 - 14)]
    const { multiplier, shift } = quantiseMultiplier(factor)
    if (Math.abs(scaleBy(x, multiplier, shift) - x * factor) > 0.5 + Math.abs(x * factor) * 2 ** -29)
      t.fail(`${x} · ${factor}`)
  }
})

test('scaling rounds once: the exact product to the nearest, halves upwards', (t) => {
  for (let i = 0; i < 100_000; i++) {
    const x = i < EXTREMES.length ? EXTREMES[i]! : int32() >> (i % 24)
    const multiplier = 2 ** 30 + random.int(2 ** 30)
    const shift = (i % 36) - 31
    const total = BigInt(31 - shift)
    const exact = (BigInt(x) * BigInt(multiplier) + (1n << (total - 1n))) >> total
    if (BigInt(scaleBy(x, multiplier, shift)) !== exact) t.fail(`${x} · ${multiplier} << ${shift}`)
  }
  t.is(scaleBy(1, 2 ** 30, 0), 1)
  t.is(scaleBy(-1, 2 ** 30, 0), 0)
  t.is(scaleBy(5, 2 ** 30, 20), 5 * 2 ** 19)
  t.is(scaleBy(123, 0, 0), 0)
})

const FUNCTIONS: Readonly<Record<QuantisedLookup['activation'], (x: number) => number>> = {
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  hardSwish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  hardSigmoid: (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
}

test('tables of activations are within a quantum or two of the function', (t) => {
  const from = { scale: Math.fround(16 / 255), zeroPoint: 3 }
  for (const [name, value] of Object.entries(FUNCTIONS) as [QuantisedLookup['activation'], (x: number) => number][]) {
    const to = name.endsWith('igmoid') ? UNIT_INTERVAL : { scale: Math.fround(9 / 255), zeroPoint: -111 }
    const table = activationTable(name, from, to)
    t.is(table.length, 256)
    for (let q = -128; q < 128; q++) {
      const exact = clampInt8(value(from.scale * (q - from.zeroPoint)) / to.scale + to.zeroPoint)
      const allowed = name === 'hardSigmoid' ? 1.6 : 1.01
      t.true(Math.abs(table[q + 128]! - exact) <= allowed, `${name} of ${q}: ${table[q + 128]} and ${exact}`)
    }
  }
  t.is(requantisationTable(from, from), undefined)
  t.is(requantisationTable(from, UNIT_INTERVAL)!.length, 256)
})

test('softmax is within two quanta of the exact one and keeps the order', (t) => {
  for (const scale of [0.01, 0.1, 0.7]) {
    for (const length of [2, 10, 255]) {
      const input = Int8Array.from({ length }, () => random.int(256) - 128)
      const output = new Int8Array(length)
      softmaxRow(softmaxDifference(scale), input, output, 0, length)
      const powers = Array.from(input, (q) => Math.exp(scale * q))
      const sum = powers.reduce((a, b) => a + b, 0)
      for (const [i, power] of powers.entries()) {
        t.true(Math.abs(output[i]! + 128 - Math.min((256 * power) / sum, 255)) <= 2, `${scale} ${length} ${i}`)
        t.true(output.every((value, j) => input[i]! <= input[j]! || value <= output[i]!))
      }
    }
  }
})
