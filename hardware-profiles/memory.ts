import { bestKernelOrder, inOrder } from '../network/kernel-order.ts'
import {
  arenaBytes,
  type MemoryPlan,
  type MemoryPlanOptions,
  type PlacedBuffer,
  planMemory,
} from '../network/memory-plan.ts'
import type { Kernel, Schedule } from '../network/schedule.ts'
import type { KernelFacts } from './features.ts'
import { ByKernel } from './kernel-catalogue.ts'
import { CATALOGUE, type Lowered, lowerSchedule } from './lowering.ts'
import { overlaidBytes } from './overlay.ts'
import { apartResults } from './own-results.ts'
import type { Profile } from './profile.ts'
import { storedKinds } from './stored-size.ts'
import { CompiledModel } from './table.ts'
import { wholeMaps } from './whole-maps.ts'

/** Prices the memory of one profile. */
export class MemoryModel {
  readonly #memory: Profile['memory']
  readonly #scratch: readonly Rule[]
  readonly #workspace: readonly Rule[]
  readonly #arenaRules: string
  readonly #scratchOf: ByKernel<number>
  readonly #workOf: ByKernel<number>
  /** What the runtime keeps for a kernel. */
  readonly #keptOf: ByKernel<number>

  constructor(memory: Profile['memory']) {
    const {
      elementBytes,
      alignmentBytes,
      scratch,
      laterFirst = false,
      overlayGrowth,
      internalBytes,
      overlayAligned = false,
      fusedPools = false,
      workspace = [],
      banks,
      ram,
    } = memory
    this.#memory = memory
    this.#scratch = rulesOf(scratch)
    this.#workspace = rulesOf(workspace)
    this.#arenaRules = JSON.stringify([
      elementBytes,
      alignmentBytes,
      laterFirst,
      overlayGrowth ?? 0,
      internalBytes ?? 0,
      overlayAligned,
      fusedPools,
      workspace,
      banks ?? 0,
      memory.depthwiseBlocks ?? 0,
      memory.ownResults ?? 0,
      scratch,
      ram,
    ])
    this.#workOf = new ByKernel(CATALOGUE, (facts) => bytesBy(this.#workspace, facts))
    this.#scratchOf = new ByKernel(CATALOGUE, (facts) => this.scratchBytes(facts))
    this.#keptOf = new ByKernel(CATALOGUE, ({ kind }) => ram.perKindBytes?.[kind] ?? ram.perKernelBytes)
  }

  /** Bytes that a kernel needs beside its tensors while it runs, where it writes over none. */
  scratchBytes = (facts: KernelFacts): number => bytesBy(this.#scratch, facts) + bytesBy(this.#workspace, facts)

  /** The runtime's arena, placed greedily or in banks: tensors and scratch buffers, without what the runtime keeps beside them. */
  plan = ({ schedule: whole, numbers }: Lowered): MemoryPlan => {
    const { schedule, own } = apartResults(whole, this.#memory.ownResults)
    const { peakRamBytes, buffers } = planMemory(this.#inBanks(schedule), this.#planOptions(numbers))
    let end = Math.max(0, ...buffers.map(({ offset, bytes }) => offset + bytes))
    const results = own.map((tensor): PlacedBuffer => {
      const bytes = this.#tensorBytes(whole, tensor)
      end += bytes
      const lastStep = whole.kernels.length - 1
      return { id: whole.tensors[tensor]!.id, bytes, offset: end - bytes, firstStep: 0, lastStep }
    })
    return {
      peakRamBytes: results.reduce((sum, { bytes }) => sum + bytes, peakRamBytes),
      buffers: [...buffers.filter(({ bytes }) => bytes > 0), ...results],
    }
  }

  #tensorBytes = ({ tensors }: Schedule, at: number): number =>
    tensors[at]!.elements * Math.max(this.#memory.elementBytes, tensors[at]!.elementBytes ?? 0)

  /** Maps as the planner of banks sees them; the rules that write over operands know pools themselves. */
  #inBanks = (schedule: Schedule): Schedule =>
    this.#memory.banks === undefined ? schedule : wholeMaps(schedule, this.#memory)

  /**
   * The network with its kernels in the order that needs least RAM, where one was found that needs less than the given one;
   * else as it is. `best` says whether all orders were looked at.
   */
  inBestOrder(lowered: Lowered): { readonly lowered: Lowered; readonly best: boolean } {
    const { schedule, stored, numbers } = lowered
    const { elementBytes } = this.#memory
    const scratchBytes = (_: Kernel, step: number): number => this.#scratchOf.get(numbers[step]!)
    const { steps, best } = bestKernelOrder(schedule, { elementBytes, scratchBytes })
    const ordered = lowerSchedule(inOrder(schedule, steps), stored)
    return { lowered: this.peakRamBytes(ordered) < this.peakRamBytes(lowered) ? ordered : lowered, best }
  }

  #planOptions(numbers: readonly number[]): MemoryPlanOptions {
    const { elementBytes, alignmentBytes, laterFirst = false, banks } = this.#memory
    const inBanks = banks === undefined ? {} : { banks, convertsImages: true }
    const options = { elementBytes, alignmentBytes, laterFirst, ...inBanks }
    if (this.#scratch.length === 0 && this.#workspace.length === 0) return options
    return { ...options, scratchBytes: (_, step) => this.#scratchOf.get(numbers[step]!) }
  }

  #arenaBytes(whole: Schedule, numbers: readonly number[]): number {
    const { schedule, own } = apartResults(whole, this.#memory.ownResults)
    return own.reduce((sum, tensor) => sum + this.#tensorBytes(whole, tensor), this.#sharedBytes(schedule, numbers))
  }

  /** What the tensors take that share an arena. */
  #sharedBytes(schedule: Schedule, numbers: readonly number[]): number {
    const { elementBytes, overlayGrowth, internalBytes, overlayAligned = false, fusedPools = false } = this.#memory
    if (overlayGrowth === undefined) return arenaBytes(this.#inBanks(schedule), this.#planOptions(numbers))
    const workBytes = (step: number): number => this.#workOf.get(numbers[step]!)
    const scratchBytes = (step: number): number => this.#scratchOf.get(numbers[step]!) - workBytes(step)
    return overlaidBytes(schedule, {
      ...{ elementBytes, growth: overlayGrowth, scratchBytes, aligned: overlayAligned, fusedPools },
      ...(internalBytes === undefined ? {} : { internalBytes }),
      ...(this.#workspace.length === 0 ? {} : { workBytes }),
    })
  }

  /** Arena, plus what the runtime keeps, plus the weights where they are copied to RAM. */
  peakRamBytes(lowered: Lowered): number {
    const { weightBytes, biasBytes, weightsInRam, ram } = this.#memory
    const { schedule, stored, numbers, arenas } = lowered
    let arena = arenas.get(this.#arenaRules)
    if (arena === undefined) {
      arena = this.#arenaBytes(schedule, numbers) + this.#kernelBytes(numbers)
      arenas.set(this.#arenaRules, arena)
    }
    const weights = weightsInRam ? stored.weightElements * weightBytes + stored.biasElements * biasBytes : 0
    return Math.ceil(
      arena +
        ram.constantBytes +
        ram.perTensorBytes * schedule.tensors.length +
        ram.perChannelBytes * stored.channels +
        weights,
    )
  }

  /** What the runtime keeps for the kernels. */
  #kernelBytes(numbers: readonly number[]): number {
    const { perKernelBytes, perKindBytes } = this.#memory.ram
    if (perKindBytes === undefined) return perKernelBytes * numbers.length
    let bytes = 0
    for (let i = 0; i < numbers.length; i++) bytes += this.#keptOf.get(numbers[i]!)
    return bytes
  }

  /** Weights, biases and metadata of everything stored, plus the runtime's code. */
  flashBytes({ schedule, stored }: Lowered): number {
    const { weightBytes, biasBytes, flash } = this.#memory
    let ofKinds = 0
    if (flash.kinds !== undefined) {
      const counts = storedKinds(schedule)
      for (const { kernels, onceBytes, eachBytes } of flash.kinds) {
        const count = kernels.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0)
        if (count > 0) ofKinds += onceBytes + count * eachBytes
      }
    }
    return Math.ceil(
      stored.weightElements * weightBytes +
        stored.biasElements * biasBytes +
        stored.channels * flash.perChannelBytes +
        stored.kernels * flash.perKernelBytes +
        flash.constantBytes +
        flash.runtimeBytes +
        ofKinds,
    )
  }
}

/** Bytes of one kind of kernel. */
interface Rule {
  readonly kernel: string
  readonly model: CompiledModel
}

const rulesOf = (rules: Profile['memory']['scratch']): readonly Rule[] =>
  rules.map(({ kernel, when, terms }) => ({
    kernel,
    model: new CompiledModel({
      ...(when === undefined ? {} : { when }),
      terms,
      coverage: {},
      error90: 0,
      provenance: { kind: 'derived', source: 'scratch rule' },
    }),
  }))

/** By the first rule that applies. */
function bytesBy(rules: readonly Rule[], facts: KernelFacts): number {
  for (const { kernel, model } of rules) {
    if (kernel === facts.kind && model.applies(facts)) return Math.ceil(model.cost(facts))
  }
  return 0
}
