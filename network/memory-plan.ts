import type { Kernel, Schedule } from './schedule.ts'

export interface MemoryPlanOptions {
  /** Bytes of one activation element: 1 for int8, 4 for float32. */
  readonly elementBytes: number
  /** Every buffer starts at a multiple of this many bytes. TFLM: 16. */
  readonly alignmentBytes: number
  /** Of buffers of one size the later one is placed first. Default: the earlier one, which never needs more. TFLM: true. */
  readonly laterFirst?: boolean
  /** Working memory that a kernel needs while it runs (for example an im2col buffer), in bytes. */
  readonly scratchBytes?: (kernel: Kernel, step: number) => number
}

/** One buffer of the arena; `firstStep` and `lastStep` are kernel indices, both inclusive. */
export interface PlacedBuffer {
  readonly id: string
  readonly bytes: number
  readonly offset: number
  readonly firstStep: number
  readonly lastStep: number
}

export interface MemoryPlan {
  /** Size of the arena: the largest offset + bytes. */
  readonly peakRamBytes: number
  readonly buffers: readonly PlacedBuffer[]
}

/** Buffers to place, by number: the schedule's tensors first, then the scratch buffers of single kernels. */
interface Requests {
  count: number
  readonly bytes: number[]
  readonly first: number[]
  readonly last: number[]
  readonly offset: number[]
}

/** One set of arrays serves every plan: a search makes thousands of them. */
const requests: Requests = { count: 0, bytes: [], first: [], last: [], offset: [] }
const placed: number[] = []
let placedCount = 0
let keys = new Float64Array(1024)

/** Fills `requests` from a schedule. @returns per scratch buffer the kernel it belongs to. */
function collect(schedule: Schedule, options: MemoryPlanOptions): readonly number[] {
  const { elementBytes, alignmentBytes, scratchBytes } = options
  const { bytes, first, last } = requests
  const { kernels, tensors } = schedule
  const align = (size: number): number => Math.ceil(size / alignmentBytes) * alignmentBytes
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i]!
    bytes[i] = align(tensor.elements * Math.max(elementBytes, tensor.elementBytes ?? 0))
    first[i] = -1
  }
  const touch = (tensor: number, step: number): void => {
    if (first[tensor]! < 0) first[tensor] = step
    last[tensor] = step
  }
  const scratchOf: number[] = []
  let count = tensors.length
  for (const id of schedule.inputs) touch(id, 0)
  for (let step = 0; step < kernels.length; step++) {
    const kernel = kernels[step]!
    for (const tensor of kernel.inputs) touch(tensor, step)
    touch(kernel.output, step)
    const scratch = scratchBytes === undefined ? 0 : align(scratchBytes(kernel, step))
    if (scratch === 0) continue
    scratchOf.push(step)
    bytes[count] = scratch
    first[count] = step
    last[count++] = step
  }
  for (const id of schedule.outputs) touch(id, Math.max(kernels.length - 1, 0))
  requests.count = count
  return scratchOf
}

/** More than a network can have. A power of two: dividing by it is exact. */
const MOST_BUFFERS = 2 ** 17
/** Up to so many buffers, those of each kernel are listed; lists for more could fill the memory. */
const MOST_LISTED = 512
/** Per kernel the placed buffers that are alive during it: the first `aliveCount` entries of each list. */
const aliveAt: number[][] = []
const aliveCount: number[] = []
/** Placed buffers that are alive together with the one to be placed, by offset. */
const together: number[] = []

/** Inserts a buffer behind those of the first `count` that begin no later. */
function insertByOffset(list: number[], count: number, index: number): void {
  const { offset } = requests
  const at = offset[index]!
  let slot = count
  for (; slot > 0 && offset[list[slot - 1]!]! > at; slot--) list[slot] = list[slot - 1]!
  list[slot] = index
}

