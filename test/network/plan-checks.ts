import type { RandomStream } from '../../lib/random.ts'
import type { MemoryPlan } from '../../network/memory-plan.ts'
import type { Schedule } from '../../network/schedule.ts'

/** Pairs of buffers that lie over each other while both are needed. */
export const clashes = ({ buffers }: MemoryPlan): readonly string[] =>
  buffers.flatMap((one, i) =>
    buffers
      .slice(i + 1)
      .filter((other) => one.firstStep <= other.lastStep && other.firstStep <= one.lastStep)
      .filter((other) => one.offset < other.offset + other.bytes && other.offset < one.offset + one.bytes)
      .map((other) => `${one.id} and ${other.id}`),
  )

/** So many kernels that each read one to three earlier results; the last one's result is the network's. */
export function randomDag(random: RandomStream, count: number): Schedule {
  const tensors = Array.from({ length: count + 1 }, (_, i) => ({
    id: `t${i}`,
    shape: [],
    elements: 1 + random.int(40),
  }))
  const kernels = Array.from({ length: count }, (_, step) => {
    const inputs = [...new Set(Array.from({ length: 1 + random.int(3) }, () => random.int(step + 1)))]
    return {
      ...({ id: `k${step}`, kind: 'add', op: { kind: 'add' }, activation: 'none', inputs, output: step + 1 } as const),
      ...{ inputShapes: [], outputShape: [], macs: 0, weightElements: 0, biasElements: 0 },
    }
  })
  return { kernels, tensors, inputs: [0], outputs: [count], idleExperts: [], repeats: [] }
}
