import type { Recipe } from '../engine.ts'
import type { OnnxEmitter, Value } from './emitter.ts'
import type { WeightLayout } from './parameters.ts'

export interface OptimiserState {
  /** All trained weights, flat. */
  readonly weights: Value
  /** What the optimiser keeps between steps: its vectors one behind the other, all 0 at first. */
  readonly momentum: Value
}

interface OptimiserInput extends OptimiserState {
  readonly gradient: Value
  readonly learningRate: Value
}

/** One optimiser: how much it keeps, and how it writes one update of the flat weights. */
interface OptimiserRule {
  /** Vectors as long as the trained weights. */
  readonly vectors: number
  readonly emit: (emitter: OnnxEmitter, recipe: Recipe, layout: WeightLayout, input: OptimiserInput) => OptimiserState
}

/** The weight decay of each weight: kernels shrink, biases and batch norm do not. */
function decayRates(emitter: OnnxEmitter, recipe: Recipe, layout: WeightLayout): Value {
  const decay = new Float32Array(layout.trainedElements)
  for (const pack of layout.trained) {
    if (pack.role === 'kernel') decay.fill(recipe.weightDecay, pack.offset, pack.offset + pack.elements)
  }
  return emitter.initializer('weightDecay', { type: 'float32', dims: [decay.length], data: decay })
}

/** SGD with momentum: v ← momentum·v + g + decay·w, w ← w − rate·v. */
const sgd: OptimiserRule = {
  vectors: 1,
  emit: (emitter, recipe, layout, { weights, momentum: velocity, gradient, learningRate }) => {
    const mul = (a: Value, b: Value): Value => emitter.node('Mul', [a, b])
    let force = gradient
    if (recipe.weightDecay > 0) {
      const rates = decayRates(emitter, recipe, layout)
      force = emitter.node('Add', [gradient, mul(weights, rates)])
    }
    const momentum = emitter.node('Add', [mul(velocity, emitter.scalar(recipe.momentum)), force])
    return { momentum, weights: emitter.node('Sub', [weights, mul(momentum, learningRate)]) }
  },
}

const DEFAULT_SQUARE_MOMENTUM = 0.999
const ADAM_EPSILON = 1e-8

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2): m ← β₁m + (1 − β₁)g, s ← β₂s + (1 − β₂)g², and
 * w ← w − rate·(m̂ / (√ŝ + ε) + decay·w), with m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ). The divisors follow the same
 * recursion as the averages, with 1 in place of the gradient; they are kept per weight, so that a weight written from
 * outside starts again at t = 0 while the others go on. Vectors: m, s and their divisors.
 */
const adamw: OptimiserRule = {
  vectors: 4,
  emit: (emitter, recipe, layout, { weights, momentum, gradient, learningRate }) => {
    const node = (type: string, ...inputs: readonly Value[]): Value => emitter.node(type, inputs)
    const size = layout.trainedElements
    const kept = emitter.nodes('Split', [momentum, emitter.integers([size, size, size, size])], 4, {
      attributes: { axis: 0n },
    })
    const decayed = (old: Value, rate: number, added: Value): Value =>
      node('Add', node('Mul', old, emitter.scalar(rate)), added)
    const average = (old: Value, value: Value, rate: number): Value =>
      decayed(old, rate, node('Mul', value, emitter.scalar(1 - rate)))
    const averageOfOnes = (old: Value, rate: number): Value => decayed(old, rate, emitter.scalar(1 - rate))
    const { momentum: rate, squareMomentum: squareRate = DEFAULT_SQUARE_MOMENTUM } = recipe
    const mean = average(kept[0]!, gradient, rate)
    const square = average(kept[1]!, node('Mul', gradient, gradient), squareRate)
    const meanShare = averageOfOnes(kept[2]!, rate)
    const squareShare = averageOfOnes(kept[3]!, squareRate)
    const deviation = node('Add', node('Sqrt', node('Div', square, squareShare)), emitter.scalar(ADAM_EPSILON))
    let change = node('Div', node('Div', mean, meanShare), deviation)
    if (recipe.weightDecay > 0) change = node('Add', change, node('Mul', weights, decayRates(emitter, recipe, layout)))
    return {
      momentum: emitter.node('Concat', [mean, square, meanShare, squareShare], { attributes: { axis: 0n } }),
      weights: node('Sub', weights, node('Mul', change, learningRate)),
    }
  },
}

export const OPTIMISER_RULES: Readonly<Record<Recipe['optimiser'], OptimiserRule>> = { sgd, adamw }

/** g · limit / max(‖g‖, limit), the norm taken over all weights (Pascanu et al. 2013); g itself without a limit. */
export function clipByNorm(emitter: OnnxEmitter, gradient: Value, limit: number | undefined): Value {
  if (limit === undefined) return gradient
  const norm = emitter.node('ReduceL2', [gradient], { attributes: { axes: [0n], keepdims: 1n } })
  const divisor = emitter.node('Max', [norm, emitter.scalar(limit)])
  return emitter.node('Mul', [gradient, emitter.node('Div', [emitter.scalar(limit), divisor])])
}

/** running ← m·running + (1 − m)·batch, on all running statistics at once. */
export function emitRunningStatistics(emitter: OnnxEmitter, momentum: number, running: Value, batch: Value): Value {
  const kept = emitter.node('Mul', [running, emitter.scalar(momentum)])
  return emitter.node('Add', [kept, emitter.node('Mul', [batch, emitter.scalar(1 - momentum)])])
}
