import type { MemoryPlan } from '../network/memory-plan.ts'
import type { Schedule } from '../network/schedule.ts'

/** Memory in banks, for compilers that keep what a kernel reads and what it writes in different ones. */
export interface Banks {
  /** Bytes of each of the equal banks. */
  readonly bytes: number
  readonly count: number
}

export interface BankOptions {
  readonly elementBytes: number
  readonly alignmentBytes: number
  readonly banks: Banks
}

/** Buffers by number: the schedule's tensors, then the images as they come in, before they are converted. */
interface Placement {
  readonly bytes: readonly number[]
  readonly last: readonly number[]
  /** −1 for buffers that were not placed. */
  readonly bank: readonly number[]
  readonly offset: readonly number[]
  /** How far each bank is filled at most; the last one has no limit. */
  readonly used: readonly number[]
}

/** The image is converted before the first kernel. */
const CONVERSION = -1
const NOWHERE = -1

/** A file may hold the conversion of the image as a kernel of its own. */
function isConverted({ kernels }: Schedule, input: number): boolean {
  const first = kernels.find(({ inputs }) => inputs.includes(input))
  return first !== undefined && first.kind === 'quantize'
}

function placeInBanks(schedule: Schedule, { elementBytes, alignmentBytes, banks }: BankOptions): Placement {
  const { kernels, tensors, inputs: images } = schedule
  const bytes = tensors.map(
    (tensor) =>
      Math.ceil((tensor.elements * Math.max(elementBytes, tensor.elementBytes ?? 0)) / alignmentBytes) * alignmentBytes,
  )
  const last = new Array<number>(tensors.length + images.length).fill(CONVERSION)
  for (let step = 0; step < kernels.length; step++) {
    const { inputs, output } = kernels[step]!
    for (const tensor of inputs) last[tensor] = step
    if (last[output]! < step) last[output] = step
  }
  for (const tensor of schedule.outputs) last[tensor] = Math.max(kernels.length - 1, 0)

  const bank = new Array<number>(last.length).fill(NOWHERE)
  const offset = new Array<number>(last.length).fill(0)
  const used = new Array<number>(banks.count + 1).fill(0)
  /** Per bank the buffers that are alive, by offset. */
  const alive: number[][] = used.map(() => [])
  const place = (buffer: number, step: number, read: number): void => {
    const size = bytes[buffer]!
    let best = NOWHERE
    let bestAt = 0
    let bestGrowth = Number.POSITIVE_INFINITY
    for (let i = 0; i <= banks.count && bestGrowth > 0; i++) {
      if (i === read && (i < banks.count || best !== NOWHERE)) continue
      const here = alive[i]!
      let at = 0
      let kept = 0
      let found = false
      for (let j = 0; j < here.length; j++) {
        const other = here[j]!
        if (last[other]! < step) continue
        here[kept++] = other
        if (!found && at + size <= offset[other]!) found = true
        if (!found) at = offset[other]! + bytes[other]!
      }
      here.length = kept
      const growth = Math.max(0, at + size - used[i]!)
      if ((i < banks.count && at + size > banks.bytes) || growth >= bestGrowth) continue
      best = i
      bestAt = at
      bestGrowth = growth
    }
    bank[buffer] = best
    offset[buffer] = bestAt
    used[best]! += bestGrowth
    const here = alive[best]!
    let slot = here.push(buffer) - 1
    for (; slot > 0 && offset[here[slot - 1]!]! > bestAt; slot--) here[slot] = here[slot - 1]!
    here[slot] = buffer
  }

  for (let i = 0; i < images.length; i++) {
    const image = images[i]!
    const raw = tensors.length + i
    bytes[raw] = bytes[image]!
    if (!isConverted(schedule, image)) place(raw, CONVERSION, NOWHERE)
    place(image, CONVERSION, bank[raw]!)
  }
  for (let step = 0; step < kernels.length; step++) {
    const { inputs, output } = kernels[step]!
    if (bank[output] === NOWHERE) place(output, step, inputs.length > 0 ? bank[inputs[0]!]! : NOWHERE)
  }
  return { bytes, last, bank, offset, used }
}

/**
 * Bytes of all banks, when tensors are placed in the order in which they are written, each at the lowest free offset of
 * the bank that grows least by it, but not in the bank of the kernel's first operand. What fits in no bank lies in one
 * more, without a limit. The image is converted into a second buffer before the first kernel. The sum is of how far each
 * bank is filled at most.
 */
export const bankedBytes = (schedule: Schedule, options: BankOptions): number =>
  placeInBanks(schedule, options).used.reduce((sum, bytes) => sum + bytes, 0)

/** The buffers behind `bankedBytes`, banks one after the other, each as long as it is filled; step −1 converts the image. */
export function planBanks(schedule: Schedule, options: BankOptions): MemoryPlan {
  const { tensors, kernels, inputs: images } = schedule
  const { bytes, last, bank, offset, used } = placeInBanks(schedule, options)
  const starts = used.map((_, i) => used.slice(0, i).reduce((sum, filled) => sum + filled, 0))
  const first = new Map(kernels.map(({ output }, step) => [output, step] as const).reverse())
  const buffers = bank.flatMap((where, i) => {
    if (where === NOWHERE) return []
    const id = i < tensors.length ? tensors[i]!.id : `${tensors[images[i - tensors.length]!]!.id}#unconverted`
    const steps = { firstStep: first.get(i) ?? CONVERSION, lastStep: last[i]! }
    return [{ id, bytes: bytes[i]!, offset: starts[where]! + offset[i]!, ...steps }]
  })
  return {
    peakRamBytes: used.reduce((sum, filled) => sum + filled, 0),
    buffers: buffers.sort((a, b) => a.offset - b.offset || a.firstStep - b.firstStep),
  }
}
