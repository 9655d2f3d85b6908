import { agreeingWeightScale, productFactor } from './agreement.ts'
import { clampTo, INT8_MAX, INT8_MIN, quantiseMultiplier, roundAway } from './fixed-point.ts'
import type { FoldedWeights } from './fold.ts'
import type { Clamp, FusedActivation, Quantisation, QuantisedConv } from './types.ts'

/** Biases keep a bit of room for the sum of products. */
const BIAS_LIMIT = 2 ** 30

type Weighted = Pick<
  QuantisedConv,
  'weights' | 'weightScales' | 'bias' | 'multipliers' | 'shifts' | 'clamp' | 'activation'
>

/** Bounds of a fused activation on the output's int8 scale (TFLite's CalculateActivationRangeQuantized). */
export function clampOf(activation: FusedActivation, { scale, zeroPoint }: Quantisation): Clamp {
  if (activation === 'none') return [INT8_MIN, INT8_MAX]
  const high = activation === 'relu6' ? Math.min(INT8_MAX, zeroPoint + roundAway(6 / scale)) : INT8_MAX
  return [zeroPoint, high]
}

/**
 * Quantises folded weights: symmetric, one scale a channel (or one in all), biases to 32 bits.
 * @param place puts element i of channel c, as `WeightSpec` orders them, at its position in the kernel's own layout.
 */
export function quantiseWeights(
  { weights, bias }: FoldedWeights,
  options: {
    readonly perChannel: boolean
    readonly input: Quantisation
    readonly output: Quantisation
    readonly activation: FusedActivation
    readonly place: (channel: number, element: number) => number
  },
): Weighted {
  const { perChannel, input, output, activation, place } = options
  const channels = bias.length
  const size = weights.length / channels
  const ofChannel = Float32Array.from({ length: channels }, (_, c) =>
    weightScale(weights.subarray(c * size, (c + 1) * size), bias[c]!, input.scale),
  )
  const clamp = clampOf(activation, output)
  const weightScales = (perChannel ? ofChannel : Float32Array.of(ofChannel.reduce((a, b) => Math.max(a, b)))).map(
    (scale) => agreeingWeightScale(scale, input, output, clamp, !perChannel),
  )
  const quantised = new Int8Array(weights.length)
  const biases = new Int32Array(channels)
  for (let c = 0; c < channels; c++) {
    const scale = weightScales[perChannel ? c : 0]!
    for (let i = 0; i < size; i++) {
      quantised[place(c, i)] = clampTo(roundAway(weights[c * size + i]! / scale), -INT8_MAX, INT8_MAX)
    }
    biases[c] = clampTo(roundAway(bias[c]! / Math.fround(input.scale * scale)), -BIAS_LIMIT, BIAS_LIMIT)
  }
  const factors = Array.from(weightScales, (scale) =>
    quantiseMultiplier(productFactor(input.scale, scale, output.scale, !perChannel)),
  )
  return {
    weights: quantised,
    weightScales,
    bias: biases,
    multipliers: Int32Array.from(factors, ({ multiplier }) => multiplier),
    shifts: Int32Array.from(factors, ({ shift }) => shift),
    clamp,
    activation,
  }
}

/** Largest weight ÷ 127, or more where the bias would not fit 32 bits otherwise; 1 for a channel of zeros. */
function weightScale(weights: Float64Array, bias: number, inputScale: number): number {
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0)
  return Math.max(largest / INT8_MAX, Math.abs(bias) / (inputScale * BIAS_LIMIT)) || 1
}
