import type { OpOf } from '../../../network/types.ts'
import type { FusedActivation } from './batch-lanes.ts'
import type { Value } from './emitter.ts'
import { normalise, throughActivation } from './normalisation.ts'
import { type ProductSize, product, productSize, productWithEpilogue } from './product.ts'
import {
  channelsOf,
  type Emission,
  meanRows,
  pixelsOf,
  type RuleInput,
  readWeight,
  sumRows,
  type TrainingScope,
  writeGradient,
} from './training-scope.ts'

/**
 * Whether folding pays: it replaces about ten passes over the outputs by two products with an inputs × inputs matrix.
 * Measured; see docs/decisions/0002-training-step-layout.md.
 */
export const foldingPays = (inputs: number, outputs: number): boolean => inputs * inputs <= 8 * outputs

/** A batch norm as the network describes it. */
export interface NormNode {
  readonly id: string
  readonly op: OpOf<'batchNorm'>
}

/**
 * A pointwise convolution, its batch normalisation and activation as one product. The statistics of y = W·x follow from
 * those of x: mean Wμ and variance diag(W·C·Wᵀ), C the covariance of x. So the scale is folded into the weights before
 * the product, and y itself is never stored. The gradient needs, beside dz, only G = dz·xᵀ − Σdz·μᵀ:
 * dγ = rowsum(G∘W)/d, dW = s∘(G − (dγ/d)∘W·C) and dx = (s∘W)ᵀdz + B(x − μ) − Wᵀ(s·Σdz)/m, with
 * B = (k₁∘W)ᵀW, k₁ = −(s/m)·dγ/d; the letters are those of `emitBatchNorm`.
 */
export function emitProductBatchNorm(
  scope: TrainingScope,
  conv: RuleInput<'conv2d'>,
  norm: NormNode,
  activation: FusedActivation,
): Emission {
  const { emitter, lanes } = scope
  const x = conv.inputs[0]!
  const channels = { outputs: conv.op.filters, inputs: channelsOf(conv.inputShapes[0]!) }
  const size: ProductSize = productSize(scope, conv.sharedInput, channels)
  const { groups, inputs, outputs } = size
  const rows = groups * outputs
  const width = lanes.batch * pixelsOf(conv.shape)
  const mul = (a: Value, b: Value): Value => emitter.node('Mul', [a, b])
  const sub = (a: Value, b: Value): Value => emitter.node('Sub', [a, b])
  const sumOfRows = (matrix: Value): Value => sumRows(scope, matrix, rows)

  const weights = emitter.reshape(readWeight(scope, conv.id, 'kernel'), [rows, inputs])
  const inputMean = meanRows(scope, x, groups * inputs)
  const perInput = { a: inputs, b: inputs, result: inputs, columns: inputs }
  const gram = mul(product(scope, groups, x, x, perInput, 'b'), emitter.filled(1 / width, [1, 1]))
  const meanSquare = product(scope, groups, inputMean, inputMean, perInput, 'b')
  const covariance = sub(gram, meanSquare)
  const mean = product(scope, groups, weights, inputMean, { a: outputs, b: inputs, result: outputs, columns: 1 })
  const spread = product(scope, groups, weights, covariance, {
    a: outputs,
    b: inputs,
    result: outputs,
    columns: inputs,
  })
  const { deviation, scale, shift } = normalise(scope, norm, mean, sumOfRows(mul(spread, weights)), rows)
  const scaledWeights = mul(weights, scale)
  const output = productWithEpilogue(scope, scaledWeights, x, size, width, { bias: shift, activation })

  return {
    output,
    pullback: (dy) => {
      const dz = throughActivation(scope, activation, dy, output)
      const sum = sumOfRows(dz)
      const perWeight = { a: outputs, b: inputs, result: outputs, columns: inputs }
      const raw = product(scope, groups, dz, x, perWeight, 'b')
      const centre = product(scope, groups, sum, inputMean, perWeight, 'b')
      const centred = sub(raw, centre)
      const dGamma = emitter.node('Div', [sumOfRows(mul(centred, weights)), deviation])
      const slope = emitter.node('Div', [dGamma, deviation])
      writeGradient(scope, norm.id, 'gamma', dGamma)
      writeGradient(scope, norm.id, 'beta', sum)
      writeGradient(scope, conv.id, 'kernel', mul(sub(centred, mul(spread, slope)), scale))
      if (!conv.needed[0]) return [undefined]

      const share = mul(scale, emitter.filled(-1 / width, [1, 1]))
      const perOutput = { a: outputs, b: outputs, result: inputs, columns: inputs }
      const back = product(scope, groups, mul(weights, mul(share, slope)), weights, perOutput, 'a')
      const constant = sub(
        product(scope, groups, weights, mul(share, sum), { ...perOutput, columns: 1 }, 'a'),
        product(scope, groups, back, inputMean, { ...perInput, columns: 1 }),
      )
      const direct = product(scope, groups, scaledWeights, dz, { ...perOutput, columns: width }, 'a')
      const square = { groups, inputs, outputs: inputs }
      return [productWithEpilogue(scope, back, x, square, width, { bias: constant, sum: direct })]
    },
  }
}
