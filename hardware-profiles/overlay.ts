import type { Schedule } from '../network/schedule.ts'
import { pooledSteps } from './whole-maps.ts'

export interface OverlayOptions {
  readonly elementBytes: number
  /** A kernel's output may lie over its last input when it has at most so many times its bytes. */
  readonly growth: number
  /** A larger tensor lies in external RAM. Default: none does. */
  readonly internalBytes?: number
  /** Between reading and writing, where a kernel writes over its operand. */
  readonly scratchBytes: (step: number) => number
  /** What a kernel needs beside its tensors in any case. Default: nothing. */
  readonly workBytes?: (step: number) => number
  /** Results keep their operand's place, as `Places` says. Default: where a result lies costs nothing. */
  readonly aligned?: boolean
  /** A maximum pool takes the rows of the convolution before it, whose map is never whole. Default false. */
  readonly fusedPools?: boolean
}

/** Internal and external RAM. */
const SIDES = [0, 1] as const

/**
 * Where results lie that are written over their operand from its first row on: one that is not larger begins where the
 * operand does, or it would overtake the reading; a larger one ends where the operand does. A block of memory holds such a
 * chain; what the chain had before a tensor or after it can serve a larger one only in front.
 */
class Places {
  readonly #before: Float64Array
  readonly #after: Float64Array

  constructor(tensors: number) {
    this.#before = new Float64Array(tensors)
    this.#after = new Float64Array(tensors)
  }

  /** Bytes of the block when an output of `to` bytes lies over an operand of `from`. */
  blockBytes(operand: number, from: number, to: number): number {
    return Math.max(this.#before[operand]! + from, to) + this.#after[operand]!
  }

  put(operand: number, output: number, from: number, to: number): void {
    this.#before[output] = Math.max(this.#before[operand]! - Math.max(to - from, 0), 0)
    this.#after[output] = this.#after[operand]! + Math.max(from - to, 0)
  }
}

/**
 * Largest sum of what is alive during a kernel, for runtimes that let a kernel write over the operand that dies with it
 * (row by row, with a few rows of scratch between reading and writing): input and output then count once, the larger of
 * the two. Internal and external RAM each have their own largest sum, which add up, and nothing is written over an operand
 * on the other side.
 */
export function overlaidBytes(schedule: Schedule, options: OverlayOptions): number {
  const { elementBytes, growth, internalBytes = Number.POSITIVE_INFINITY, scratchBytes, workBytes } = options
  const { kernels, tensors } = schedule
  const places = options.aligned === true ? new Places(tensors.length) : undefined
  const pooled = options.fusedPools === true ? pooledSteps(schedule) : NO_STEPS
  const operandsOf = (step: number): readonly number[] => kernels[pooled.has(step - 1) ? step - 1 : step]!.inputs
  const bytes = tensors.map((tensor) => tensor.elements * Math.max(elementBytes, tensor.elementBytes ?? 0))
  const last = lastSteps(schedule, pooled, operandsOf)
  const sideOf = (tensor: number): 0 | 1 => (bytes[tensor]! > internalBytes ? 1 : 0)
  const seen = new Array<boolean>(tensors.length).fill(false)
  const alive: [number, number] = [0, 0]
  const begin = (tensor: number): void => {
    if (seen[tensor]!) return
    seen[tensor] = true
    alive[sideOf(tensor)] += bytes[tensor]!
  }
  /** A tensor that a kernel reads twice ends once. */
  const end = (tensor: number, step: number): void => {
    if (last[tensor] !== step) return
    last[tensor] = ENDED
    alive[sideOf(tensor)] -= bytes[tensor]!
  }
  for (const tensor of schedule.inputs) begin(tensor)
  const peak: [number, number] = [...alive]
  /** What writing over an operand saves; nothing where both would take less side by side. */
  const savedBytes = (operand: number, output: number, step: number): number => {
    const from = bytes[operand]!
    const to = bytes[output]!
    if (to > growth * from) return 0
    const together = places?.blockBytes(operand, from, to) ?? Math.max(from, to)
    const saved = from + to - together - scratchBytes(pooled.has(step - 1) ? step - 1 : step)
    if (saved > 0) places?.put(operand, output, from, to)
    return Math.max(saved, 0)
  }
  for (let step = 0; step < kernels.length; step++) {
    if (pooled.has(step)) continue
    const { output } = kernels[step]!
    const inputs = operandsOf(step)
    const side = sideOf(output)
    begin(output)
    let dying = -1
    for (const tensor of inputs) {
      if (last[tensor] !== step || tensor === output || sideOf(tensor) !== side) continue
      if (dying === -1 || bytes[tensor]! > bytes[dying]!) dying = tensor
    }
    const saved = dying === -1 ? 0 : savedBytes(dying, output, step)
    const work = workBytes?.(step) ?? 0
    for (const each of SIDES) {
      peak[each] = Math.max(peak[each], alive[each] - (each === side ? saved : 0) + (each === 0 ? work : 0))
    }
    for (const tensor of inputs) end(tensor, step)
    end(output, step)
  }
  return peak[0] + peak[1]
}

const NO_STEPS: ReadonlySet<number> = new Set()
const ENDED = -1

/** Per tensor the last kernel that needs it; results of the network stay until the end. */
function lastSteps(
  { kernels, tensors, outputs }: Schedule,
  pooled: ReadonlySet<number>,
  operandsOf: (step: number) => readonly number[],
): number[] {
  const last = new Array<number>(tensors.length).fill(ENDED)
  for (let step = 0; step < kernels.length; step++) {
    if (pooled.has(step)) continue
    for (const tensor of operandsOf(step)) last[tensor] = step
    last[kernels[step]!.output] = step
  }
  for (const tensor of outputs) last[tensor] = kernels.length
  return last
}
