import { insideMask, positiveMask } from './activations.ts'
import type { FusedActivation } from './batch-lanes.ts'
import { FUSED_DOMAIN, type Value } from './emitter.ts'
import {
  channelsOf,
  type Emission,
  pixelsOf,
  type RuleInput,
  readWeight,
  sumRows,
  type TrainingScope,
  writeGradient,
  writeStatistic,
} from './training-scope.ts'

/** Σ a·b along each row, times `factor`, `[rows, 1]`: as one matrix product per row the runtime reads each operand once. */
export function dotRows({ emitter }: TrainingScope, a: Value, b: Value, rows: number, factor = 1): Value {
  const product = emitter.node('FusedMatMul', [emitter.reshape(a, [rows, 1, -1]), emitter.reshape(b, [rows, 1, -1])], {
    domain: FUSED_DOMAIN,
    attributes: { transB: 1n, alpha: factor },
  })
  return emitter.reshape(product, [rows, 1])
}

/**
 * Batch normalisation with batch statistics and the activation behind it.
 * With s = γ / √(σ² + ε): y = activation(s·x + (β − s·μ)). The gradient needs two sums, Σdz and Σdz·x, and then is
 * dx = s·dz + k₁·x + k₀ with k₁ = −s·dγ / (m·√(σ² + ε)) and k₀ = −s·Σdz / m − k₁·μ (Ioffe and Szegedy 2015, regrouped).
 */
export function emitBatchNorm(
  scope: TrainingScope,
  node: RuleInput<'batchNorm'>,
  activation: FusedActivation,
): Emission {
  const { emitter, lanes, groups } = scope
  const x = node.inputs[0]!
  const rows = groups * channelsOf(node.shape)
  const pixels = pixelsOf(node.shape)
  const count = lanes.batch * pixels
  const mul = (a: Value, b: Value): Value => emitter.node('Mul', [a, b])

  const mean = emitter.node('ReduceMean', [x], { attributes: { axes: [1n], keepdims: 1n } })
  const meanSquare = dotRows(scope, x, x, rows, 1 / count)
  // Rounding may leave a tiny negative number.
  const variance = emitter.node('Relu', [emitter.node('Sub', [meanSquare, mul(mean, mean)])])
  writeStatistic(scope, node.id, 'movingMean', mean)
  writeStatistic(scope, node.id, 'movingVariance', variance)
  const deviation = emitter.node('Sqrt', [emitter.node('Add', [variance, emitter.scalar(node.op.epsilon)])])
  const inverse = emitter.node('Reciprocal', [deviation])
  const scale = mul(emitter.reshape(readWeight(scope, node.id, 'gamma'), [rows, 1]), inverse)
  const beta = emitter.reshape(readWeight(scope, node.id, 'beta'), [rows, 1])
  const shift = emitter.node('Sub', [beta, mul(mean, scale)])
  const sampleScale = lanes.repeat(scale, rows)
  const output = lanes.scaleSamples(x, sampleScale, rows, pixels, { bias: lanes.repeat(shift, rows), activation })

  return {
    output,
    pullback: (dy) => {
      const dz =
        activation === 'none'
          ? dy
          : mul(dy, activation === 'relu' ? positiveMask(emitter, output) : insideMask(emitter, output, 0, 6))
      const sum = sumRows(scope, dz)
      const dot = dotRows(scope, dz, x, rows)
      const dGamma = mul(inverse, emitter.node('Sub', [dot, mul(mean, sum)]))
      writeGradient(scope, node.id, 'gamma', dGamma)
      writeGradient(scope, node.id, 'beta', sum)
      if (!node.needed[0]) return [undefined]
      const scalePerCount = mul(scale, emitter.scalar(-1 / count))
      const k1 = mul(scalePerCount, mul(inverse, dGamma))
      const k0 = emitter.node('Sub', [mul(scalePerCount, sum), mul(k1, mean)])
      const correction = lanes.scaleSamples(x, lanes.repeat(k1, rows), rows, pixels, { bias: lanes.repeat(k0, rows) })
      return [lanes.scaleSamples(dz, sampleScale, rows, pixels, { sum: correction })]
    },
  }
}
