import type { Kernel, Schedule } from '../network/schedule.ts'

/** What a network keeps in flash: all experts, though only some run. */
export interface StoredSize {
  readonly weightElements: number
  readonly biasElements: number
  /** Output channels of convolutions, whose weights are quantised channel by channel. */
  readonly channels: number
  readonly kernels: number
}

/** Adds up what is stored: the kernels that run, and the experts that do not because only `topK` of them do. */
export function storedSize(schedule: Schedule): StoredSize {
  const { kernels, idleExperts } = schedule
  const total = { weightElements: 0, biasElements: 0, channels: 0, kernels: 0 }
  addKernels(total, kernels, 0, kernels.length, 1)
  /** Copies that are stored of each entry, counting those inside idle experts around it. */
  for (let i = 0; i < idleExperts.length; i++) {
    const { first, end, copies } = idleExperts[i]!
    let times = copies
    for (let outer = i + 1; outer < idleExperts.length; outer++) {
      const around = idleExperts[outer]!
      if (around.first <= first && end <= around.end) times *= 1 + around.copies
    }
    addKernels(total, kernels, first, end, times)
  }
  return total
}

interface MutableStoredSize extends StoredSize {
  weightElements: number
  biasElements: number
  channels: number
  kernels: number
}

function addKernels(
  total: MutableStoredSize,
  kernels: readonly Kernel[],
  first: number,
  end: number,
  times: number,
): void {
  for (let i = first; i < end; i++) {
    const { kind, weightElements, biasElements, outputShape } = kernels[i]!
    total.weightElements += times * weightElements
    total.biasElements += times * biasElements
    if (kind === 'conv2d' || kind === 'depthwiseConv2d') total.channels += times * outputShape[outputShape.length - 1]!
    total.kernels += times
  }
}
