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
  bytes: Float64Array
  /** Kernels that need the buffer, first and last; a first one of −1 means none. */
  first: Int32Array
  last: Int32Array
  offset: Float64Array
}

const requestsFor = (count: number): Requests => ({
  count: 0,
  bytes: new Float64Array(count),
  first: new Int32Array(count),
  last: new Int32Array(count),
  offset: new Float64Array(count),
})

/** One set of arrays serves every plan: a search makes thousands of them. */
let requests = requestsFor(1024)
/** In the order in which they were placed. */
let placed = new Int32Array(1024)
let keys = new Float64Array(1024)

/** Fills `requests` from a schedule. @returns per scratch buffer the kernel it belongs to. */
function collect(schedule: Schedule, options: MemoryPlanOptions): readonly number[] {
  const { elementBytes, alignmentBytes, scratchBytes } = options
  const { kernels, tensors } = schedule
  const most = tensors.length + kernels.length
  if (requests.bytes.length < most) {
    requests = requestsFor(2 * most)
    placed = new Int32Array(2 * most)
    keys = new Float64Array(2 * most)
  }
  const { bytes, first, last } = requests
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i]!
    const size = tensor.elements * Math.max(elementBytes, tensor.elementBytes ?? 0)
    bytes[i] = Math.ceil(size / alignmentBytes) * alignmentBytes
    first[i] = -1
  }
  const scratchOf: number[] = []
  let count = tensors.length
  for (const id of schedule.inputs) touch(id, 0)
  for (let step = 0; step < kernels.length; step++) {
    const { inputs, output } = kernels[step]!
    for (let i = 0; i < inputs.length; i++) touch(inputs[i]!, step)
    touch(output, step)
    if (scratchBytes === undefined) continue
    const scratch = Math.ceil(scratchBytes(kernels[step]!, step) / alignmentBytes) * alignmentBytes
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

function touch(tensor: number, step: number): void {
  const { first, last } = requests
  if (first[tensor]! < 0) first[tensor] = step
  last[tensor] = step
}

/** More than a network can have. A power of two: dividing by it is exact. */
const MOST_BUFFERS = 2 ** 17
/** Buffers are listed by the kernels that need them, up to so many of either; longer lists could fill the memory. */
const MOST_KERNELS = 512
const MOST_ALIVE = 32
/** Placed buffers that a kernel needs, so many places for each kernel, and how many there are. */
const aliveAt = new Int32Array(MOST_KERNELS * MOST_ALIVE)
const aliveCount = new Int32Array(MOST_KERNELS)
/** Where the placed buffers lie that are needed together with the one to be placed, by where they start. */
const starts: number[] = []
const ends: number[] = []

/** Notes where a placed buffer lies behind the first `count` that were noted. */
function note(count: number, buffer: number): void {
  const start = requests.offset[buffer]!
  let slot = count
  for (; slot > 0 && starts[slot - 1]! > start; slot--) {
    starts[slot] = starts[slot - 1]!
    ends[slot] = ends[slot - 1]!
  }
  starts[slot] = start
  ends[slot] = start + requests.bytes[buffer]!
}

/** Notes the buffers that kernels `from` to `to` need, from their lists. @returns how many there are. */
function noteListed(from: number, to: number): number {
  const { first } = requests
  let found = 0
  for (let step = from; step <= to; step++) {
    const begin = step * MOST_ALIVE
    const end = begin + aliveCount[step]!
    for (let i = begin; i < end; i++) {
      const other = aliveAt[i]!
      // Those that began earlier were met at the step before.
      if (step === from || first[other] === step) note(found++, other)
    }
  }
  return found
}

/** The same from the first `count` that were placed. */
function noteAny(count: number, from: number, to: number): number {
  const { first, last } = requests
  let found = 0
  for (let i = 0; i < count; i++) {
    const other = placed[i]!
    if (first[other]! <= to && last[other]! >= from) note(found++, other)
  }
  return found
}

/** Lists a placed buffer with the kernels that need it. @returns false when a list is full. */
function list(buffer: number, from: number, to: number): boolean {
  for (let step = from; step <= to; step++) {
    const count = aliveCount[step]!
    if (count === MOST_ALIVE) return false
    aliveAt[step * MOST_ALIVE + count] = buffer
    aliveCount[step] = count + 1
  }
  return true
}

/** Lowest place for so many bytes beside the first `found` buffers that were noted. */
function lowestFree(size: number, found: number): number {
  let at = 0
  for (let i = 0; i < found && at + size > starts[i]!; i++) if (ends[i]! > at) at = ends[i]!
  return at
}

/** Numbers of the buffers, as in `placed`, and the largest offset + bytes. */
interface Placement {
  readonly placedCount: number
  readonly peak: number
}

/** Places all requests, largest first (ties: lower number first, or higher). */
function place(laterFirst: boolean, steps: number): Placement {
  const { count, bytes, first, last, offset } = requests
  // One sortable number each: larger buffers first, then lower (or higher) numbers.
  for (let i = 0; i < count; i++) keys[i] = -bytes[i]! * MOST_BUFFERS + (laterFirst ? count - 1 - i : i)
  keys.subarray(0, count).sort()
  let listed = steps <= MOST_KERNELS
  if (listed) aliveCount.fill(0, 0, steps)
  let placedCount = 0
  let peak = 0
  for (let rank = 0; rank < count; rank++) {
    const key = keys[rank]!
    const number = key - Math.floor(key / MOST_BUFFERS) * MOST_BUFFERS
    const index = laterFirst ? count - 1 - number : number
    const from = first[index]!
    const to = last[index]!
    if (from < 0) continue
    const size = bytes[index]!
    const at = lowestFree(size, listed ? noteListed(from, to) : noteAny(placedCount, from, to))
    offset[index] = at
    listed = listed && list(index, from, to)
    placed[placedCount++] = index
    if (at + size > peak) peak = at + size
  }
  return { placedCount, peak }
}

/** Size of the arena that `planMemory` makes, without listing its buffers. */
export function arenaBytes(schedule: Schedule, options: MemoryPlanOptions): number {
  collect(schedule, options)
  return place(options.laterFirst === true, Math.max(schedule.kernels.length, 1)).peak
}

/**
 * Places every tensor of a schedule in one arena: largest first, each at the lowest free offset among the buffers alive
 * at the same time (the greedy-by-size planner of TFLM; Pisarchyk and Lee, 2020). The network's inputs and outputs count.
 * Buffers are listed by offset.
 */
export function planMemory(schedule: Schedule, options: MemoryPlanOptions): MemoryPlan {
  const scratchOf = collect(schedule, options)
  const { placedCount, peak } = place(options.laterFirst === true, Math.max(schedule.kernels.length, 1))
  const tensorCount = schedule.tensors.length
  const { offset } = requests
  const buffers = [...placed.subarray(0, placedCount)]
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
  return { peakRamBytes: peak, buffers }
}
