import type { Schedule } from '../network/schedule.ts'

export interface OverlayOptions {
  readonly elementBytes: number
  /** A kernel's output may lie over its last input when it has at most so many times its bytes. */
  readonly growth: number
  /** A larger tensor lies in external RAM. Default: none does. */
  readonly internalBytes?: number
  readonly scratchBytes: (step: number) => number
}

/** Internal and external RAM. */
const SIDES = [0, 1] as const

/**
 * Largest sum of what is alive during a kernel, for runtimes that let a kernel write over the operand that dies with it
 * (row by row, with a few rows of scratch between reading and writing): input and output then count once, the larger of
 * the two. Internal and external RAM each have their own largest sum, which add up, and nothing is written over an operand
 * on the other side.
 */
export function overlaidBytes(schedule: Schedule, options: OverlayOptions): number {
  const { elementBytes, growth, internalBytes = Number.POSITIVE_INFINITY, scratchBytes } = options
  const { kernels, tensors } = schedule
  const last = new Array<number>(tensors.length).fill(-1)
  kernels.forEach(({ inputs, output }, step) => {
    for (const tensor of inputs) last[tensor] = step
    last[output] = Math.max(last[output]!, step)
  })
  for (const tensor of schedule.outputs) last[tensor] = kernels.length
  const bytes = tensors.map((tensor) => tensor.elements * Math.max(elementBytes, tensor.elementBytes ?? 0))
  const sideOf = (tensor: number): 0 | 1 => (bytes[tensor]! > internalBytes ? 1 : 0)
  const seen = new Set(schedule.inputs)
  const alive: [number, number] = [0, 0]
  for (const tensor of seen) alive[sideOf(tensor)] += bytes[tensor]!
  const peak: [number, number] = [...alive]
  kernels.forEach(({ inputs, output }, step) => {
    const side = sideOf(output)
    if (!seen.has(output)) alive[side] += bytes[output]!
    seen.add(output)
    let dying = 0
    for (const tensor of inputs)
      if (last[tensor] === step && tensor !== output && sideOf(tensor) === side) dying = Math.max(dying, bytes[tensor]!)
    const shared = bytes[output]! <= growth * dying ? Math.min(dying, bytes[output]!) : 0
    for (const each of SIDES) {
      const saved = each === side && shared > 0 ? shared - Math.min(scratchBytes(step), shared) : 0
      peak[each] = Math.max(peak[each], alive[each] - saved)
    }
    for (const tensor of new Set([...inputs, output]))
      if (last[tensor] === step) alive[sideOf(tensor)] -= bytes[tensor]!
  })
  return peak[0] + peak[1]
}
