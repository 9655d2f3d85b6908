import { type FusionOptions, type Schedule, scheduleOf } from '../network/schedule.ts'
import type { NetworkGraph } from '../network/types.ts'
import { KernelCatalogue } from './kernel-catalogue.ts'
import type { Profile } from './profile.ts'
import { type StoredSize, storedSize } from './stored-size.ts'

/** A network as a runtime executes it, with all that devices which fuse alike can share. */
export interface Lowered {
  readonly schedule: Schedule
  readonly stored: StoredSize
  /** Numbers of the schedule's kernels in `CATALOGUE`, valid in this generation. */
  readonly numbers: readonly number[]
  readonly generation: number
  /** Arena sizes found so far, by the memory rules that gave them. */
  readonly arenas: Map<string, number>
}

/** Kernels of every network that this process priced. */
export const CATALOGUE = new KernelCatalogue()

/** How a runtime fuses, with a name by which devices that fuse alike find each other. */
export interface Fusion {
  readonly options: FusionOptions
  readonly name: string
  /** The name of those that fuse alike where nothing is padded, quantised or custom. */
  readonly plainName: string
}

export function fusionOf(profile: Profile): Fusion {
  const { fusedActivations, foldsPadding = false, convertsInput = false, mergesSums = false } = profile
  const plainName = [...fusedActivations].sort().join()
  return {
    options: { fusedActivations: new Set(fusedActivations), foldsPadding, convertsInput, mergesSums },
    name: `${plainName}${foldsPadding ? ', padding' : ''}${convertsInput ? ', input' : ''}${mergesSums ? ', sums' : ''}`,
    plainName,
  }
}

/** Whether nothing in a network could be folded but activations. */
const isPlain = ({ nodes }: NetworkGraph): boolean =>
  nodes.every(
    ({ op }) =>
      op.kind !== 'pad' &&
      op.kind !== 'quantize' &&
      op.kind !== 'custom' &&
      (op.kind !== 'routedExperts' || isPlain(op.body)),
  )

/** Lowers a schedule made elsewhere. */
export const lowerSchedule = (schedule: Schedule, stored = storedSize(schedule)): Lowered => {
  const numbers = CATALOGUE.numbersOf(schedule)
  return { schedule, stored, numbers, generation: CATALOGUE.generation, arenas: new Map() }
}

let lastGraph: NetworkGraph | undefined
let lastLowered: { readonly fusion: string; readonly lowered: Lowered }[] = []

/**
 * Lowers a graph. A search prices one network on device after device: the last network stays lowered, so that devices
 * which fuse alike share the work.
 */
export function lower(graph: NetworkGraph, fusion: Fusion): Lowered {
  if (graph !== lastGraph) {
    lastLowered = []
    lastGraph = graph
  }
  const name = fusion.name !== fusion.plainName && isPlain(graph) ? fusion.plainName : fusion.name
  for (const known of lastLowered) {
    if (known.fusion === name && known.lowered.generation === CATALOGUE.generation) return known.lowered
  }
  const lowered = lowerSchedule(scheduleOf(graph, fusion.options))
  lastLowered.push({ fusion: name, lowered })
  return lowered
}
