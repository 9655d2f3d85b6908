import { clampInt8, clampTo, scaleBy } from '../fixed-point.ts'
import type { Quantisation, QuantisedMean, QuantisedPool } from '../types.ts'
import type { Step } from './sums-of-products.ts'

/** Window pooling; only what lies on the map counts. Averages are rounded half away from zero. */
export function preparePool(kernel: QuantisedPool, input: Int8Array, output: Int8Array): Step {
  const [height, width, channels] = kernel.inputShapes[0]! as readonly [number, number, number]
  const [outHeight, outWidth] = kernel.outputShape as readonly [number, number]
  const { kernel: size, stride, padTop, padLeft, clamp } = kernel
  const average = kernel.kind === 'averagePool'
  return () => {
    let at = 0
    for (let y = 0; y < outHeight; y++) {
      const top = Math.max(y * stride[0] - padTop, 0)
      const bottom = Math.min(y * stride[0] - padTop + size[0], height)
      for (let x = 0; x < outWidth; x++) {
        const left = Math.max(x * stride[1] - padLeft, 0)
        const right = Math.min(x * stride[1] - padLeft + size[1], width)
        const count = (bottom - top) * (right - left)
        for (let c = 0; c < channels; c++) {
          let value = average ? 0 : -128
          for (let row = top; row < bottom; row++) {
            for (let column = left; column < right; column++) {
              const element = input[(row * width + column) * channels + c]!
              value = average ? value + element : Math.max(value, element)
            }
          }
          const half = count >> 1
          if (average) value = Math.trunc((value > 0 ? value + half : value - half) / count)
          output[at++] = clampTo(value, clamp[0], clamp[1])
        }
      }
    }
  }
}

export function prepareMean(
  kernel: QuantisedMean,
  from: Quantisation,
  to: Quantisation,
  input: Int8Array,
  output: Int8Array,
): Step {
  const channels = output.length
  const pixels = input.length / channels
  const { multiplier, shift } = kernel.result
  return () => {
    for (let c = 0; c < channels; c++) {
      let sum = 0
      for (let i = c; i < input.length; i += channels) sum += input[i]!
      output[c] = clampInt8(scaleBy(sum - pixels * from.zeroPoint, multiplier, shift) + to.zeroPoint)
    }
  }
}
