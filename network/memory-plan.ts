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
  /** Memory in banks. Default: one arena without an end. */
  readonly banks?: Banks
  /** Images lie in memory as they came and, before the first kernel, converted into a second buffer. Default false. */
  readonly convertsImages?: boolean
}

/** So many equal banks one after the other; no buffer lies in two, and what is larger than a bank lies behind the last. */
export interface Banks {
  readonly bytes: number
  readonly count: number
}

/** One buffer of the arena; `firstStep` and `lastStep` are kernel indices, both inclusive; −1 is the conversion of images. */
export interface PlacedBuffer {
  readonly id: string
  readonly bytes: number
  readonly offset: number
  readonly firstStep: number
  readonly lastStep: number
}

export interface MemoryPlan {
  /** Size of the arena: the largest offset + bytes. Of banks, the sum of how far each is filled, and offsets skip the rest. */
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

/** What the buffers behind the schedule's tensors are: a kernel's scratch, or an image as it came. */
interface Extra {
  readonly of: number
  readonly what: 'scratch' | 'unconverted'
}

/** A file may hold the conversion of an image as a kernel of its own. */
const convertsItself = ({ kernels }: Schedule, image: number): boolean =>
  kernels.find(({ inputs }) => inputs.includes(image))?.kind === 'quantize'

/** Fills `requests` from a schedule; where images are converted, kernels count from 1. @returns what lies behind the tensors. */
function collect(schedule: Schedule, options: MemoryPlanOptions): readonly Extra[] {
  const { elementBytes, alignmentBytes, scratchBytes } = options
  const { kernels, tensors } = schedule
  const most = tensors.length + kernels.length + schedule.inputs.length
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
  const extras: Extra[] = []
  let count = tensors.length
  const begin = firstKernelAt(options)
  for (const image of schedule.inputs) {
    touch(image, 0)
    touch(image, begin)
    if (options.convertsImages !== true || convertsItself(schedule, image)) continue
    extras.push({ of: image, what: 'unconverted' })
    bytes[count] = bytes[image]!
    first[count] = 0
    last[count++] = 0
  }
  for (let step = 0; step < kernels.length; step++) {
    const { inputs, output } = kernels[step]!
    for (let i = 0; i < inputs.length; i++) touch(inputs[i]!, begin + step)
    touch(output, begin + step)
    if (scratchBytes === undefined) continue
    const scratch = Math.ceil(scratchBytes(kernels[step]!, step) / alignmentBytes) * alignmentBytes
    if (scratch === 0) continue
    extras.push({ of: step, what: 'scratch' })
    bytes[count] = scratch
    first[count] = begin + step
    last[count++] = begin + step
  }
  for (const id of schedule.outputs) touch(id, begin + Math.max(kernels.length - 1, 0))
  requests.count = count
  return extras
}

const firstKernelAt = ({ convertsImages }: MemoryPlanOptions): number => (convertsImages === true ? 1 : 0)

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

/** The lowest place from `at` on where so many bytes lie in one bank, or behind the last. */
function inOneBank(at: number, size: number, banks: Banks | undefined): number {
  if (banks === undefined) return at
  const end = banks.bytes * banks.count
  if (at >= end || size > banks.bytes) return Math.max(at, end)
  const next = (Math.floor(at / banks.bytes) + 1) * banks.bytes
  return at + size > next ? next : at
}

/** Lowest place for so many bytes beside the first `found` buffers that were noted. */
function lowestFree(size: number, found: number, banks: Banks | undefined): number {
  let at = inOneBank(0, size, banks)
  for (let i = 0; i < found && at + size > starts[i]!; i++) if (ends[i]! > at) at = inOneBank(ends[i]!, size, banks)
  return at
}

/** Numbers of the buffers, as in `placed`, and how much memory they need. */
interface Placement {
  readonly placedCount: number
  readonly peak: number
}

/** Places all requests, largest first (ties: lower number first, or higher). */
function place({ laterFirst = false, banks }: MemoryPlanOptions, steps: number): Placement {
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
    const at = lowestFree(size, listed ? noteListed(from, to) : noteAny(placedCount, from, to), banks)
    offset[index] = at
    listed = listed && list(index, from, to)
    placed[placedCount++] = index
    if (at + size > peak) peak = at + size
  }
  return { placedCount, peak: banks === undefined ? peak : filled(placedCount, banks) }
}

/** Sum of how far each bank is filled. */
function filled(placedCount: number, { bytes, count }: Banks): number {
  const fill = new Array<number>(count + 1).fill(0)
  for (let i = 0; i < placedCount; i++) {
    const buffer = placed[i]!
    const at = requests.offset[buffer]!
    const bank = Math.min(Math.floor(at / bytes), count)
    fill[bank] = Math.max(fill[bank]!, at + requests.bytes[buffer]! - bank * bytes)
  }
  return fill.reduce((sum, one) => sum + one, 0)
}

const stepsOf = ({ kernels }: Schedule, options: MemoryPlanOptions): number =>
  firstKernelAt(options) + Math.max(kernels.length, 1)

/** Size of the arena that `planMemory` makes, without listing its buffers. */
export function arenaBytes(schedule: Schedule, options: MemoryPlanOptions): number {
  collect(schedule, options)
  return place(options, stepsOf(schedule, options)).peak
}

/**
 * Places every tensor of a schedule in one arena: largest first, each at the lowest free offset among the buffers alive
 * at the same time (the greedy-by-size planner of TFLM; Pisarchyk and Lee, 2020). The network's inputs and outputs count.
 * Buffers are listed by offset.
 */
export function planMemory(schedule: Schedule, options: MemoryPlanOptions): MemoryPlan {
  const extras = collect(schedule, options)
  const { placedCount, peak } = place(options, stepsOf(schedule, options))
  const { tensors, kernels } = schedule
  const { offset } = requests
  const begin = firstKernelAt(options)
  const idOf = (index: number): string => {
    if (index < tensors.length) return tensors[index]!.id
    const { of, what } = extras[index - tensors.length]!
    return `${what === 'scratch' ? kernels[of]!.id : tensors[of]!.id}#${what}`
  }
  const buffers = [...placed.subarray(0, placedCount)]
    .sort((a, b) => offset[a]! - offset[b]!)
    .map((index) => ({
      id: idOf(index),
      bytes: requests.bytes[index]!,
      offset: requests.offset[index]!,
      firstStep: requests.first[index]! - begin,
      lastStep: requests.last[index]! - begin,
    }))
  return { peakRamBytes: peak, buffers }
}
