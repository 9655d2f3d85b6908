import { sizeOf } from '../../network/shapes.ts'
import type { TfliteTensor } from './model.ts'

/** Enough to know the entropy of bytes to 0.01 bits, however large a file and many its layers. */
const MOST_WEIGHTS = 1 << 16
const STEPS_PER_BIT = 64

/**
 * Bits of entropy that one weight of an int8 kernel holds, in steps of 1/64: how far they can be compressed. Of large
 * kernels 65,536 weights or fewer are looked at. Undefined for other types, and where what is stored has another size.
 */
export function weightBits({ type, dims, data }: TfliteTensor): number | undefined {
  if (type !== 'int8' || data.length === 0 || data.length !== sizeOf(dims)) return undefined
  // An odd step does not fall into the rhythm of channels, whose numbers are even.
  const step = Math.ceil(data.length / MOST_WEIGHTS) | 1
  const counts = new Array<number>(256).fill(0)
  for (let at = 0; at < data.length; at += step) counts[data[at]!]!++
  const total = Math.ceil(data.length / step)
  const bits = counts.reduce((sum, count) => (count === 0 ? sum : sum - (count / total) * Math.log2(count / total)), 0)
  // Weights that are all alike hold nothing; 0 stands for what is not known.
  return Math.max(Math.round(bits * STEPS_PER_BIT), 1) / STEPS_PER_BIT
}
