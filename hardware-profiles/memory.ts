import { arenaBytes, type MemoryPlan, type MemoryPlanOptions, planMemory } from '../network/memory-plan.ts'
import type { Kernel, Schedule } from '../network/schedule.ts'
import type { KernelFacts } from './features.ts'
import { ByKernel } from './kernel-catalogue.ts'
import { CATALOGUE, type Lowered } from './lowering.ts'
import type { Profile, Terms } from './profile.ts'
import { CompiledModel } from './table.ts'

/** What a network keeps in flash: all experts, though only some run. */
export interface StoredSize {
  readonly weightElements: number
  readonly biasElements: number
  /** Output channels of convolutions, whose weights are quantised channel by channel. */
  readonly channels: number
  readonly kernels: number
}

/** Adds up what is stored: the kernels that run, and the experts that do not because only `topK` of them do. */
export function storedSize(schedule: Schedule): StoredSize {
  const { kernels, idleExperts } = schedule
  const total = { weightElements: 0, biasElements: 0, channels: 0, kernels: 0 }
  addKernels(total, kernels, 0, kernels.length, 1)
  /** Copies that are stored of each entry, counting those inside idle experts around it. */
  for (let i = 0; i < idleExperts.length; i++) {
    const { first, end, copies } = idleExperts[i]!
    let times = copies
    for (let outer = i + 1; outer < idleExperts.length; outer++) {
      const around = idleExperts[outer]!
      if (around.first <= first && end <= around.end) times *= 1 + around.copies
    }
    addKernels(total, kernels, first, end, times)
  }
  return total
}

interface MutableStoredSize extends StoredSize {
  weightElements: number
  biasElements: number
  channels: number
  kernels: number
}

function addKernels(
  total: MutableStoredSize,
  kernels: readonly Kernel[],
  first: number,
  end: number,
  times: number,
): void {
  for (let i = first; i < end; i++) {
    const { kind, weightElements, biasElements, outputShape } = kernels[i]!
    total.weightElements += times * weightElements
    total.biasElements += times * biasElements
    if (kind === 'conv2d' || kind === 'depthwiseConv2d') total.channels += times * outputShape[outputShape.length - 1]!
    total.kernels += times
  }
}

/** Prices the memory of one profile. */
export class MemoryModel {
  readonly #memory: Profile['memory']
  readonly #scratch: readonly { readonly kernel: string; readonly model: CompiledModel }[]
  readonly #arenaRules: string
  readonly #scratchOf: ByKernel<number>

  constructor(memory: Profile['memory']) {
    const { elementBytes, alignmentBytes, scratch } = memory
    this.#memory = memory
    this.#scratch = scratch.map(({ kernel, when, terms }) => ({ kernel, model: scratchModel(when, terms) }))
    this.#arenaRules = JSON.stringify([elementBytes, alignmentBytes, scratch])
    this.#scratchOf = new ByKernel(CATALOGUE, (facts) => this.scratchBytes(facts))
  }

  /** Bytes that a kernel needs beside its tensors while it runs. */
  scratchBytes(facts: KernelFacts): number {
    for (const { kernel, model } of this.#scratch) {
      if (kernel === facts.kind && model.applies(facts)) return Math.ceil(model.cost(facts))
    }
    return 0
  }

  /** The runtime's arena, placed greedily: tensors and scratch buffers, without what the runtime keeps beside them. */
  plan = ({ schedule, numbers }: Lowered): MemoryPlan => planMemory(schedule, this.#planOptions(numbers))

  #planOptions(numbers: readonly number[]): MemoryPlanOptions {
    const { elementBytes, alignmentBytes } = this.#memory
    if (this.#scratch.length === 0) return { elementBytes, alignmentBytes }
    return { elementBytes, alignmentBytes, scratchBytes: (_, step) => this.#scratchOf.get(numbers[step]!) }
  }

  /** Arena, plus what the runtime keeps, plus the weights where they are copied to RAM. */
  peakRamBytes(lowered: Lowered): number {
    const { weightBytes, biasBytes, weightsInRam, ram } = this.#memory
    const { schedule, stored, numbers, arenas } = lowered
    let arena = arenas.get(this.#arenaRules)
    if (arena === undefined) {
      arena = arenaBytes(schedule, this.#planOptions(numbers))
      arenas.set(this.#arenaRules, arena)
    }
    const weights = weightsInRam ? stored.weightElements * weightBytes + stored.biasElements * biasBytes : 0
    return (
      arena +
      ram.constantBytes +
      ram.perKernelBytes * schedule.kernels.length +
      ram.perTensorBytes * schedule.tensors.length +
      ram.perChannelBytes * stored.channels +
      weights
    )
  }

  /** Weights, biases and metadata of everything stored, plus the runtime's code. */
  flashBytes(stored: StoredSize): number {
    const { weightBytes, biasBytes, flash } = this.#memory
    return Math.ceil(
      stored.weightElements * weightBytes +
        stored.biasElements * biasBytes +
        stored.channels * flash.perChannelBytes +
        stored.kernels * flash.perKernelBytes +
        flash.constantBytes +
        flash.runtimeBytes,
    )
  }
}

const scratchModel = (when: Profile['memory']['scratch'][number]['when'], terms: Terms): CompiledModel =>
  new CompiledModel({
    ...(when === undefined ? {} : { when }),
    terms,
    coverage: {},
    error90: 0,
    provenance: { kind: 'derived', source: 'scratch rule' },
  })
