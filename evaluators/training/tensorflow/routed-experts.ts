import type { Tensor } from '@tensorflow/tfjs-core'
import type { Tensorflow, TensorflowRule } from './scope.ts'

/** Ones where the gates `[batch, experts]` are among the largest `topK`, of equal ones the first; a constant for the way back. */
function topKMask(tf: Tensorflow, gates: Tensor, experts: number, topK: number): Tensor {
  // TensorFlow.js has no one-hot vectors of one element.
  if (topK === experts) return tf.onesLike(gates)
  const constant = tf.customGrad((x) => ({
    value: tf.cast(tf.sum(tf.oneHot(tf.topk(x as Tensor, topK).indices, experts), 1), 'float32'),
    gradFunc: () => [tf.zerosLike(gates)],
  }))
  return constant(gates)
}

/**
 * Mixture of experts: all run on the whole batch, and what they give is weighted by the gates of the chosen ones,
 * renormalised where several are. Load-balancing loss: E·Σ f·P (Fedus et al. 2021, equation 4) with f the share of the
 * batch's assignments that went to an expert and P its mean gate.
 */
export const routedExperts: TensorflowRule<'routedExperts'> = ({ tf, training }, { op, inputs, shape, body }) => {
  const { experts, topK } = op
  const [features, gates] = inputs as readonly [Tensor, Tensor]
  const mask = topKMask(tf, gates, experts, topK)
  const chosen = tf.mul(gates, mask)
  const shares = topK === 1 ? chosen : tf.div(chosen, tf.sum(chosen, 1, true))
  if (training !== undefined) {
    const load = tf.div(tf.mean(mask, 0), topK)
    const balance = tf.sum(tf.mul(load, tf.mean(gates, 0)))
    training.addLoss(tf.mul(balance, training.loadBalancing * experts))
  }
  const everywhere = shape.map(() => 1)
  // TensorFlow.js cannot differentiate a split into one part.
  const parts = experts === 1 ? [shares] : tf.split(shares, experts, 1)
  return parts
    .map((share, expert) => tf.mul(body(op.body, expert, features), tf.reshape(share, [-1, ...everywhere])))
    .reduce((sum, part) => tf.add(sum, part))
}
