import { planMemory } from '../network/memory-plan.ts'
import { type Schedule, scheduleOf } from '../network/schedule.ts'
import type { NetworkGraph } from '../network/types.ts'
import { emptyFacts, type KernelFacts, readFacts } from './features.ts'
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

/**
 * Adds up what is stored: the scheduled kernels, and the bodies of experts that the schedule leaves out because only
 * `topK` of them run.
 */
export function storedSize(graph: NetworkGraph, schedule: Schedule): StoredSize {
  let weightElements = 0
  let biasElements = 0
  let channels = 0
  let kernels = 0
  for (const kernel of schedule.kernels) {
    weightElements += kernel.weightElements
    biasElements += kernel.biasElements
    if (kernel.kind === 'conv2d' || kernel.kind === 'depthwiseConv2d')
      channels += kernel.outputShape[kernel.outputShape.length - 1]!
    kernels++
  }
  for (const { op } of graph.nodes) {
    if (op.kind !== 'routedExperts') continue
    const body = storedSize(op.body, scheduleOf(op.body))
    const idle = op.experts - op.topK
    weightElements += idle * body.weightElements
    biasElements += idle * body.biasElements
    channels += idle * body.channels
    kernels += idle * body.kernels
  }
  return { weightElements, biasElements, channels, kernels }
}

/** Prices the memory of one profile. */
export class MemoryModel {
  readonly #memory: Profile['memory']
  readonly #scratch: readonly { readonly kernel: string; readonly model: CompiledModel }[]
  readonly #facts: KernelFacts = emptyFacts()

  constructor(memory: Profile['memory']) {
    this.#memory = memory
    this.#scratch = memory.scratch.map(({ kernel, when, terms }) => ({ kernel, model: scratchModel(when, terms) }))
  }

  /** Bytes that a kernel needs beside its tensors while it runs. */
  scratchBytes(facts: KernelFacts): number {
    for (const { kernel, model } of this.#scratch) {
      if (kernel === facts.kind && model.applies(facts)) return Math.ceil(model.cost(facts))
    }
    return 0
  }

  /** Arena by greedy placement, plus what the runtime keeps, plus the weights where they are copied to RAM. */
  peakRamBytes(schedule: Schedule, stored: StoredSize): number {
    const { elementBytes, alignmentBytes, weightBytes, biasBytes, weightsInRam, ram } = this.#memory
    const scratchKinds = new Set(this.#scratch.map(({ kernel }) => kernel))
    const plan = planMemory(schedule, {
      elementBytes,
      alignmentBytes,
      scratchBytes: (kernel) => {
        if (!scratchKinds.has(kernel.kind)) return 0
        readFacts(kernel, this.#facts)
        return this.scratchBytes(this.#facts)
      },
    })
    const weights = weightsInRam ? stored.weightElements * weightBytes + stored.biasElements * biasBytes : 0
    return (
      plan.peakRamBytes +
      ram.constantBytes +
      ram.perKernelBytes * schedule.kernels.length +
      ram.perTensorBytes * schedule.tensors.size +
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
