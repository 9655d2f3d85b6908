import type { Kernel, Schedule } from './schedule.ts'

export interface KernelOrderOptions {
  /** Bytes of one activation element: 1 for int8, 4 for float32. */
  readonly elementBytes: number
  /** Working memory that a kernel needs while it runs, in bytes, by its step in the given order. */
  readonly scratchBytes?: (kernel: Kernel, step: number) => number
  /** Sets of finished kernels to look at before giving up. Default 20,000. */
  readonly mostStates?: number
}

export interface KernelOrder {
  /** Steps of the given schedule in the order found. */
  readonly steps: readonly number[]
  /** What is alive at most during a kernel, with its scratch. No arena can be smaller. */
  readonly aliveBytes: number
  /** False when there were too many orders to look at; then this is the given one. */
  readonly best: boolean
}

/** How many a kernel waits for, whom it lets go on, all tensors it needs, and the one that it makes. */
interface Node {
  readonly before: number
  readonly after: readonly number[]
  readonly touches: readonly number[]
  readonly makes: number
  readonly scratch: number
}

interface Network {
  readonly nodes: readonly Node[]
  readonly bytes: readonly number[]
  /** How many kernels need a tensor; one more for the network's results, which stay. */
  readonly uses: readonly number[]
  /** Bytes of the inputs. */
  readonly given: number
}

/** A kernel waits for whatever was before it on a tensor that either of the two changes. */
function networkOf({ kernels, tensors, inputs, outputs }: Schedule, options: KernelOrderOptions): Network {
  const bytes = tensors.map(({ elements, elementBytes = 0 }) => elements * Math.max(options.elementBytes, elementBytes))
  const uses = new Array<number>(tensors.length).fill(0)
  const touched = kernels.map(({ inputs: read, output }) => [...new Set([...read, output])])
  for (const tensor of [...touched.flat(), ...outputs]) uses[tensor]! += 1
  const writers = tensors.map((): number[] => [])
  const readers = tensors.map((): number[] => [])
  const after = kernels.map(() => new Set<number>())
  kernels.forEach(({ inputs: read, output }, step) => {
    for (const tensor of read) for (const writer of writers[tensor]!) after[writer]!.add(step)
    for (const other of [...writers[output]!, ...readers[output]!]) after[other]!.add(step)
    for (const tensor of read) readers[tensor]!.push(step)
    writers[output]!.push(step)
  })
  const before = kernels.map((_, step) => after.filter((followers) => followers.has(step)).length)
  const nodes = kernels.map((kernel, step) => ({
    before: before[step]!,
    after: [...after[step]!].filter((other) => other !== step),
    touches: touched[step]!,
    makes: kernel.output,
    scratch: options.scratchBytes?.(kernel, step) ?? 0,
  }))
  const given = inputs.reduce((sum, tensor) => sum + (uses[tensor]! > 0 ? bytes[tensor]! : 0), 0)
  return { nodes, bytes, uses, given }
}

/** Looks for an order in which no more than `limit` bytes are alive at any time; undoes every step that leads nowhere. */
class OrderSearch {
  readonly steps: number[] = []
  /** Least number of bytes above the limit that some order needs next. */
  nextLimit = Number.POSITIVE_INFINITY
  readonly #network: Network
  readonly #limit: number
  readonly #waits: number[]
  readonly #uses: number[]
  readonly #isMade: boolean[]
  readonly #isDone: boolean[]
  readonly #seen = new Set<string>()
  readonly #mostStates: number
  #alive: number

  constructor(network: Network, limit: number, isMade: readonly boolean[], mostStates: number) {
    this.#network = network
    this.#limit = limit
    this.#waits = network.nodes.map(({ before }) => before)
    this.#uses = [...network.uses]
    this.#isMade = [...isMade]
    this.#isDone = network.nodes.map(() => false)
    this.#alive = network.given
    this.#mostStates = mostStates
  }

  get statesSeen(): number {
    return this.#seen.size
  }

  /** Bytes alive during a kernel that may run now, and after it. */
  #effectOf(step: number): { readonly during: number; readonly left: number } {
    const { bytes, nodes } = this.#network
    const { touches, makes, scratch } = nodes[step]!
    const withResult = this.#alive + (this.#isMade[makes] ? 0 : bytes[makes]!)
    let left = withResult
    for (const tensor of touches) if (this.#uses[tensor] === 1) left -= bytes[tensor]!
    return { during: withResult + scratch, left }
  }

