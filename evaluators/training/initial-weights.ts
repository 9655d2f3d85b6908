import type { RandomStream } from '../../lib/random.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, WeightSpec, Weights } from '../../network/types.ts'

/** Dense kernels start smaller than He's rule: they feed the softmax, whose first guesses should be near even. */
const DENSE_GAIN = 1

/**
 * Weights to start from: kernels normal with variance 2 / fanIn (He et al. 2015), dense ones with 1 / fanIn; scales and
 * running variances 1; the rest 0. Drawn in the order of `weightSpecs`.
 */
export function initialWeights(graph: NetworkGraph, stream: RandomStream): Weights {
  return new Map(weightSpecs(graph).map((spec) => [spec.name, draw(spec, stream)]))
}

function draw(spec: WeightSpec, stream: RandomStream): Float32Array {
  const values = new Float32Array(sizeOf(spec.shape))
  if (spec.role === 'gamma' || spec.role === 'movingVariance') return values.fill(1)
  if (spec.role !== 'kernel') return values
  const gain = spec.shape.length === 2 ? DENSE_GAIN : 2
  const deviation = Math.sqrt(gain / spec.fanIn)
  for (let i = 0; i < values.length; i++) values[i] = deviation * stream.normal()
  return values
}
