import { type Halves, scaleBy, scaleTwice } from '../fixed-point.ts'
import type { Quantisation, QuantisedConv, QuantisedDense, QuantisedDepthwise } from '../types.ts'
import { type ArenaPlan, LANES } from './vector-sums.ts'

/** Runs one kernel on buffers that were bound when it was prepared. */
export type Step = () => void

type Windowed = QuantisedConv | QuantisedDepthwise

/** Kernels whose sums are rounded twice where their weights have 4 bits, and how; of the reference itself none. */
export interface RoundedTwice {
  readonly kinds: readonly ('conv2d' | 'depthwiseConv2d')[]
  readonly halves: Halves
}

export interface Bound<K> {
  readonly roundedTwice: RoundedTwice | undefined
  readonly kernel: K
  readonly from: Quantisation
  readonly to: Quantisation
  readonly input: Int8Array
  readonly output: Int8Array
}

/** A map with q − zero point in 16 bits and the windows' zeros around it, so that every window is whole. Sizes in values. */
function paddedMap({ kernel, input, from }: Bound<Windowed>) {
  const [height, width, channels] = kernel.inputShapes[0]! as readonly [number, number, number]
  const [outHeight, outWidth] = kernel.outputShape as readonly [number, number]
  const { padTop, padLeft, stride } = kernel
  const rows = Math.max((outHeight - 1) * stride[0] + kernel.kernel[0], height + padTop)
  const rowSize = Math.max((outWidth - 1) * stride[1] + kernel.kernel[1], width + padLeft) * channels
  const { zeroPoint } = from
  const fill = (map: Int16Array): void => {
    for (let y = 0, at = 0; y < height; y++) {
      const to = (y + padTop) * rowSize + padLeft * channels
      for (let i = 0; i < width * channels; i++) map[to + i] = input[at++]! - zeroPoint
    }
  }
  return { size: rows * rowSize, rowSize, fill }
}

/** Sums back to int8: `scaleBy` with what depends on the channel alone computed beforehand. */
function storer({ kernel, to, output, roundedTwice }: Bound<Windowed | QuantisedDense>, channels: number) {
  const { multipliers, shifts, clamp } = kernel
  const [low, high] = clamp
  const { zeroPoint } = to
  const own = (channel: number): number => (multipliers.length > 1 ? channel : 0)
  const each = (value: (i: number) => number): Float64Array =>
    Float64Array.from({ length: channels }, (_, c) => value(own(c)))
  const upper = each((i) => multipliers[i]! >> 16)
  const lower = each((i) => (multipliers[i]! & 0xffff) / 0x1_0000)
  const half = each((i) => 2 ** (14 - shifts[i]!))
  const unit = each((i) => 2 ** (shifts[i]! - 15))
  const twice = kernel.weightBits === 4 && roundedTwice?.kinds.some((kind) => kind === kernel.kind)
  const exact = (c: number, sum: number): number => {
    const [multiplier, shift] = [multipliers[own(c)]!, shifts[own(c)]!]
    return twice ? scaleTwice(sum, multiplier, shift, roundedTwice!.halves) : scaleBy(sum, multiplier, shift)
  }
  // Beyond, the product has more bits than a double, which `scaleBy` sees to.
  const fits = !twice && shifts.every((shift) => shift <= 14)
  /** Stores `channels` sums from `start` at `at` of the output. */
  return (sums: Int32Array, start: number, at: number): void => {
    for (let c = 0; c < channels; c++) {
      const sum = sums[start + c]!
      const scaled = fits
        ? Math.floor((sum * upper[c]! + Math.floor(sum * lower[c]!) + half[c]!) * unit[c]!)
        : exact(c, sum)
      output[at + c] = Math.min(Math.max(scaled + zeroPoint, low), high)
    }
  }
}

interface Filters {
  readonly count: number
  /** Rows of a window and values in one. */
  readonly rows: number
  readonly size: number
  readonly weights: Int8Array
  readonly bias: Int32Array
}

const blocksOf = (channels: number): number => Math.ceil(channels / LANES)

/** Puts the weights of filters, `[count][rows][size]`, where `products` wants them. */
function prepareFilters(plan: ArenaPlan, { count, rows, size, weights, bias }: Filters) {
  const blocks = blocksOf(count)
  const pairs = Math.ceil(size / 2)
  const weightsAt = plan.reserve(blocks * LANES * rows * pairs * 2 * 2)
  const biasAt = plan.reserve(blocks * LANES * 4)
  const sumsAt = plan.reserve(2 * blocks * LANES * 4)
  plan.whenReady(({ buffer }) => {
    const stored = new Int16Array(buffer, weightsAt)
    for (let filter = 0; filter < count; filter++) {
      const block = Math.floor(filter / LANES)
      for (let row = 0; row < rows; row++) {
        const from = (filter * rows + row) * size
        const to = ((block * rows + row) * pairs * LANES + (filter % LANES)) * 2
        for (let i = 0; i < size; i++) stored[to + (i >> 1) * LANES * 2 + (i & 1)] = weights[from + i]!
      }
    }
    new Int32Array(buffer, biasAt).set(bias)
  })
  return { blocks, pairs, weightsAt, biasAt, sumsAt, secondBytes: blocks * LANES * 4 }
}

