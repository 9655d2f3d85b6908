import type { KernelKind } from '../../network/schedule.ts'
import { type MicroBenchmark, microBenchmarks } from './micro-benchmarks.ts'

/** Kinds that are timed in int8, and how many of the benchmarks of each: one of so many. Activations that vanish in convolutions need none. */
const TIMED: Partial<Record<KernelKind, number>> = {
  ...{ conv2d: 2, depthwiseConv2d: 2, averagePool: 2, maxPool: 2, hardSwish: 2, hardSigmoid: 2, sigmoid: 2 },
  ...{ globalAveragePool: 1, dense: 1, softmax: 1, add: 1, concat: 2, multiply: 1 },
}

/** Products alone, and what stands between them in the networks that time them. */
const PRODUCTS: typeof TIMED = { conv2d: 3, depthwiseConv2d: 2, globalAveragePool: 1, dense: 2 }

/** Convolutions in groups and on sequences, of which there are few, are all timed. */
const SINGULAR = / groups$|\/\d+ 1x\d+x\d+-\d+$/

function oneOf(kinds: typeof TIMED): readonly MicroBenchmark[] {
  const seen = new Map<KernelKind, number>()
  return microBenchmarks().filter(({ subject, name }) => {
    const every = kinds[subject]
    const count = seen.get(subject) ?? 0
    seen.set(subject, count + 1)
    return every !== undefined && (count % every === 0 || SINGULAR.test(name))
  })
}

/** What int8 networks are made of, over the sizes of small and of usual ones. */
export const int8Benchmarks = (): readonly MicroBenchmark[] => oneOf(TIMED)

/** Products whose weights are turned into real numbers in every inference. */
export const dequantisedBenchmarks = (): readonly MicroBenchmark[] => oneOf(PRODUCTS)
