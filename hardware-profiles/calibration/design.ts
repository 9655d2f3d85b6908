import { type Kernel, scheduleOf } from '../../network/schedule.ts'
import type { ActivationKind, NetworkGraph } from '../../network/types.ts'
import type { KernelFacts } from '../features.ts'
import { CLASS_FEATURES, classAt, classesOf, factsOf, featuresOf, type KernelClass } from './kernel-classes.ts'

/** Kernels that are alike in all that their cost may depend on. */
export interface DistinctKernel {
  readonly facts: KernelFacts
  /** Position of its class. */
  readonly at: number
  /** How often the networks have it. */
  count: number
}

/**
 * Networks as a linear model of their time sees them: for each network the sum of `CLASS_FEATURES` over its kernels of each
 * class, then a 1 for what an inference costs once; every column is divided by its mean.
 */
export interface Design {
  readonly classes: readonly KernelClass[]
  readonly rows: readonly (readonly number[])[]
  /** What each column was divided by. */
  readonly scales: readonly number[]
  readonly distinct: readonly DistinctKernel[]
  readonly networks: readonly {
    readonly graph: NetworkGraph
    readonly kernels: readonly Kernel[]
    /** Position of each kernel in `distinct`. */
    readonly numbers: readonly number[]
  }[]
}

export const FEATURES_PER_CLASS = CLASS_FEATURES.length

/** @param fused activations that the device's runtime applies inside the kernel before them */
export function designOf(graphs: readonly NetworkGraph[], fused: readonly ActivationKind[]): Design {
  const options = { fusedActivations: new Set(fused) }
  const numbered = new Map<string, number>()
  const facts: KernelFacts[] = []
  const networks = graphs.map((graph) => {
    const { kernels } = scheduleOf(graph, options)
    const numbers = kernels.map((kernel) => {
      const one = factsOf(kernel)
      const key = Object.values(one).join()
      const known = numbered.get(key)
      if (known !== undefined) return known
      numbered.set(key, facts.length)
      return facts.push(one) - 1
    })
    return { graph, kernels, numbers }
  })
  const classes = classesOf(facts)
  const distinct = facts.map((one): DistinctKernel => ({ facts: one, at: classAt(classes, one), count: 0 }))
  const features = facts.map(featuresOf)
  const raw = networks.map(({ numbers }) => {
    const row = new Array<number>(classes.length * FEATURES_PER_CLASS + 1).fill(0)
    for (const number of numbers) {
      const kernel = distinct[number]!
      kernel.count++
      features[number]!.forEach((value, i) => {
        row[kernel.at * FEATURES_PER_CLASS + i]! += value
      })
    }
    row[row.length - 1] = 1
    return row
  })
  const scales = raw[0]!.map((_, column) => raw.reduce((sum, row) => sum + row[column]!, 0) / raw.length || 1)
  return { classes, rows: raw.map((row) => row.map((value, i) => value / scales[i]!)), scales, distinct, networks }
}
