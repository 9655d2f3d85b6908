import { roundEven } from './round-even.ts'

/** Largest number that float16 holds. */
export const FLOAT16_MAX = 65_504

const LEAST_NORMAL = 2 ** -14
/** Distance of float16's subnormal numbers. */
const LEAST_STEP = 2 ** -24

const floats = new Float32Array(1)
const words = new Uint32Array(floats.buffer)

/** The bits of the nearest float16 (IEEE 754 binary16, halves to even); what is too large becomes infinity. */
function bitsOf(value: number): number {
  floats[0] = value
  const sign = (words[0]! >>> 16) & 0x8000
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  // Halfway to what would be the next number after the largest, rounding goes up.
  if (size >= FLOAT16_MAX + 16) return sign | 0x7c00
  if (size < LEAST_NORMAL) return sign | roundEven(size / LEAST_STEP)
  const exponent = ((words[0]! >>> 23) & 0xff) - 127
  const fraction = roundEven((size / 2 ** exponent - 1) * 1024)
  // A fraction that was rounded up to 1024 carries into the exponent, as the bits do.
  return sign | (((exponent + 15) << 10) + fraction)
}

/** float32 values as the bits of float16: nearest, halves to even; over `FLOAT16_MAX` infinity. */
export const toFloat16 = (values: Float32Array): Uint16Array => Uint16Array.from(values, bitsOf)

/** The real values of float16 bits. */
export const fromFloat16 = (bits: Uint16Array): Float32Array =>
  Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0) return sign * fraction * LEAST_STEP
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    return sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
  })
