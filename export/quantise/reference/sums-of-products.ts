import { clampTo, scaleBy } from '../fixed-point.ts'
import type { Quantisation, QuantisedConv, QuantisedDense, QuantisedDepthwise, Window } from '../types.ts'

/** Runs one kernel on buffers that were bound when it was prepared. */
export type Step = () => void

/**
 * A copy of the map with q − zero point in 32 bits and the window's zeros around it, so that every window is whole.
 * `fill` is called before each run.
 */
function paddedMap(input: Int8Array, kernel: QuantisedConv | QuantisedDepthwise, zeroPoint: number) {
  const [height, width, channels] = kernel.inputShapes[0]! as readonly [number, number, number]
  const [outHeight, outWidth] = kernel.outputShape as readonly [number, number]
  const { padTop, padLeft, stride } = kernel
  const rows = Math.max((outHeight - 1) * stride[0] + kernel.kernel[0], height + padTop)
  const rowSize = Math.max((outWidth - 1) * stride[1] + kernel.kernel[1], width + padLeft) * channels
  const map = new Int32Array(rows * rowSize)
  const fill: Step = () => {
    for (let y = 0, from = 0; y < height; y++) {
      const to = (y + padTop) * rowSize + padLeft * channels
      for (let i = 0; i < width * channels; i++) map[to + i] = input[from++]! - zeroPoint
    }
  }
  return { map, rowSize, fill }
}

const storer = (
  kernel: QuantisedConv | QuantisedDepthwise | QuantisedDense,
  { zeroPoint }: Quantisation,
  output: Int8Array,
) => {
  const { multipliers, shifts, clamp } = kernel
  const [low, high] = clamp
  const step = multipliers.length > 1 ? 1 : 0
  return (at: number, channel: number, sum: number): void => {
    output[at] = clampTo(scaleBy(sum, multipliers[channel * step]!, shifts[channel * step]!) + zeroPoint, low, high)
  }
}

/** Four filters at a time share each value that is read. */
function dotProducts(
  weights: Int8Array,
  bias: Int32Array,
  map: Int32Array,
  rows: { readonly count: number; readonly size: number; readonly stride: number },
): (start: number, first: number, sums: Int32Array) => void {
  const { count, size, stride } = rows
  const filterSize = count * size
  return (start, first, sums) => {
    const most = bias.length - 1
    const second = Math.min(first + 1, most)
    const third = Math.min(first + 2, most)
    const fourth = Math.min(first + 3, most)
    let a = bias[first]!
    let b = bias[second]!
    let c = bias[third]!
    let d = bias[fourth]!
    let wa = first * filterSize
    const toB = (second - first) * filterSize
    const toC = (third - first) * filterSize
    const toD = (fourth - first) * filterSize
    for (let row = 0; row < count; row++) {
      const from = start + row * stride
      for (let i = from; i < from + size; i++) {
        const x = map[i]!
        a = (a + Math.imul(x, weights[wa]!)) | 0
        b = (b + Math.imul(x, weights[wa + toB]!)) | 0
        c = (c + Math.imul(x, weights[wa + toC]!)) | 0
        d = (d + Math.imul(x, weights[wa + toD]!)) | 0
        wa++
      }
    }
    sums[0] = a
    sums[1] = b
    sums[2] = c
    sums[3] = d
  }
}

export function prepareConv(
  kernel: QuantisedConv,
  from: Quantisation,
  to: Quantisation,
  input: Int8Array,
  output: Int8Array,
): Step {
  const channels = kernel.inputShapes[0]![2]!
  const [outHeight, outWidth, filters] = kernel.outputShape as readonly [number, number, number]
  const { map, rowSize, fill } = paddedMap(input, kernel, from.zeroPoint)
  const rows = { count: kernel.kernel[0], size: kernel.kernel[1] * channels, stride: rowSize }
  const dot = dotProducts(kernel.weights, kernel.bias, map, rows)
  const store = storer(kernel, to, output)
  const sums = new Int32Array(4)
  const { stride } = kernel
  return () => {
    fill()
    let at = 0
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        const start = y * stride[0] * rowSize + x * stride[1] * channels
        for (let filter = 0; filter < filters; filter += 4) {
          dot(start, filter, sums)
          const end = Math.min(4, filters - filter)
          for (let i = 0; i < end; i++) store(at++, filter + i, sums[i]!)
        }
      }
    }
  }
}

export function prepareDense(
  kernel: QuantisedDense,
  from: Quantisation,
  to: Quantisation,
  input: Int8Array,
  output: Int8Array,
): Step {
  const values = new Int32Array(input.length)
  const dot = dotProducts(kernel.weights, kernel.bias, values, { count: 1, size: input.length, stride: 0 })
  const store = storer(kernel, to, output)
  const sums = new Int32Array(4)
  return () => {
    for (let i = 0; i < values.length; i++) values[i] = input[i]! - from.zeroPoint
    for (let unit = 0; unit < output.length; unit += 4) {
      dot(0, unit, sums)
      const end = Math.min(4, output.length - unit)
      for (let i = 0; i < end; i++) store(unit + i, unit + i, sums[i]!)
    }
  }
}

export function prepareDepthwise(
  kernel: QuantisedDepthwise,
  from: Quantisation,
  to: Quantisation,
  input: Int8Array,
  output: Int8Array,
): Step {
  const { weights, bias } = kernel
  const [kernelHeight, kernelWidth] = kernel.kernel
  const { stride }: Window = kernel
  const [outHeight, outWidth, channels] = kernel.outputShape as readonly [number, number, number]
  const { map, rowSize, fill } = paddedMap(input, kernel, from.zeroPoint)
  const store = storer(kernel, to, output)
  const sums = new Int32Array(channels)
  return () => {
    fill()
    let at = 0
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        sums.set(bias)
        let weight = 0
        for (let ky = 0; ky < kernelHeight; ky++) {
          let value = (y * stride[0] + ky) * rowSize + x * stride[1] * channels
          for (let kx = 0; kx < kernelWidth; kx++) {
            for (let c = 0; c < channels; c++) sums[c]! += Math.imul(map[value++]!, weights[weight++]!)
          }
        }
        for (let c = 0; c < channels; c++) store(at++, c, sums[c]!)
      }
    }
  }
}
