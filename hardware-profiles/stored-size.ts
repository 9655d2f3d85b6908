import type { Kernel, KernelKind, Schedule } from '../network/schedule.ts'

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
  const total = { weightElements: 0, biasElements: 0, channels: 0, kernels: 0 }
  forStored(schedule, (first, end, times) => addKernels(total, schedule.kernels, first, end, times))
  return total
}

/** How many kernels of each kind are stored, idle experts included. */
export function storedKinds(schedule: Schedule): ReadonlyMap<KernelKind, number> {
  const counts = new Map<KernelKind, number>()
  forStored(schedule, (first, end, times) => {
    for (let i = first; i < end; i++) {
      const { kind } = schedule.kernels[i]!
      counts.set(kind, (counts.get(kind) ?? 0) + times)
    }
  })
  return counts
}

/** Visits the kernels that run, and those of idle experts with how many copies of them there are. */
function forStored(
  { kernels, idleExperts }: Schedule,
  visit: (first: number, end: number, times: number) => void,
): void {
  visit(0, kernels.length, 1)
  /** Copies that are stored of each entry, counting those inside idle experts around it. */
  for (let i = 0; i < idleExperts.length; i++) {
    const { first, end, copies } = idleExperts[i]!
    let times = copies
    for (let outer = i + 1; outer < idleExperts.length; outer++) {
      const around = idleExperts[outer]!
      if (around.first <= first && end <= around.end) times *= 1 + around.copies
    }
    visit(first, end, times)
  }
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
