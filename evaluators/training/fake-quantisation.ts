import { roundEven } from '../../lib/round-even.ts'
import { fourBitScale, INT4_MAX } from '../../network/four-bits.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { KernelNames } from './four-bit-kernels.ts'

/** Narrower ranges are widened, and smaller weights count as 0: scales must not vanish. */
export const LEAST_RANGE = 1e-6
export const LEAST_WEIGHT = 1e-30

/** Name under which a program's state holds the range of a stored value. */
export const rangeName = (path: string): string => `${path}#range`

/**
 * A range from a program's state: moving averages of the lowest and the highest value of each batch and of 1, which is
 * what the others are divided by, as they started at 0. Undefined before the first step.
 */
export function rangeOf([low = 0, high = 0, share = 0]: ArrayLike<number> & Iterable<number>):
  | readonly [number, number]
  | undefined {
  return share > 0 ? [low / share, high / share] : undefined
}

/**
 * Weights whose kernels hold only what symmetric int8 can, or −7 … 7 those that are named: one scale for each filter, or
 * for each whole dense kernel.
 */
export function fakeQuantiseWeights(graph: NetworkGraph, weights: Weights, fourBits: KernelNames): Weights {
  const quantised = new Map(weights)
  for (const { name, role, shape } of weightSpecs(graph)) {
    if (role !== 'kernel') continue
    const values = weights.get(name)!.slice()
    const size = shape.length === 2 ? values.length : sizeOf(shape.slice(1))
    for (let start = 0; start < values.length; start += size) {
      fakeQuantise(values.subarray(start, start + size), fourBits.has(name))
    }
    quantised.set(name, values)
  }
  return quantised
}

/** In place, in the arithmetic of the training step. */
function fakeQuantise(values: Float32Array, fourBits: boolean): void {
  if (fourBits) {
    const scale = Math.fround(Math.max(fourBitScale(values), LEAST_WEIGHT))
    for (const [i, value] of values.entries()) {
      values[i] = Math.min(Math.max(roundEven(Math.fround(value / scale)), -INT4_MAX), INT4_MAX) * scale
    }
    return
  }
  let largest = LEAST_WEIGHT
  for (const value of values) largest = Math.max(largest, Math.abs(value))
  const scale = Math.fround(largest / 127)
  for (const [i, value] of values.entries()) values[i] = roundEven(Math.fround(value / scale)) * scale
}
