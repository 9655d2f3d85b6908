import type { Distillation } from '../engine.ts'
import type { OnnxEmitter, Value } from './emitter.ts'

export interface LossEmission {
  /** Mean loss, `[1]`. */
  readonly loss: Value
  /** Samples whose largest logit is the label, `[1]`. */
  readonly correct: Value
  /** Gradient of the loss by the logits, `[classes, batch]`. */
  readonly gradient: Value
}

/** A teacher's logits `[batch, classes]`, and how much they count. */
export interface Teacher extends Distillation {
  readonly logits: Value
}

/**
 * Softmax cross entropy of logits `[classes, batch]` against int32 labels `[batch]`. Label smoothing ε makes the target
 * 1 − ε + ε / classes for the label and ε / classes for the others (Szegedy et al. 2016).
 * With a teacher the loss is (1 − α)·CE + α·T²·KL(softmax(teacher / T) ‖ softmax(logits / T)) (Hinton et al. 2015).
 */
export function emitLoss(
  emitter: OnnxEmitter,
  logits: Value,
  labels: Value,
  size: { readonly classes: number; readonly batch: number },
  smoothing: number,
  teacher?: Teacher,
): LossEmission {
  const { classes, batch } = size
  const toFloat = { attributes: { to: 1n } }
  const mul = (a: Value, factor: number): Value => emitter.node('Mul', [a, emitter.scalar(factor)])
  const rows = emitter.transpose(logits, [1, 0])
  const logShares = emitter.node('LogSoftmax', [rows], { attributes: { axis: 1n } })
  const classNumbers = emitter.initializer('classNumbers', {
    type: 'int32',
    dims: [1, classes],
    data: Int32Array.from({ length: classes }, (_, index) => index),
  })
  const isLabel = emitter.node('Equal', [emitter.reshape(labels, [batch, 1]), classNumbers])
  const sharp = mul(emitter.node('Cast', [isLabel], toFloat), 1 - smoothing)
  const target = emitter.node('Add', [sharp, emitter.scalar(smoothing / classes)])
  const overlap = emitter.node('ReduceSum', [emitter.node('Mul', [target, logShares])], {
    attributes: { keepdims: 0n },
  })
  const guess = emitter.node('ArgMax', [rows], { attributes: { axis: 1n, keepdims: 0n } })
  const hits = emitter.node('Equal', [emitter.node('Cast', [guess], { attributes: { to: 6n } }), labels])
  const correct = emitter.node('ReduceSum', [emitter.node('Cast', [hits], toFloat)], { attributes: { keepdims: 0n } })
  const difference = emitter.node('Sub', [emitter.node('Exp', [logShares]), target])
  const own = { loss: mul(overlap, -1 / batch), gradient: mul(difference, 1 / batch) }
  const { loss, gradient } = teacher === undefined ? own : mixWithTeacher(emitter, own, rows, teacher, batch)
  return {
    loss: emitter.reshape(loss, [1]),
    correct: emitter.reshape(correct, [1]),
    gradient: emitter.transpose(gradient, [1, 0]),
  }
}

interface LossParts {
  readonly loss: Value
  /** By the logits, `[batch, classes]`. */
  readonly gradient: Value
}

/** The gradient of T²·KL by the logits is T·(softmax(logits / T) − softmax(teacher / T)). */
function mixWithTeacher(
  emitter: OnnxEmitter,
  own: LossParts,
  logits: Value,
  { logits: answers, weight, temperature }: Teacher,
  batch: number,
): LossParts {
  const mul = (a: Value, factor: number): Value => emitter.node('Mul', [a, emitter.scalar(factor)])
  const softened = (value: Value): Value =>
    emitter.node('LogSoftmax', [mul(value, 1 / temperature)], { attributes: { axis: 1n } })
  const [student, teacher] = [softened(logits), softened(answers)]
  const shares = emitter.node('Exp', [teacher])
  const gaps = emitter.node('Mul', [shares, emitter.node('Sub', [teacher, student])])
  const divergence = emitter.node('ReduceSum', [gaps], { attributes: { keepdims: 0n } })
  const pull = emitter.node('Sub', [emitter.node('Exp', [student]), shares])
  const mixed = (a: Value, b: Value, factor: number): Value =>
    emitter.node('Add', [mul(a, 1 - weight), mul(b, (weight * factor) / batch)])
  return {
    loss: mixed(own.loss, divergence, temperature ** 2),
    gradient: mixed(own.gradient, pull, temperature),
  }
}
