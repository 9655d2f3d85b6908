import type { Kernel, KernelKind } from '../../network/schedule.ts'
import { emptyFacts, FEATURES, type FeatureName, type KernelFacts, readFacts } from '../features.ts'
import type { FeatureRanges } from '../profile.ts'

/** Kernels that cost by one linear rule: one kind, one sort of window, a range of sizes. */
export interface KernelClass {
  readonly kind: KernelKind
  readonly when: FeatureRanges
}

/** What a kernel's time is made of, in every class. */
export const CLASS_FEATURES = ['one', 'macs', 'inputs', 'outputs', 'weightElements'] as const satisfies FeatureName[]
const LARGEST = 1e15
/** Ranges of sizes: costs bend between starting a kernel and its work, which straight pieces follow. */
const PIECES = 4
const PIECES_OF_RARE = 2

interface Sort {
  readonly when: FeatureRanges
  readonly pieces: number
}
const ANY: readonly Sort[] = [{ when: {}, pieces: PIECES }]
/** Sorts of convolutions; together their pieces are as many as a profile's table may hold. */
const CONVOLUTIONS: readonly Sort[] = [
  { when: { grouped: [1, 1] }, pieces: PIECES_OF_RARE },
  { when: { kernelArea: [1, 1] }, pieces: PIECES },
  { when: { kernelArea: [2, LARGEST] }, pieces: PIECES_OF_RARE },
]

const sizeAxis = (facts: KernelFacts): 'macs' | 'outputs' => (facts.macs > 0 ? 'macs' : 'outputs')

function inRanges(ranges: FeatureRanges, facts: KernelFacts): boolean {
  for (const [name, bounds] of Object.entries(ranges)) {
    const value = FEATURES[name as FeatureName](facts)
    if (value < bounds[0] || value > bounds[1]) return false
  }
  return true
}

export const factsOf = (kernel: Kernel): KernelFacts => {
  const facts = emptyFacts()
  readFacts(kernel, facts)
  return facts
}

/** The stand-alone activation that would follow a kernel: elements in, elements out. */
export const activationFacts = (facts: KernelFacts, kind: KernelKind): KernelFacts => ({
  ...emptyFacts(),
  ...{ kind, inHeight: facts.outHeight, inWidth: facts.outWidth, inChannels: facts.outChannels },
  ...{ outHeight: facts.outHeight, outWidth: facts.outWidth, outChannels: facts.outChannels },
  ...{ inputs: facts.outputs, outputs: facts.outputs },
})

/** Classes for the kernels given: each sort of kernel, split at quantiles of its sizes where it has enough of them. */
export function classesOf(kernels: readonly KernelFacts[]): readonly KernelClass[] {
  return [...new Set(kernels.map(({ kind }) => kind))].flatMap((kind) => {
    let rest = kernels.filter((facts) => facts.kind === kind)
    return (kind === 'conv2d' ? CONVOLUTIONS : ANY).flatMap(({ when, pieces }): readonly KernelClass[] => {
      const own = rest.filter((facts) => inRanges(when, facts))
      rest = rest.filter((facts) => !own.includes(facts))
      if (own.length === 0) return []
      const axis = sizeAxis(own[0]!)
      const sizes = [...new Set(own.map((facts) => facts[axis]))].sort((a, b) => a - b)
      if (sizes.length < 2 * pieces) return [{ kind, when }]
      const edges = Array.from({ length: pieces - 1 }, (_, i) => {
        const at = Math.floor((sizes.length * (i + 1)) / pieces)
        return (sizes[at - 1]! + sizes[at]!) / 2
      })
      return [...edges, LARGEST].map((high, i) => ({ kind, when: { ...when, [axis]: [edges[i - 1] ?? 0, high] } }))
    })
  })
}

/** Position of a kernel's class, −1 for none. */
export const classAt = (classes: readonly KernelClass[], facts: KernelFacts): number =>
  classes.findIndex(({ kind, when }) => kind === facts.kind && inRanges(when, facts))

export const featuresOf = (facts: KernelFacts): readonly number[] =>
  CLASS_FEATURES.map((feature) => FEATURES[feature](facts))