  #run(step: number, left: number): () => void {
    const { touches, makes, after } = this.#network.nodes[step]!
    const [alive, wasMade] = [this.#alive, this.#isMade[makes]!]
    const count = (by: 1 | -1): void => {
      for (const tensor of touches) this.#uses[tensor]! += by
      for (const other of after) this.#waits[other]! += by
    }
    count(-1)
    this.#isMade[makes] = true
    this.#isDone[step] = true
    this.#alive = left
    this.steps.push(step)
    return () => {
      count(1)
      this.#isMade[makes] = wasMade
      this.#isDone[step] = false
      this.#alive = alive
      this.steps.pop()
    }
  }

  #ready(): readonly number[] {
    const found: number[] = []
    for (let step = 0; step < this.#waits.length; step++)
      if (this.#waits[step] === 0 && !this.#isDone[step]) found.push(step)
    return found
  }

  /** Runs a kernel after which no more is alive than before: no order is worse for having it first. */
  #runFree(): (() => void) | undefined {
    for (const step of this.#ready()) {
      const { during, left } = this.#effectOf(step)
      if (during <= this.#limit && left <= this.#alive) return this.#run(step, left)
    }
    return undefined
  }

  /** @returns whether all kernels could run; then `steps` holds them. Undefined when there were too many states. */
  search(): boolean | undefined {
    const undone: (() => void)[] = []
    for (let undo = this.#runFree(); undo !== undefined; undo = this.#runFree()) undone.push(undo)
    if (this.steps.length === this.#waits.length) return true
    const key = this.#isDone.map(Number).join('')
    if (!this.#seen.has(key)) {
      this.#seen.add(key)
      if (this.#seen.size > this.#mostStates) return undefined
      for (const step of this.#ready()) {
        const { during, left } = this.#effectOf(step)
        if (during > this.#limit) {
          this.nextLimit = Math.min(this.nextLimit, during)
          continue
        }
        const undo = this.#run(step, left)
        const found = this.search()
        if (found !== false) return found
        undo()
      }
    }
    for (const undo of undone.toReversed()) undo()
    return false
  }
}

/** Bytes alive at most when kernels run in the given order. */
function aliveInOrder({ nodes, bytes, uses, given }: Network, isMade: readonly boolean[]): number {
  const left = [...uses]
  const made = [...isMade]
  let alive = given
  let peak = given
  for (const { touches, makes, scratch } of nodes) {
    if (!made[makes]) alive += bytes[makes]!
    made[makes] = true
    peak = Math.max(peak, alive + scratch)
    for (const tensor of touches) if (--left[tensor]! === 0) alive -= bytes[tensor]!
  }
  return peak
}

/**
 * The order of kernels with the fewest bytes alive at any time. Limits are tried from below, each the least that some order
 * needs above the one before it, so that the first one that any order keeps is the least of all; a kernel after which no more is
 * alive than before runs at once, which no order is worse for. Exact unless there are more than `mostStates` sets of
 * finished kernels to look at.
 */
export function bestKernelOrder(schedule: Schedule, options: KernelOrderOptions): KernelOrder {
  const network = networkOf(schedule, options)
  const isMade = schedule.tensors.map((_, tensor) => schedule.inputs.includes(tensor))
  const given: KernelOrder = {
    steps: schedule.kernels.map((_, step) => step),
    aliveBytes: aliveInOrder(network, isMade),
    best: false,
  }
  let mostStates = options.mostStates ?? 20_000
  let limit = network.given
  while (limit < given.aliveBytes) {
    const search = new OrderSearch(network, limit, isMade, mostStates)
    const found = search.search()
    if (found === true) return { steps: search.steps, aliveBytes: limit, best: true }
    if (found === undefined) return given
    mostStates -= search.statesSeen
    limit = search.nextLimit
  }
  return { ...given, best: true }
}

/** The schedule with its kernels in another order, for planning memory; what experts share is not kept. */
export const inOrder = (schedule: Schedule, steps: readonly number[]): Schedule => ({
  ...schedule,
  kernels: steps.map((step) => schedule.kernels[step]!),
  idleExperts: [],
  repeats: [],
})
