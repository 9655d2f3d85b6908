import type { MemoryPlan } from '../../network/memory-plan.ts'

/** Pairs of buffers that lie over each other while both are needed. */
export const clashes = ({ buffers }: MemoryPlan): readonly string[] =>
  buffers.flatMap((one, i) =>
    buffers
      .slice(i + 1)
      .filter((other) => one.firstStep <= other.lastStep && other.firstStep <= one.lastStep)
      .filter((other) => one.offset < other.offset + other.bytes && other.offset < one.offset + one.bytes)
      .map((other) => `${one.id} and ${other.id}`),
  )
