import type { Pair } from '../network/types.ts'
import type { Task } from './space.ts'

/** Kernel or stride of a number of positions, along the axes that samples have. */
export type AlongAxes = (length: number) => number | Pair

const asIs: AlongAxes = (length) => length

/**
 * Kernels and strides for a task: squares, but of length 1 along an axis of length 1. There, all other taps of a kernel
 * would only ever read padding, and cost weights and time. So series are convolved along time, and rows of features
 * (1 × 1) by 1 × 1 kernels.
 */
export function alongAxes({ inputShape }: Task): AlongAxes {
  const [height, width] = inputShape as readonly [number, number, number]
  if (height > 1 && width > 1) return asIs
  return (length) => [height > 1 ? length : 1, width > 1 ? length : 1]
}
