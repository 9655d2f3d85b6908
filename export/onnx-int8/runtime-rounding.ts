import { roundEven } from '../../lib/round-even.ts'
import { clampedConflicts, realMean, realSum } from '../quantise/agreement.ts'
import { addValue } from '../quantise/elementwise.ts'
import { clampInt8, clampTo, INT8_MAX, INT8_MIN, scaleBy } from '../quantise/fixed-point.ts'
import type { Quantisation, QuantisedAdd, QuantisedMean, QuantisedMultiply } from '../quantise/types.ts'
import { OFFSET } from './builder.ts'

/**
 * Where ONNX Runtime's integer kernels, which round in single precision, give something else than the reference. Networks
 * quantised here have scales with which they hardly ever do; those read from files have the scales that they have. Sums of products
 * are left to it all the same: it rounds them as LiteRT does, which the reference only comes near to there.
 */

const single = Math.fround

/** A function of two int8 values as edges hold it, at 256 · (first + 128) + second + 128. */
function pairTable(value: (first: number, second: number) => number): Uint8Array {
  const table = new Uint8Array(65536)
  for (let p = INT8_MIN; p <= INT8_MAX; p++) {
    for (let q = INT8_MIN; q <= INT8_MAX; q++) table[(p + OFFSET) * 256 + q + OFFSET] = value(p, q) + OFFSET
  }
  return table
}

const differ = (a: Uint8Array, b: Uint8Array): boolean => a.some((value, i) => value !== b[i])

/** The sums of all pairs, where ONNX Runtime gives another for one of them. */
export function sumTable(
  kernel: QuantisedAdd,
  [a, b]: readonly [Quantisation, Quantisation],
  to: Quantisation,
): Uint8Array | undefined {
  const [low, high] = kernel.clamp
  const sum = realSum([a, b], to)
  const there = pairTable((p, q) => clampTo(sum(p, q), low, high))
  const here = pairTable((p, q) => addValue(kernel, [p - a.zeroPoint, q - b.zeroPoint], to.zeroPoint))
  return differ(here, there) ? here : undefined
}

/** The products of all pairs, where ONNX Runtime gives another for one of them. */
export function productTable(
  { result }: Pick<QuantisedMultiply, 'result'>,
  [a, b]: readonly [Quantisation, Quantisation],
  to: Quantisation,
): Uint8Array | undefined {
  const held = single(single(a.scale * b.scale) / to.scale)
  const zero = to.zeroPoint + OFFSET
  const product = (p: number, q: number): number => (p - a.zeroPoint) * (q - b.zeroPoint)
  const there = pairTable((p, q) => clampInt8(roundEven(single(single(product(p, q) * held) + zero)) - OFFSET))
  const here = pairTable((p, q) => clampInt8(scaleBy(product(p, q), result.multiplier, result.shift) + to.zeroPoint))
  return differ(here, there) ? here : undefined
}

/** Whether ONNX Runtime gives another mean for any sum of `count` values. */
export function meansDiffer(
  { result }: Pick<QuantisedMean, 'result'>,
  from: Quantisation,
  count: number,
  to: Quantisation,
): boolean {
  const real = result.multiplier * 2 ** (result.shift - 31)
  if (!(real > 0)) return true
  const rounded = realMean(from, count, to)
  return clampedConflicts({ real, fixed: result, rounded }, to, [INT8_MIN, INT8_MAX], 1) > 0
}
