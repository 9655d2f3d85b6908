import type { Tensor } from '@tensorflow/tfjs-core'
import { FOUR_BIT_ENDS, INT4_MAX } from '../../../network/four-bits.ts'
import type { RangeSource } from '../../../network/stored-values.ts'
import { LEAST_RANGE, LEAST_WEIGHT } from '../fake-quantisation.ts'
import type { Tensorflow } from './scope.ts'

/**
 * A kernel in TensorFlow's layout rounded to symmetric int8, one scale for each filter, or for a whole dense kernel; the
 * gradient passes as if nothing had been rounded.
 */
export function fakeQuantiseKernel(tf: Tensorflow, kernel: Tensor, depthwise: boolean): Tensor {
  const axes = filterAxes(kernel, depthwise)
  const round = tf.customGrad((x) => {
    const weights = x as Tensor
    const scale = tf.div(tf.maximum(tf.max(tf.abs(weights), axes, true), LEAST_WEIGHT), 127)
    return {
      value: tf.mul(tf.round(tf.div(weights, scale)), scale),
      gradFunc: (dy: Tensor) => dy,
    }
  })
  return round(kernel)
}

/**
 * The same with the 15 levels of 4 bits: of the ends that `FOUR_BIT_ENDS` names the one with the least squared error, of
 * equal ones the widest.
 */
export function fakeQuantiseFourBits(tf: Tensorflow, kernel: Tensor, depthwise: boolean): Tensor {
  const axes = filterAxes(kernel, depthwise)
  const inner = axes.map((axis) => axis + 1)
  const ends = tf.tensor(
    FOUR_BIT_ENDS.map((share) => share / INT4_MAX),
    [FOUR_BIT_ENDS.length, ...kernel.shape.map(() => 1)],
  )
  const round = tf.customGrad((x) => {
    const weights = x as Tensor
    const levelsOf = (scale: Tensor): Tensor => tf.clipByValue(tf.round(tf.div(weights, scale)), -INT4_MAX, INT4_MAX)
    const scales = tf.mul(tf.maximum(tf.max(tf.abs(weights), axes, true), LEAST_WEIGHT), ends)
    const errors = tf.sum(tf.square(tf.sub(weights, tf.mul(levelsOf(scales), scales))), inner, true)
    const isBest = tf.lessEqual(errors, tf.min(errors, 0, true))
    const scale = tf.max(tf.where(isBest, scales, tf.zerosLike(scales)), 0)
    return { value: tf.mul(levelsOf(scale), scale), gradFunc: (dy: Tensor) => dy }
  })
  return round(kernel)
}

/** The axes over which weights share a scale. */
const filterAxes = ({ rank }: Tensor, depthwise: boolean): number[] =>
  rank === 2 ? [0, 1] : depthwise ? [0, 1, 3] : [0, 1, 2]

/** A value whose range is known, `[low, high]` as moving averages with what they are divided by. */
export type Averages = Tensor

/**
 * A stored value rounded to the 256 levels of its range; the gradient is 0 where it was cut off.
 * @param averagesOf gives `[low, high, share]` for the value; not asked where the range is prescribed.
 */
export function fakeQuantiseValue(
  tf: Tensorflow,
  value: Tensor,
  source: RangeSource,
  averagesOf: (value: Tensor) => Averages,
): Tensor {
  const round = tf.customGrad((input, save) => {
    const x = input as Tensor
    const { scale, zero } =
      source === 'unit' ? { scale: tf.scalar(1 / 256), zero: tf.scalar(0) } : levelsOf(tf, averagesOf(x))
    const levels = tf.add(tf.round(tf.div(x, scale)), zero)
    const kept = tf.clipByValue(levels, 0, 255)
    const keepTensors = save as (tensors: Tensor[]) => void
    keepTensors([tf.cast(tf.equal(levels, kept), 'float32')])
    return {
      value: tf.mul(tf.sub(kept, zero), scale),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(dy, saved[0]!),
    }
  })
  return round(value)
}

function levelsOf(tf: Tensorflow, averages: Averages): { readonly scale: Tensor; readonly zero: Tensor } {
  const [sumLow, sumHigh, share] = tf.split(averages, 3) as [Tensor, Tensor, Tensor]
  const low = tf.minimum(tf.div(sumLow, share), 0)
  const high = tf.maximum(tf.maximum(tf.div(sumHigh, share), tf.add(low, LEAST_RANGE)), 0)
  const scale = tf.div(tf.sub(high, low), 255)
  return { scale, zero: tf.round(tf.div(tf.neg(low), scale)) }
}
