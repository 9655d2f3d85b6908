import { fourBitScale, INT4_MAX } from '../../network/four-bits.ts'
import { agreeingWeightScale, productFactor } from './agreement.ts'
import { clampTo, INT8_MAX, INT8_MIN, quantiseMultiplier, roundAway } from './fixed-point.ts'
import type { FoldedWeights } from './fold.ts'
import type { Clamp, FusedActivation, Quantisation, QuantisedConv } from './types.ts'

/** Biases keep a bit of room for the sum of products. */
const BIAS_LIMIT = 2 ** 30

type Weighted = Pick<
  QuantisedConv,
  'weights' | 'weightBits' | 'weightScales' | 'bias' | 'multipliers' | 'shifts' | 'clamp' | 'activation'
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
    readonly bits: 8 | 4
    readonly place: (channel: number, element: number) => number
  },
): Weighted {
  const { perChannel, input, output, activation, bits, place } = options
  const limit = bits === 4 ? INT4_MAX : INT8_MAX
  const channels = bias.length
  const size = weights.length / channels
  const clamp = clampOf(activation, output)
  const groups = perChannel ? channels : 1
  const weightScales = Float32Array.from({ length: groups }, (_, group) => {
    const own = weights.subarray((group * weights.length) / groups, ((group + 1) * weights.length) / groups)
    const biases = perChannel ? bias.subarray(group, group + 1) : bias
    return agreeingWeightScale(
      Math.fround(weightScale(own, biases, input.scale, bits)),
      input,
      output,
      clamp,
      !perChannel,
    )
  })
  const quantised = new Int8Array(weights.length)
  const biases = new Int32Array(channels)
  for (let c = 0; c < channels; c++) {
    const scale = weightScales[perChannel ? c : 0]!
    for (let i = 0; i < size; i++) {
      quantised[place(c, i)] = clampTo(roundAway(weights[c * size + i]! / scale), -limit, limit)
    }
    biases[c] = clampTo(roundAway(bias[c]! / Math.fround(input.scale * scale)), -BIAS_LIMIT, BIAS_LIMIT)
  }
  const factors = Array.from(weightScales, (scale) =>
    quantiseMultiplier(productFactor(input.scale, scale, output.scale, !perChannel)),
  )
  return {
    weights: quantised,
    ...(bits === 4 ? { weightBits: 4 as const } : {}),
    weightScales,
    bias: biases,
    multipliers: Int32Array.from(factors, ({ multiplier }) => multiplier),
    shifts: Int32Array.from(factors, ({ shift }) => shift),
    clamp,
    activation,
  }
}

/**
 * Largest weight ÷ 127, or more where a bias would not fit 32 bits otherwise; 1 for weights that are all 0. Of 4 bits: the
 * scale with the least squared error.
 */
function weightScale(weights: Float64Array, biases: Float64Array, inputScale: number, bits: 8 | 4): number {
  const wanted = bits === 4 ? fourBitScale(weights) : largestOf(weights) / INT8_MAX
  return Math.max(wanted, largestOf(biases) / (inputScale * BIAS_LIMIT)) || 1
}

const largestOf = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
