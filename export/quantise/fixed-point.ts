import type { Multiplier, Quantisation } from './types.ts'

export const INT8_MIN = -128
export const INT8_MAX = 127
/** Fractional bits of an expert's share where several run: as many as a product with a difference of two int8 leaves. */
export const SHARE_BITS = 22
const TWO_31 = 2 ** 31

/** Nearest integer, halves away from zero: the rounding of `std::round`. */
export const roundAway = (x: number): number => (x < 0 ? -Math.round(-x) : Math.round(x))

export const clampTo = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high)
export const clampInt8 = (x: number): number => clampTo(x, INT8_MIN, INT8_MAX)

/**
 * A positive real factor as multiplier and shift (TFLite's QuantizeMultiplier): the nearest 31-bit multiplier; factors
 * under 2^−32 become 0, over 2^30 saturate.
 */
export function quantiseMultiplier(factor: number): Multiplier {
  if (!(factor > 0)) return { multiplier: 0, shift: 0 }
  let shift = Math.floor(Math.log2(factor)) + 1
  // log2 may be off by one beside powers of two: the fraction must lie in [0.5, 1).
  if (factor / 2 ** shift >= 1) shift++
  if (factor / 2 ** shift < 0.5) shift--
  let multiplier = Math.round((factor / 2 ** shift) * TWO_31)
  if (multiplier === TWO_31) {
    multiplier /= 2
    shift++
  }
  if (shift < -31) return { multiplier: 0, shift: 0 }
  if (shift > 30) return { multiplier: TWO_31 - 1, shift: 30 }
  return { multiplier, shift }
}

/**
 * floor(a · b ÷ 2^31 + ½) for 32-bit a and b: SaturatingRoundingDoublingHighMul. The product has up to 62 bits and a
 * double 53, so b is taken in two parts, each product of which is exact.
 */
export function highMultiply(a: number, b: number): number {
  if (a === -TWO_31 && b === -TWO_31) return TWO_31 - 1
  const high = b >> 15
  const low = b & 0x7fff
  return Math.floor((a * high + Math.floor((a * low + 0x4000_0000) / 0x8000)) / 0x1_0000)
}

/** x ÷ 2^exponent for exponents up to 31, nearest, halves away from zero: RoundingDivideByPOT. */
export function roundingShift(x: number, exponent: number): number {
  if (exponent === 0) return x
  const mask = 0x7fff_ffff >>> (31 - exponent)
  const threshold = (mask >> 1) + (x < 0 ? 1 : 0)
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0)
}

/**
 * floor(x · multiplier · 2^(shift − 31) + ½): MultiplyByQuantizedMultiplier with a single rounding, as LiteRT's and ONNX
 * Runtime's kernels round, and TFLM and CMSIS-NN with their option for it. The product has up to 62 bits and a double 53,
 * so the multiplier is taken in two parts, each product of which is exact.
 */
export function scaleBy(x: number, multiplier: number, shift: number): number {
  const total = 31 - shift
  if (total < 17) return shortScale(x, multiplier, total)
  const high = multiplier >> 16
  const low = multiplier & 0xffff
  return Math.floor((x * high + Math.floor((x * low) / 0x1_0000) + POWERS[total - 17]!) / POWERS[total - 16]!)
}

/** Where the halves of a second rounding go. */
export type Halves = 'up' | 'away from zero'

/**
 * The same with two roundings: of the doubled high half of the product, and of the shift. So do LiteRT's kernels for
 * 4-bit weights.
 */
export function scaleTwice(x: number, multiplier: number, shift: number, halves: Halves): number {
  const right = Math.max(-shift, 0)
  const high = highMultiply(x * 2 ** Math.max(shift, 0), multiplier)
  return halves === 'up' ? Math.floor(high / 2 ** right + 0.5) : roundingShift(high, right)
}

/** Powers of two from 2^0: `**` is a call. */
const POWERS = Float64Array.from({ length: 64 }, (_, i) => 2 ** i)

/** Factors over 2^14, which no network has; the result wraps to 32 bits, as that of C does. */
const shortScale = (x: number, multiplier: number, total: number): number =>
  Number(BigInt.asIntN(32, (BigInt(x) * BigInt(multiplier) + (1n << BigInt(total - 1))) >> BigInt(total)))

/** int8 for a real number: round half away, clamp. */
export const quantiseValue = (real: number, { scale, zeroPoint }: Quantisation): number =>
  clampInt8(roundAway(real / scale) + zeroPoint)
