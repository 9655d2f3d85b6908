import { failure } from '../../lib/errors.ts'
import { initialWeights } from '../training/initial-weights.ts'
import { onnxEngine } from '../training/onnx/engine.ts'
import { gradientRecipe, type ZeroCostScore } from './score.ts'

/** A large rate, so that rounding the moved weights costs no precision of the gradient. */
const RATE = 1024

/** Sum over the weights of the Euclidean norms of their gradients on one batch (Abdelfattah et al. 2021). */
export const gradientNorm: ZeroCostScore = {
  id: 'gradient-norm',
  title: 'gradient norm of one batch',
  async compute(graph, { inputs, labels }, random) {
    const program = await onnxEngine.compile(graph, gradientRecipe(labels.length))
    try {
      const before = initialWeights(graph, random)
      await program.writeWeights(before)
      await program.step(inputs, labels, RATE)
      let score = 0
      for (const [name, after] of await program.readWeights()) {
        // Running statistics are no weights: nothing is learnt of them.
        if (/\/moving(Mean|Variance)$/.test(name)) continue
        const old = before.get(name)!
        score += Math.sqrt(after.reduce((sum, value, i) => sum + ((old[i]! - value) / RATE) ** 2, 0))
      }
      return Number.isFinite(score) ? score : failure('non-finite-objective', 'a gradient is not finite')
    } finally {
      await program.dispose()
    }
  },
}
