import type { Tensor } from '@tensorflow/tfjs-core'
import type { Recipe } from '../engine.ts'
import type { Tensorflow } from './scope.ts'

/** One weight before an update. */
interface UpdateInput {
  readonly weight: Tensor
  /** What the optimiser keeps of it between steps: 0 everywhere at first. */
  readonly kept: readonly Tensor[]
  readonly gradient: Tensor
  readonly learningRate: number
  /** Of this weight: 0 for all but kernels. */
  readonly decay: number
}

interface OptimiserRule {
  /** Tensors of the weight's shape that are kept between steps. */
  readonly kept: number
  readonly update: (
    tf: Tensorflow,
    recipe: Recipe,
    input: UpdateInput,
  ) => { readonly weight: Tensor; readonly kept: readonly Tensor[] }
}

/** SGD with momentum: v ← momentum·v + g + decay·w, w ← w − rate·v. */
const sgd: OptimiserRule = {
  kept: 1,
  update: (tf, recipe, { weight, kept, gradient, learningRate, decay }) => {
    const force = decay > 0 ? tf.add(gradient, tf.mul(weight, decay)) : gradient
    const velocity = tf.add(tf.mul(kept[0]!, recipe.momentum), force)
    return { weight: tf.sub(weight, tf.mul(velocity, learningRate)), kept: [velocity] }
  },
}

const DEFAULT_SQUARE_MOMENTUM = 0.999
const ADAM_EPSILON = 1e-8

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2): m ← β₁m + (1 − β₁)g, s ← β₂s + (1 − β₂)g², and
 * w ← w − rate·(m̂ / (√ŝ + ε) + decay·w). The averages are divided by those of ones, which is 1 − βᵗ and starts again
 * with a written weight.
 */
const adamw: OptimiserRule = {
  kept: 4,
  update: (tf, recipe, { weight, kept, gradient, learningRate, decay }) => {
    const { momentum: rate, squareMomentum: squareRate = DEFAULT_SQUARE_MOMENTUM } = recipe
    const average = (old: Tensor, value: Tensor | number, share: number): Tensor =>
      tf.add(tf.mul(old, share), tf.mul(value, 1 - share))
    const mean = average(kept[0]!, gradient, rate)
    const square = average(kept[1]!, tf.square(gradient), squareRate)
    const meanShare = average(kept[2]!, 1, rate)
    const squareShare = average(kept[3]!, 1, squareRate)
    const deviation = tf.add(tf.sqrt(tf.div(square, squareShare)), ADAM_EPSILON)
    const change = tf.div(tf.div(mean, meanShare), deviation)
    const decayed = decay > 0 ? tf.add(change, tf.mul(weight, decay)) : change
    return {
      weight: tf.sub(weight, tf.mul(decayed, learningRate)),
      kept: [mean, square, meanShare, squareShare],
    }
  },
}

export const OPTIMISER_RULES: Readonly<Record<Recipe['optimiser'], OptimiserRule>> = { sgd, adamw }

/** The gradients scaled down to a Euclidean norm of `limit` over all of them where it is larger (Pascanu et al. 2013). */
export function clipByNorm(tf: Tensorflow, gradients: readonly Tensor[], limit: number | undefined): readonly Tensor[] {
  if (limit === undefined) return gradients
  const norm = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))))
  const factor = tf.div(limit, tf.maximum(norm, limit))
  return gradients.map((gradient) => tf.mul(gradient, factor))
}
