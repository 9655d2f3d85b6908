import type { FusedActivation } from './batch-lanes.ts'
import type { Value } from './emitter.ts'
import { normalise, throughActivation } from './normalisation.ts'
import {
  channelsOf,
  type Emission,
  meanRows,
  pixelsOf,
  type RuleInput,
  sumRows,
  type TrainingScope,
  writeGradient,
} from './training-scope.ts'

/**
 * Batch normalisation with batch statistics, and the activation behind it.
 * With s = γ/d and d = √(σ² + ε): y = activation(s·x + (β − s·μ)). Over m elements a channel the gradient needs two
 * sums, Σdz and Σdz·x, and then is dx = s·dz + k₁·x + k₀ with dγ = (Σdz·x − μ·Σdz)/d, k₁ = −(s/m)·dγ/d and
 * k₀ = −(s/m)·Σdz − k₁·μ (Ioffe and Szegedy 2015, regrouped).
 */
export function emitBatchNorm(
  scope: TrainingScope,
  node: RuleInput<'batchNorm'>,
  activation: FusedActivation,
): Emission {
  const { emitter, lanes, groups } = scope
  const x = node.inputs[0]!
  const channels = groups * channelsOf(node.shape)
  const count = lanes.batch * pixelsOf(node.shape)
  const size = { channels, columns: count }
  const mul = (a: Value, b: Value): Value => emitter.node('Mul', [a, b])
  const sub = (a: Value, b: Value): Value => emitter.node('Sub', [a, b])

  const mean = meanRows(scope, x, channels)
  const meanSquare = lanes.dotRows(x, x, size, 1 / count)
  const { deviation, scale, shift } = normalise(scope, node, mean, sub(meanSquare, mul(mean, mean)), channels)
  const output = lanes.scaleRows(x, scale, size, { bias: shift, activation })

  return {
    output,
    pullback: (dy) => {
      const dz = throughActivation(scope, activation, dy, output)
      const sum = sumRows(scope, dz, channels)
      const dGamma = emitter.node('Div', [sub(lanes.dotRows(dz, x, size), mul(mean, sum)), deviation])
      writeGradient(scope, node.id, 'gamma', dGamma)
      writeGradient(scope, node.id, 'beta', sum)
      if (!node.needed[0]) return [undefined]
      const share = mul(scale, emitter.filled(-1 / count, [1, 1]))
      const k1 = mul(share, emitter.node('Div', [dGamma, deviation]))
      const k0 = sub(mul(share, sum), mul(k1, mean))
      const correction = lanes.scaleRows(x, k1, size, { bias: k0 })
      return [lanes.scaleRows(dz, scale, size, { sum: correction })]
    },
  }
}
