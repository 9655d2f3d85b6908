import type { TfliteTensor } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import { givenFactor, productFactor } from '../quantise/agreement.ts'
import type { FusedActivation, Quantisation, QuantisedConv } from '../quantise/types.ts'
import { clampOf } from '../quantise/weights.ts'

type Weighted = Pick<
  QuantisedConv,
  'weights' | 'weightScales' | 'bias' | 'multipliers' | 'shifts' | 'clamp' | 'activation'
>

export interface StoredWeights {
  readonly weights: TfliteTensor
  readonly bias: TfliteTensor | undefined
  /** Filters or units. */
  readonly channels: number
  /** Axis of the filters in the weights. */
  readonly axis: number
  readonly input: Quantisation
  readonly output: Quantisation
  readonly activation: FusedActivation
  /** One scale for all channels, as dense kernels have it. */
  readonly dense: boolean
}

/**
 * Weights and biases of a file with the factors that TFLite's kernels derive from their scales.
 * @throws UserError unless they are int8 with zero points of 0, and int32.
 */
export function readWeights(stored: StoredWeights): Weighted {
  const { weights, channels, input, output, activation, dense } = stored
  const { quantisation, data, name } = weights
  if (weights.type === 'int4') {
    throw new UserError(
      `its weights '${name}' have 4 bits, which is not converted: give the network with weights of 8 bits, as frugal export writes it without --weights-bits, or in float`,
    )
  }
  if (weights.type !== 'int8' || quantisation === undefined || data.length !== sizeOf(weights.dims)) {
    throw new UserError(`its weights '${name}' are ${weights.type}; only int8 with scales is converted`)
  }
  if (quantisation.zeroPoints.some((zeroPoint) => zeroPoint !== 0))
    throw new UserError(`its weights '${name}' are not symmetric: a zero point is not 0`)
  const { scales } = quantisation
  const perChannel = scales.length > 1
  if (perChannel && (scales.length !== channels || quantisation.axis !== stored.axis))
    throw new UserError(`its weights '${name}' have ${scales.length} scales for ${channels} filters`)
  const weightScales = dense
    ? Float32Array.of(scales[0]!)
    : Float32Array.from({ length: channels }, (_, c) => scales[perChannel ? c : 0]!)
  const clamp = clampOf(activation, output)
  const factors = Array.from(weightScales, (scale) => {
    const single = Math.fround(Math.fround(input.scale * scale) / output.scale)
    return givenFactor(productFactor(input.scale, scale, output.scale, dense), single, output, clamp)
  })
  return {
    weights: Int8Array.from(new Int8Array(data.buffer, data.byteOffset, data.length)),
    weightScales,
    bias: readBias(stored),
    multipliers: Int32Array.from(factors, ({ multiplier }) => multiplier),
    shifts: Int32Array.from(factors, ({ shift }) => shift),
    clamp,
    activation,
  }
}

function readBias({ bias, channels }: StoredWeights): Int32Array {
  if (bias === undefined) return new Int32Array(channels)
  const { data, type, name } = bias
  if (type !== 'int32' || data.length !== 4 * channels)
    throw new UserError(
      `its bias '${name}' is ${type} of ${data.length} bytes; int32 for ${channels} filters is converted`,
    )
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return Int32Array.from({ length: channels }, (_, c) => view.getInt32(4 * c, true))
}
