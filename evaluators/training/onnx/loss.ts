import type { OnnxEmitter, Value } from './emitter.ts'

export interface LossEmission {
  /** Mean loss, `[1]`. */
  readonly loss: Value
  /** Samples whose largest logit is the label, `[1]`. */
  readonly correct: Value
  /** Gradient of the loss by the logits, `[classes, batch]`. */
  readonly gradient: Value
}

/**
 * Softmax cross entropy of logits `[classes, batch]` against int32 labels `[batch]`. Label smoothing ε makes the target
 * 1 − ε + ε / classes for the label and ε / classes for the others (Szegedy et al. 2016).
 */
export function emitLoss(
  emitter: OnnxEmitter,
  logits: Value,
  labels: Value,
  size: { readonly classes: number; readonly batch: number },
  smoothing: number,
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
  return {
    loss: emitter.reshape(mul(overlap, -1 / batch), [1]),
    correct: emitter.reshape(correct, [1]),
    gradient: emitter.transpose(mul(difference, 1 / batch), [1, 0]),
  }
}
