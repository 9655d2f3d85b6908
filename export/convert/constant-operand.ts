import { UserError } from '../../lib/errors.ts'
import { quantiseMultiplier } from '../quantise/fixed-point.ts'
import type { QuantisedKernel } from '../quantise/types.ts'
import { clampOf } from '../quantise/weights.ts'
import type { KernelCommon, QuantisedImport, Value } from './quantised-import.ts'

const ONE_PIXEL = { kernel: [1, 1], stride: [1, 1], padding: 'valid' } as const

/**
 * A stored operand, one value or one for each channel, as a map like the other operand: filters of one pixel whose weights
 * are 0 and whose biases are the values. Every format has that kernel, and sums and products are those of two maps.
 * @throws UserError when the operand has another shape or the other one is no map.
 */
export function constantLike(network: QuantisedImport, position: number, like: Value): Value {
  const { data, name } = network.file(position)
  const quantisation = network.quantisationOf(position)
  const channels = like.shape.at(-1)!
  if (like.shape.length !== 3 || (data.length !== 1 && data.length !== channels)) {
    throw new UserError(
      `its stored operand '${name}' has ${data.length} values; one, or one for each channel of a map, are converted`,
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
  return network.add({
    op: { kind: 'depthwiseConv2d', ...ONE_PIXEL, bias: true },
    operands: [like],
    quantisation,
    kernel: (common: KernelCommon): QuantisedKernel => ({
      kind: 'depthwiseConv2d',
      ...{ ...common, ...ONE_PIXEL, ...weighted },
      ...{ padTop: 0, padLeft: 0 },
    }),
  })
}
