import { clampInt8, highMultiply, quantiseMultiplier, roundingShift, scaleBy } from './fixed-point.ts'
import type { QuantisedSoftmax } from './types.ts'

/** Fixed-point softmax of TFLM and CMSIS-NN (gemmlowp's arithmetic): Q5.26 differences, Q0.31 exponentials, Q12.19 sums. */
const DIFFERENCE_INTEGER_BITS = 5
export const SUM_INTEGER_BITS = 12
/** The sum of more exponentials could need a shift by 32 bits. */
export const MOST_SOFTMAX_VALUES = 255
const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)

/** Factor of the differences between inputs, and the difference from which on the exponential counts as 0. */
export function softmaxDifference(inputScale: number): Pick<QuantisedSoftmax, 'difference' | 'differenceMin'> {
  const difference = quantiseMultiplier(Math.min(inputScale * 2 ** (31 - DIFFERENCE_INTEGER_BITS), INT32_MAX))
  const widest = (2 ** DIFFERENCE_INTEGER_BITS - 1) * 2 ** (31 - DIFFERENCE_INTEGER_BITS)
  return { difference, differenceMin: -Math.floor(widest / 2 ** difference.shift) }
}

/** x · 2^exponent, saturating. */
function saturatingShift(x: number, exponent: number): number {
  return Math.min(Math.max(x * 2 ** exponent, INT32_MIN), INT32_MAX)
}

/** Factors e^(−2^k) in Q0.31 for the bits 2^-2 … 2^4 of the argument. */
const EXP_FACTORS: readonly number[] = [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242]
const QUARTER = 1 << 24

/** e^a in Q0.31 for a ≤ 0 in Q5.26. */
export function expOfNegative(a: number): number {
  if (a === 0) return INT32_MAX
  const modulo = (a & (QUARTER - 1)) - QUARTER
  let result = expNearZero(modulo * 32)
  const remainder = modulo - a
  for (const [i, factor] of EXP_FACTORS.entries()) {
    if (remainder & (QUARTER << i)) result = highMultiply(result, factor)
  }
  return result
}

/** e^a in Q0.31 for −¼ ≤ a < 0 in Q0.31: Taylor's series around −⅛. */
function expNearZero(a: number): number {
  const x = a + (1 << 28)
  const x2 = highMultiply(x, x)
  const x3 = highMultiply(x2, x)
  const x4 = highMultiply(x2, x2)
  const tail = roundingShift(highMultiply(roundingShift(x4, 2) + x3, 715827883) + x2, 1)
  return 1895147668 + highMultiply(1895147668, x + tail)
}

/** 1 ÷ half in Q2.29 by Newton and Raphson: 48/17 − 32/17 · half to begin with. */
export const NEWTON = { start: 1515870810, slope: -1010580540, one: 2 ** 29, steps: 3 } as const

/** 1 ÷ (1 + a) in Q0.31 for 0 ≤ a < 1 in Q0.31. */
function reciprocalOfOnePlus(a: number): number {
  const half = Math.floor((a + INT32_MAX + 1) / 2)
  let x = NEWTON.start + highMultiply(half, NEWTON.slope)
  for (let step = 0; step < NEWTON.steps; step++) {
    x += saturatingShift(highMultiply(x, NEWTON.one - highMultiply(half, x)), 2)
  }
  return saturatingShift(x, 1)
}

/** Softmax of `length` values from `from` of `input` into `output`, whose scale is 1/256 and zero point −128. */
export function softmaxRow(
  { difference, differenceMin }: Pick<QuantisedSoftmax, 'difference' | 'differenceMin'>,
  input: Int8Array,
  output: Int8Array,
  start: number,
  length: number,
): void {
  let largest = -128
  for (let i = start; i < start + length; i++) largest = Math.max(largest, input[i]!)
  const exponential = (i: number): number =>
    expOfNegative(scaleBy(input[i]! - largest, difference.multiplier, difference.shift))
  let sum = 0
  for (let i = start; i < start + length; i++) {
    if (input[i]! - largest >= differenceMin) sum += roundingShift(exponential(i), SUM_INTEGER_BITS)
  }
  const headroom = Math.clz32(sum)
  const scale = reciprocalOfOnePlus(sum * 2 ** headroom - 2 ** 31)
  for (let i = start; i < start + length; i++) {
    output[i] =
      input[i]! - largest >= differenceMin
        ? clampInt8(roundingShift(highMultiply(scale, exponential(i)), SUM_INTEGER_BITS - headroom + 31 - 8) - 128)
        : -128
  }
}
