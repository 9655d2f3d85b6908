import test from 'ava'
import {
  agreeingMean,
  agreeingProduct,
  agreeingSum,
  agreeingWeightScale,
  productFactor,
} from '../../export/quantise/agreement.ts'
import { addOperands, addValue } from '../../export/quantise/elementwise.ts'
import { clampInt8, quantiseMultiplier, scaleBy } from '../../export/quantise/fixed-point.ts'
import { meanFactor } from '../../export/quantise/kernels.ts'
import type { Quantisation } from '../../export/quantise/types.ts'
import { randomStream } from '../../lib/random.ts'

const random = randomStream(4, 'agreement')
const scale = (low: number, high: number): number => Math.fround(low * (high / low) ** random.float())
const quantisation = (low: number, high: number): Quantisation => ({
  scale: scale(low, high),
  zeroPoint: random.int(256) - 128,
})

/** Adding and taking away 1.5 · 2^23 in single precision leaves the nearest integer, halves to even: XNNPACK's way. */
const MAGIC = 12582912
const inSingle = (x: number, factor: number): number =>
  Math.fround(Math.fround(Math.fround(Math.fround(x) * factor) + MAGIC) - MAGIC)

/** How many of the sums that int8 can hold differ. */
function differing(from: number, to: number, fixed: ReturnType<typeof quantiseMultiplier>, factor: number): number {
  let count = 0
  for (let x = from; x <= to; x++) {
    if (scaleBy(x, fixed.multiplier, fixed.shift) !== inSingle(x, factor)) count++
  }
  return count
}

test('every sum of products becomes the same int8 in fixed point and in single precision', (t) => {
  let before = 0
  for (let i = 0; i < 30; i++) {
    const [input, output] = [quantisation(0.01, 0.1), quantisation(0.01, 0.1)]
    const dense = i % 2 === 0
    const check = (weight: number): number => {
      const factor = productFactor(input.scale, weight, output.scale, dense)
      const single = Math.fround(Math.fround(input.scale * weight) / output.scale)
      const [low, high] = [-128, 127].map((q) => (q - output.zeroPoint) / factor) as [number, number]
      return differing(Math.ceil(low), Math.floor(high), quantiseMultiplier(factor), single)
    }
    const wanted = scale(0.002, 0.05)
    const chosen = agreeingWeightScale(wanted, input, output, [-128, 127], dense)
    t.is(Math.fround(chosen), chosen)
    t.true(chosen >= wanted && chosen <= wanted * 1.00001)
    t.is(check(chosen), 0)
    before += check(wanted)
  }
  t.true(before > 3, `${before} sums differ with scales as they come`)
})

test('a factor of a power of two, which makes exact halves, is left', (t) => {
  const one = { scale: 1, zeroPoint: 0 }
  const chosen = agreeingWeightScale(2 ** -8, one, one, [-128, 127], false)
  t.true(chosen > 2 ** -8)
  t.is(differing(-32000, 32000, quantiseMultiplier(chosen), chosen), 0)
})

test('so does every product of two int8 values', (t) => {
  for (let i = 0; i < 8; i++) {
    const [a, b] = [quantisation(0.01, 0.1), { scale: 1 / 256, zeroPoint: -128 }]
    // The range of what is gated, whose halves are exact without a choice.
    const output = agreeingProduct([a, b], i < 4 ? a : { scale: scale(a.scale / 2, a.scale), zeroPoint: a.zeroPoint })
    const { multiplier, shift } = quantiseMultiplier((a.scale * b.scale) / output.scale)
    const single = Math.fround(Math.fround(a.scale * b.scale) / output.scale)
    let wrong = 0
    for (let p = -128; p < 128; p++) {
      for (let q = -128; q < 128; q++) {
        const product = (p - a.zeroPoint) * (q - b.zeroPoint)
        const fixed = clampInt8(scaleBy(product, multiplier, shift) + output.zeroPoint)
        if (fixed !== clampInt8(inSingle(product, single) + output.zeroPoint)) wrong++
      }
    }
    t.is(wrong, 0)
  }
})

/** XNNPACK's addition: factors of 20 bits behind the larger one's first, halves upwards. */
function shortSum(p: number, q: number, a: Quantisation, b: Quantisation, output: Quantisation): number {
  const [ra, rb] = [Math.fround(a.scale / output.scale), Math.fround(b.scale / output.scale)]
  let shift = 20
  while (Math.max(ra, rb) * 2 ** shift >= 2 ** 21) shift--
  while (Math.max(ra, rb) * 2 ** shift < 2 ** 20) shift++
  const term = (value: number, ratio: number): bigint => BigInt(value) * BigInt(Math.round(ratio * 2 ** shift))
  const sum = term(p - a.zeroPoint, ra) + term(q - b.zeroPoint, rb) + (1n << BigInt(shift - 1))
  return clampInt8(Number(sum >> BigInt(shift)) + output.zeroPoint)
}

test('and every sum of two int8 values, in factors of 31 and of 20 bits', (t) => {
  let before = 0
  for (let i = 0; i < 4; i++) {
    const [a, b] = [quantisation(0.01, 0.1), quantisation(0.01, 0.1)]
    const wanted = { scale: Math.fround(0.8 * (a.scale + b.scale)), zeroPoint: random.int(256) - 128 }
    const wrong = (output: Quantisation): number => {
      const factors = { ...addOperands([a.scale, b.scale], output.scale), clamp: [-128, 127] as const }
      let count = 0
      for (let p = -128; p < 128; p++) {
        for (let q = -128; q < 128; q++) {
          const ours = addValue(factors, [p - a.zeroPoint, q - b.zeroPoint], output.zeroPoint)
          if (ours !== shortSum(p, q, a, b, output)) count++
        }
      }
      return count
    }
    before += wrong(wanted)
    t.is(wrong(agreeingSum([a, b], wanted)), 0)
  }
  t.true(before > 0, `${before} pairs differ with scales as they come`)
})

/** XNNPACK's mean: the sum of the int8 values times a factor, all zero points in one addend. */
function meanInSingle(sum: number, count: number, input: Quantisation, output: Quantisation): number {
  const f = Math.fround
  const factor = f(f(input.scale / output.scale) * f(1 / count))
  const addend = f(output.zeroPoint - f(count * input.zeroPoint * factor))
  const real = f(f((sum + count * input.zeroPoint) * factor) + addend)
  return f(f(real + MAGIC) - MAGIC) - output.zeroPoint
}

test('and every mean', (t) => {
  let before = 0
  for (let i = 0; i < 20; i++) {
    const count = 4 * (1 + random.int(49))
    const input = { ...quantisation(0.01, 0.1), zeroPoint: -128 }
    // Every other time there are exact halves.
    const ratio = i % 2 === 0 ? 0.5 : 1 / (2 + random.float())
    const wanted = { scale: Math.fround(input.scale * ratio), zeroPoint: -128 }
    const wrong = (output: Quantisation): number => {
      const { multiplier, shift } = meanFactor(input.scale / output.scale, count)
      const most = Math.floor((255 * count * output.scale) / input.scale)
      let found = 0
      for (let sum = 0; sum <= most; sum++)
        if (scaleBy(sum, multiplier, shift) !== meanInSingle(sum, count, input, output)) found++
      return found
    }
    t.is(wrong(agreeingMean(input, count, wanted, (ratio) => meanFactor(ratio, count))), 0)
    before += wrong(wanted)
  }
  t.true(before > 0, `${before} sums differ with scales as they come`)
})
