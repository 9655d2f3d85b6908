import { UserError } from '../../lib/errors.ts'
import { quantiseMultiplier } from '../quantise/fixed-point.ts'
import type { QuantisedKernel } from '../quantise/types.ts'
import { clampOf } from '../quantise/weights.ts'
import type { KernelCommon, QuantisedImport, Value } from './quantised-import.ts'

const ONE_PIXEL = { kernel: [1, 1], stride: [1, 1], padding: 'valid' } as const

/**
 * A stored operand, one value or one for each channel or feature, as a map like the other operand: filters of one pixel whose
 * weights are 0 and whose biases are the values. Every format has that kernel, and sums and products are those of two maps.
 * A vector is a map of one pixel.
 * @throws UserError when the operand has another number of values.
 */
export function constantLike(network: QuantisedImport, position: number, like: Value): Value {
  const { data, name } = network.file(position)
  const quantisation = network.quantisationOf(position)
  const channels = like.shape.at(-1)!
  if (like.shape.length === 2 || (data.length !== 1 && data.length !== channels)) {
    const each = like.shape.length === 1 ? 'features of a vector' : 'channels of a map'
    throw new UserError(
      `its stored operand '${name}' has ${data.length} values; one, or one for each of the ${channels} ${each}, is converted`,
    )
  }
  const value = (channel: number): number => (data[data.length === 1 ? 0 : channel]! << 24) >> 24
  const { multiplier, shift } = quantiseMultiplier(1)
  const weighted = {
    weights: new Int8Array(channels),
    weightScales: new Float32Array(channels).fill(quantisation.scale / like.quantisation.scale),
    bias: Int32Array.from({ length: channels }, (_, channel) => value(channel) - quantisation.zeroPoint),
    multipliers: new Int32Array(channels).fill(multiplier),
    shifts: new Int32Array(channels).fill(shift),
    clamp: clampOf('none', quantisation),
    activation: 'none',
  } as const
  const map = like.shape.length === 1 ? network.shaped(like, [1, 1, channels]) : like
  const constant = network.add({
    op: { kind: 'depthwiseConv2d', ...ONE_PIXEL, bias: true },
    operands: [map],
    quantisation,
    kernel: (common: KernelCommon): QuantisedKernel => ({
      kind: 'depthwiseConv2d',
      ...{ ...common, ...ONE_PIXEL, ...weighted },
      ...{ padTop: 0, padLeft: 0 },
    }),
  })
  return network.shaped(constant, like.shape)
}
