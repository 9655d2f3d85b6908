import test from 'ava'
import { FLOAT16_MAX, fromFloat16, toFloat16 } from '../../lib/float16.ts'

const bits = (...values: readonly number[]): readonly number[] => [...toFloat16(Float32Array.from(values))]

test('known numbers have their bits of IEEE 754', (t) => {
  t.deepEqual(bits(0, -0, 1, -2, 0.5), [0, 0x8000, 0x3c00, 0xc000, 0x3800])
  t.deepEqual(bits(FLOAT16_MAX, 65_519, 65_520, -1e9), [0x7bff, 0x7bff, 0x7c00, 0xfc00])
  t.deepEqual(bits(2 ** -14, 2 ** -24, 2 ** -25, 3 * 2 ** -25, 2 ** -26), [0x0400, 1, 0, 2, 0])
  t.deepEqual(bits(1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 - 2 ** -12), [0x3c00, 0x3c02, 0x4000], 'halves go to even')
  t.deepEqual(bits(2 ** -14 - 2 ** -26), [0x0400], 'the largest subnormal rounds up into the normal numbers')
  t.deepEqual(bits(Number.POSITIVE_INFINITY, Number.NaN), [0x7c00, 0x7e00])
})

test('every finite float16 comes back as itself', (t) => {
  const all = Uint16Array.from({ length: 1 << 16 }, (_, i) => i).filter((half) => (half & 0x7c00) !== 0x7c00)
  t.is(all.length, 63_488)
  t.deepEqual(toFloat16(fromFloat16(all)), all)
})