export function prepareConv(bound: Bound<QuantisedConv>, plan: ArenaPlan): Step {
  const { kernel } = bound
  const channels = kernel.inputShapes[0]![2]!
  const [outHeight, outWidth, filters] = kernel.outputShape as readonly [number, number, number]
  const { size: mapSize, rowSize, fill } = paddedMap(bound)
  const mapAt = plan.reserve(mapSize * 2)
  const [rows, size] = [kernel.kernel[0], kernel.kernel[1] * channels]
  const { weights, bias } = kernel
  const { blocks, pairs, weightsAt, biasAt, sumsAt, secondBytes } = prepareFilters(plan, {
    count: filters,
    rows,
    size,
    weights,
    bias,
  })
  const store = storer(bound, filters)
  const { stride } = kernel
  const stepBytes = stride[1] * channels * 2
  let run: Step = () => {}
  plan.whenReady(({ buffer, sums: { products } }) => {
    const map = new Int16Array(buffer, mapAt, mapSize)
    const sums = new Int32Array(buffer, sumsAt, 2 * blocks * LANES)
    run = () => {
      fill(map)
      let at = 0
      for (let y = 0; y < outHeight; y++) {
        for (let x = 0; x < outWidth; x += 2) {
          const start = mapAt + (y * stride[0] * rowSize + x * stride[1] * channels) * 2
          const both = x + 1 < outWidth
          const step = both ? stepBytes : 0
          products(start, weightsAt, biasAt, sumsAt, secondBytes, blocks, rows, pairs, rowSize * 2, step)
          store(sums, 0, at)
          if (both) store(sums, blocks * LANES, at + filters)
          at += both ? 2 * filters : filters
        }
      }
    }
  })
  return () => run()
}

export function prepareDense(bound: Bound<QuantisedDense>, plan: ArenaPlan): Step {
  const { kernel, input, output, from } = bound
  const { weights, bias } = kernel
  const mapAt = plan.reserve(input.length * 2)
  const filters = { count: output.length, rows: 1, size: input.length, weights, bias }
  const { blocks, pairs, weightsAt, biasAt, sumsAt, secondBytes } = prepareFilters(plan, filters)
  const store = storer(bound, output.length)
  let run: Step = () => {}
  plan.whenReady(({ buffer, sums: { products } }) => {
    const values = new Int16Array(buffer, mapAt, input.length)
    const sums = new Int32Array(buffer, sumsAt, output.length)
    run = () => {
      for (let i = 0; i < values.length; i++) values[i] = input[i]! - from.zeroPoint
      products(mapAt, weightsAt, biasAt, sumsAt, secondBytes, blocks, 1, pairs, 0, 0)
      store(sums, 0, 0)
    }
  })
  return () => run()
}

export function prepareDepthwise(bound: Bound<QuantisedDepthwise>, plan: ArenaPlan): Step {
  const { kernel } = bound
  const [rows, columns] = kernel.kernel
  const { stride, weights, bias } = kernel
  const [outHeight, outWidth, channels] = kernel.outputShape as readonly [number, number, number]
  const { size: mapSize, rowSize, fill } = paddedMap(bound)
  const blocks = blocksOf(channels)
  const mapAt = plan.reserve(mapSize * 2)
  const weightsAt = plan.reserve(blocks * LANES * rows * columns * 2)
  const biasAt = plan.reserve(blocks * LANES * 4)
  const sumsAt = plan.reserve(blocks * LANES * 4)
  const store = storer(bound, channels)
  let run: Step = () => {}
  plan.whenReady(({ buffer, sums: { depthwise } }) => {
    const stored = new Int16Array(buffer, weightsAt)
    for (let tap = 0; tap < rows * columns; tap++) {
      for (let c = 0; c < channels; c++) {
        stored[(Math.floor(c / LANES) * rows * columns + tap) * LANES + (c % LANES)] = weights[tap * channels + c]!
      }
    }
    new Int32Array(buffer, biasAt).set(bias)
    const map = new Int16Array(buffer, mapAt, mapSize)
    const sums = new Int32Array(buffer, sumsAt, channels)
    run = () => {
      fill(map)
      let at = 0
      for (let y = 0; y < outHeight; y++) {
        for (let x = 0; x < outWidth; x++) {
          const start = mapAt + (y * stride[0] * rowSize + x * stride[1] * channels) * 2
          depthwise(start, weightsAt, biasAt, sumsAt, blocks, rows, columns, rowSize * 2, channels * 2)
          store(sums, 0, at)
          at += channels
        }
      }
    }
  })
  return () => run()
}