/** Fills `together` for a buffer of `from` to `to` from the lists of its kernels. @returns how many there are. */
function meetListed(from: number, to: number): number {
  const { first } = requests
  let found = 0
  for (let step = from; step <= to; step++) {
    const alive = aliveAt[step]!
    const length = aliveCount[step]!
    for (let i = 0; i < length; i++) {
      const other = alive[i]!
      // Those that began earlier were met at the step before.
      if (step === from || first[other] === step) insertByOffset(together, found++, other)
    }
  }
  return found
}

/** The same from the list of all. */
function meetAny(from: number, to: number): number {
  const { first, last } = requests
  let found = 0
  for (let i = 0; i < placedCount; i++) {
    const other = placed[i]!
    if (first[other]! <= to && last[other]! >= from) together[found++] = other
  }
  return found
}

/** Places all requests, largest first (ties: lower number first, or higher). @returns the largest offset + bytes. */
function place(laterFirst: boolean, steps: number): number {
  const { count, bytes, first, last, offset } = requests
  if (keys.length < count) keys = new Float64Array(2 * count)
  // One sortable number each: larger buffers first, then lower (or higher) numbers.
  for (let i = 0; i < count; i++) keys[i] = -bytes[i]! * MOST_BUFFERS + (laterFirst ? count - 1 - i : i)
  keys.subarray(0, count).sort()
  const listed = count <= MOST_LISTED
  for (let step = 0; listed && step < steps; step++) {
    if (step === aliveAt.length) aliveAt.push([])
    aliveCount[step] = 0
  }
  placedCount = 0
  let peak = 0
  for (let rank = 0; rank < count; rank++) {
    const key = keys[rank]!
    const number = key - Math.floor(key / MOST_BUFFERS) * MOST_BUFFERS
    const index = laterFirst ? count - 1 - number : number
    const size = bytes[index]!
    const from = first[index]!
    const to = last[index]!
    if (from < 0) continue
    const found = listed ? meetListed(from, to) : meetAny(from, to)
    let at = 0
    for (let i = 0; i < found; i++) {
      const other = together[i]!
      const start = offset[other]!
      if (at + size <= start) break
      const end = start + bytes[other]!
      if (end > at) at = end
    }
    offset[index] = at
    if (listed) for (let step = from; step <= to; step++) aliveAt[step]![aliveCount[step]!++] = index
    if (listed) placed[placedCount] = index
    else insertByOffset(placed, placedCount, index)
    placedCount++
    if (at + size > peak) peak = at + size
  }
  return peak
}

/** Size of the arena that `planMemory` makes, without listing its buffers. */
export function arenaBytes(schedule: Schedule, options: MemoryPlanOptions): number {
  collect(schedule, options)
  return place(options.laterFirst === true, Math.max(schedule.kernels.length, 1))
}

/**
 * Places every tensor of a schedule in one arena: largest first, each at the lowest free offset among the buffers alive
 * at the same time (the greedy-by-size planner of TFLM; Pisarchyk and Lee, 2020). The network's inputs and outputs count.
 * Buffers are listed by offset.
 */
export function planMemory(schedule: Schedule, options: MemoryPlanOptions): MemoryPlan {
  const scratchOf = collect(schedule, options)
  const peakRamBytes = place(options.laterFirst === true, Math.max(schedule.kernels.length, 1))
  const tensorCount = schedule.tensors.length
  const { offset } = requests
  const buffers = placed
    .slice(0, placedCount)
    .sort((a, b) => offset[a]! - offset[b]!)
    .map((index) => ({
      id:
        index < tensorCount
          ? schedule.tensors[index]!.id
          : `${schedule.kernels[scratchOf[index - tensorCount]!]!.id}#scratch`,
      bytes: requests.bytes[index]!,
      offset: requests.offset[index]!,
      firstStep: requests.first[index]!,
      lastStep: requests.last[index]!,
    }))
  return { peakRamBytes, buffers }
}
