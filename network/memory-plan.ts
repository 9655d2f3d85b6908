import type { Kernel, Schedule } from './schedule.ts'

export interface MemoryPlanOptions {
  /** Bytes of one activation element: 1 for int8, 4 for float32. */
  readonly elementBytes: number
  /** Every buffer starts at a multiple of this many bytes. TFLM: 16. */
  readonly alignmentBytes: number
  /** Working memory that a kernel needs while it runs (for example an im2col buffer), in bytes. */
  readonly scratchBytes?: (kernel: Kernel) => number
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

/**
 * Places every tensor of a schedule in one arena: largest first, each at the lowest free offset among the buffers alive
 * at the same time (the greedy-by-size planner of TFLM; Pisarchyk and Lee, 2020). The network's input and output count.
 */
export function planMemory(schedule: Schedule, options: MemoryPlanOptions): MemoryPlan {
  const { elementBytes, alignmentBytes, scratchBytes } = options
  const align = (bytes: number): number => Math.ceil(bytes / alignmentBytes) * alignmentBytes
  const requests: { id: string; bytes: number; firstStep: number; lastStep: number }[] = []
  const byTensor = new Map<string, (typeof requests)[number]>()
  const touch = (id: string, step: number): void => {
    const request = byTensor.get(id)
    if (request !== undefined) {
      request.lastStep = step
      return
    }
    const added = {
      id,
      bytes: align(schedule.tensors.get(id)!.elements * elementBytes),
      firstStep: step,
      lastStep: step,
    }
    byTensor.set(id, added)
    requests.push(added)
  }
  touch(schedule.input, 0)
  schedule.kernels.forEach((kernel, step) => {
    for (const id of kernel.inputs) touch(id, step)
    touch(kernel.output, step)
    const scratch = align(scratchBytes?.(kernel) ?? 0)
    if (scratch > 0) requests.push({ id: `${kernel.id}#scratch`, bytes: scratch, firstStep: step, lastStep: step })
  })
  touch(schedule.output, Math.max(schedule.kernels.length - 1, 0))

  const order = requests.map((_, index) => index).sort((a, b) => requests[b]!.bytes - requests[a]!.bytes || a - b)
  const placed: PlacedBuffer[] = []
  let peakRamBytes = 0
  for (const index of order) {
    const request = requests[index]!
    const alive = placed.filter((other) => other.firstStep <= request.lastStep && request.firstStep <= other.lastStep)
    let offset = 0
    for (const other of alive) {
      if (offset + request.bytes <= other.offset) break
      offset = Math.max(offset, other.offset + other.bytes)
    }
    const buffer = { ...request, offset }
    insertByOffset(placed, buffer)
    peakRamBytes = Math.max(peakRamBytes, offset + request.bytes)
  }
  return { peakRamBytes, buffers: placed }
}

function insertByOffset(placed: PlacedBuffer[], buffer: PlacedBuffer): void {
  const at = placed.findIndex((other) => other.offset > buffer.offset)
  placed.splice(at === -1 ? placed.length : at, 0, buffer)
}
