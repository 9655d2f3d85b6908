import type { Schedule } from '../network/schedule.ts'

export interface OverlayOptions {
  readonly elementBytes: number
  /** A kernel's output may lie over its last input when it has at most so many times its bytes. */
  readonly growth: number
  readonly scratchBytes: (step: number) => number
}

/**
 * Largest sum of what is alive during a kernel, for runtimes that let a kernel write over the operand that dies with it
 * (row by row, with a few rows of scratch between reading and writing): input and output then count once, the larger of
 * the two.
 */
export function overlaidBytes(schedule: Schedule, { elementBytes, growth, scratchBytes }: OverlayOptions): number {
  const { kernels, tensors } = schedule
  const last = new Array<number>(tensors.length).fill(-1)
  kernels.forEach(({ inputs, output }, step) => {
    for (const tensor of inputs) last[tensor] = step
    last[output] = Math.max(last[output]!, step)
  })
  for (const tensor of schedule.outputs) last[tensor] = kernels.length
  const bytes = tensors.map((tensor) => tensor.elements * Math.max(elementBytes, tensor.elementBytes ?? 0))
  const seen = new Set(schedule.inputs)
  let alive = 0
  for (const tensor of seen) alive += bytes[tensor]!
  let peak = alive
  kernels.forEach(({ inputs, output }, step) => {
    if (!seen.has(output)) alive += bytes[output]!
    seen.add(output)
    let dying = 0
    for (const tensor of inputs) if (last[tensor] === step && tensor !== output) dying = Math.max(dying, bytes[tensor]!)
    const shared = bytes[output]! <= growth * dying ? Math.min(dying, bytes[output]!) : 0
    peak = Math.max(peak, shared > 0 ? alive - shared + Math.min(scratchBytes(step), shared) : alive)
    for (const tensor of new Set([...inputs, output])) if (last[tensor] === step) alive -= bytes[tensor]!
  })
  return peak
}
