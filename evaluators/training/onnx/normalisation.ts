import { insideMask, positiveMask } from './activations.ts'
import type { FusedActivation } from './batch-lanes.ts'
import type { Value } from './emitter.ts'
import { readWeight, type TrainingScope, writeStatistic } from './training-scope.ts'

/** What batch normalisation of some channels comes to: z = scale·x + shift. All `[channels, 1]`. */
export interface Normalisation {
  /** √(variance + ε) */
  readonly deviation: Value
  /** γ / deviation */
  readonly scale: Value
  /** β − mean·scale */
  readonly shift: Value
}

/** Reports the statistics of a batch and joins them with the trained scale γ and shift β of batch norm `id`. */
export function normalise(
  scope: TrainingScope,
  { id, op }: { readonly id: string; readonly op: { readonly epsilon: number } },
  mean: Value,
  roughVariance: Value,
  channels: number,
): Normalisation {
  const { emitter } = scope
  // Rounding may leave a tiny negative number.
  const variance = emitter.node('Relu', [roughVariance])
  writeStatistic(scope, id, 'movingMean', mean)
  writeStatistic(scope, id, 'movingVariance', variance)
  const gamma = emitter.reshape(readWeight(scope, id, 'gamma'), [channels, 1])
  const beta = emitter.reshape(readWeight(scope, id, 'beta'), [channels, 1])
  const deviation = emitter.node('Sqrt', [emitter.node('Add', [variance, emitter.filled(op.epsilon, [1, 1])])])
  const scale = emitter.node('Div', [gamma, deviation])
  const shift = emitter.node('Sub', [beta, emitter.node('Mul', [mean, scale])])
  return { deviation, scale, shift }
}

/** Gradient before an activation, from the gradient behind it and what the activation gave. */
export function throughActivation(
  { emitter }: TrainingScope,
  activation: FusedActivation,
  dy: Value,
  output: Value,
): Value {
  if (activation === 'none') return dy
  const mask = activation === 'relu' ? positiveMask(emitter, output) : insideMask(emitter, output, 0, 6)
  return emitter.node('Mul', [dy, mask])
}
