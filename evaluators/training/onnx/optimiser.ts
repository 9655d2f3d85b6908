import type { Recipe } from '../engine.ts'
import type { OnnxEmitter, Value } from './emitter.ts'
import type { WeightLayout } from './parameters.ts'

export interface OptimiserState {
  /** All trained weights and their momentum, flat. */
  readonly weights: Value
  readonly momentum: Value
}

/**
 * SGD with momentum on the flat weights: v ← momentum·v + g + decay·w, w ← w − rate·v; the decay only on kernels.
 */
export function emitSgd(
  emitter: OnnxEmitter,
  recipe: Recipe,
  layout: WeightLayout,
  state: OptimiserState,
  gradient: Value,
  learningRate: Value,
): OptimiserState {
  const mul = (a: Value, b: Value): Value => emitter.node('Mul', [a, b])
  let force = gradient
  if (recipe.weightDecay > 0) {
    const decay = new Float32Array(layout.trainedElements)
    for (const pack of layout.trained) {
      if (pack.role === 'kernel') decay.fill(recipe.weightDecay, pack.offset, pack.offset + pack.elements)
    }
    const rates = emitter.initializer('weightDecay', { type: 'float32', dims: [decay.length], data: decay })
    force = emitter.node('Add', [gradient, mul(state.weights, rates)])
  }
  const momentum = emitter.node('Add', [mul(state.momentum, emitter.scalar(recipe.momentum)), force])
  return { momentum, weights: emitter.node('Sub', [state.weights, mul(momentum, learningRate)]) }
}

/** running ← m·running + (1 − m)·batch, on all running statistics at once. */
export function emitRunningStatistics(emitter: OnnxEmitter, momentum: number, running: Value, batch: Value): Value {
  const kept = emitter.node('Mul', [running, emitter.scalar(momentum)])
  return emitter.node('Add', [kept, emitter.node('Mul', [batch, emitter.scalar(1 - momentum)])])
}
