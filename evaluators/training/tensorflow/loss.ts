import type { Tensor, Tensor1D } from '@tensorflow/tfjs-core'
import type { Distillation } from '../engine.ts'
import type { Tensorflow } from './scope.ts'

/**
 * Mean softmax cross entropy of logits `[batch, classes]` against int32 labels `[batch]`. Label smoothing ε makes the
 * target 1 − ε + ε / classes for the label and ε / classes for the others (Szegedy et al. 2016).
 */
export function crossEntropy(tf: Tensorflow, logits: Tensor, labels: Tensor1D, smoothing: number): Tensor {
  const classes = logits.shape[1]!
  const sharp = tf.cast(tf.oneHot(labels, classes), 'float32')
  const target = tf.add(tf.mul(sharp, 1 - smoothing), smoothing / classes)
  return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits)), 1)))
}

/**
 * T²·KL(softmax(teacher / T) ‖ softmax(logits / T)), the mean over a batch of logits `[batch, classes]`
 * (Hinton et al. 2015).
 */
export function divergence(tf: Tensorflow, logits: Tensor, teacher: Tensor, { temperature }: Distillation): Tensor {
  const [student, expected] = [tf.logSoftmax(tf.div(logits, temperature)), tf.logSoftmax(tf.div(teacher, temperature))]
  const gaps = tf.mul(tf.exp(expected), tf.sub(expected, student))
  return tf.mul(tf.mean(tf.sum(gaps, 1)), temperature ** 2)
}

/** Samples whose largest logit is the label. */
export const countCorrect = (tf: Tensorflow, logits: Tensor, labels: Tensor1D): Tensor =>
  tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'))
