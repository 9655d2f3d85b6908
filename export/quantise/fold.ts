import type { WeightRole, Weights } from '../../network/types.ts'
import type { LevelKernel } from './lowering.ts'

/** Float weights of a kernel after batch norm went into them. Weights as in `WeightSpec`; a bias for each output channel. */
export interface FoldedWeights {
  readonly weights: Float64Array
  readonly bias: Float64Array
}

/**
 * Folds batch norms into the weights before them: w' = w · γ ÷ √(σ² + ε), b' = (b − μ) · γ ÷ √(σ² + ε) + β. A batch norm
 * that stands alone becomes a depthwise 1×1 kernel.
 * @param prefix of the weights' names: empty, or the path of the expert.
 */
export function foldWeights(kernel: LevelKernel, weights: Weights, prefix: string): FoldedWeights {
  const { node, batchNorms } = kernel
  const channels = node.shape.at(-1)!
  const read = (id: string, role: WeightRole): Float32Array => weights.get(`${prefix}${id}/${role}`)!
  const alone = node.op.kind === 'batchNorm'
  const folded = alone ? new Float64Array(channels).fill(1) : Float64Array.from(read(node.id, 'kernel'))
  const bias = new Float64Array(channels)
  if ('bias' in node.op && node.op.bias) bias.set(read(node.id, 'bias'))
  const perChannel = folded.length / channels
  for (const { id, op } of alone ? [node] : batchNorms) {
    if (op.kind !== 'batchNorm') continue
    const [gamma, beta] = [read(id, 'gamma'), read(id, 'beta')]
    const [mean, variance] = [read(id, 'movingMean'), read(id, 'movingVariance')]
    for (let c = 0; c < channels; c++) {
      const factor = gamma[c]! / Math.sqrt(variance[c]! + op.epsilon)
      for (let i = c * perChannel; i < (c + 1) * perChannel; i++) folded[i]! *= factor
      bias[c] = (bias[c]! - mean[c]!) * factor + beta[c]!
    }
  }
  return { weights: folded, bias }
}
