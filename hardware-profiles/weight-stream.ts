import type { Kernel } from '../network/schedule.ts'
import type { OpOf } from '../network/types.ts'
import type { Lowered } from './lowering.ts'
import type { Profile } from './profile.ts'

type Rereads = NonNullable<NonNullable<Profile['weightStream']>['rereads']>

/** How often a kernel's weights are read in one inference. */
function readsOf({ kind, op, outputShape }: Kernel, bytes: number, { cachedBytes, pixels }: Rereads): number {
  if (kind !== 'conv2d' || bytes <= cachedBytes) return 1
  const [height, width] = (op as OpOf<'conv2d'>).kernel
  const places = outputShape.slice(0, -1).reduce((product, size) => product * size, 1)
  return height * width === 1 ? 1 : Math.max(Math.ceil(places / pixels), 1)
}

/**
 * Time that one inference waits for weights which do not fit the device's memory, in ms; 0 where all fit. With `rereads` it
 * is the share of all weights that lies outside, of the bytes that the kernels read.
 */
export function streamedMs({ weightStream, memory }: Profile, { stored, schedule }: Lowered): number {
  if (weightStream === undefined) return 0
  const { cacheBytes, usPerByte, rereads } = weightStream
  const { weightBytes, biasBytes } = memory
  const bytes = stored.weightElements * weightBytes + stored.biasElements * biasBytes
  const beyond = Math.max(bytes - cacheBytes, 0)
  if (beyond === 0 || rereads === undefined) return 1e-3 * usPerByte * beyond
  let read = 0
  for (const kernel of schedule.kernels) {
    const weights = kernel.weightElements * weightBytes
    read += weights * readsOf(kernel, weights, rereads) + kernel.biasElements * biasBytes
  }
  return 1e-3 * usPerByte * read * (beyond / bytes)
}
