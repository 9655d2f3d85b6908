import type { BatchLanes } from './batch-lanes.ts'
import { BLOCKED_DOMAIN, type Value } from './emitter.ts'
import { filterGradientProblem, reverseWindow, tapsOf, turnKernels, type Window } from './windows.ts'

/** Channels of the operand and of the result. */
export interface ConvSize {
  readonly channels: number
  readonly filters: number
}

/** Whether a convolution can run on the runtime's blocked kernels: their reordering takes channels by fours. */
export const canBlock = (lanes: BatchLanes, { channels, filters }: ConvSize): boolean =>
  lanes.lanes > 1 && [channels, filters].every((count) => count % 4 === 0 && count >= 8)

const blocksOf = (lanes: BatchLanes, channels: number): number => Math.ceil(channels / lanes.lanes)

/** `[channels, batch·h·w]` with blocks of channels innermost, `[channel blocks, batch·h·w, lanes]`; a last block is filled with zeros. */
function blockChannels(lanes: BatchLanes, x: Value, channels: number): Value {
  return lanes.emitter.node('ReorderInput', [lanes.emitter.reshape(x, [1, channels, 1, -1])], {
    domain: BLOCKED_DOMAIN,
  })
}

/** Filters `[out, in, taps]` as the blocked kernels want them: `[out blocks, in blocks, taps, in lanes, out lanes]`. */
function blockFilters(lanes: BatchLanes, filters: Value, out: number, into: number, taps: number): Value {
  const { emitter, lanes: width } = lanes
  const [outBlocks, inBlocks] = [blocksOf(lanes, out), blocksOf(lanes, into)]
  let whole = emitter.reshape(filters, [out, into, taps])
  const missing = [outBlocks * width - out, inBlocks * width - into]
  if (missing.some((count) => count > 0))
    whole = emitter.node('Pad', [whole, emitter.integers([0, 0, 0, ...missing, 0])])
  return emitter.transpose(emitter.reshape(whole, [outBlocks, width, inBlocks, width, taps]), [0, 2, 4, 3, 1])
}

/**
 * A convolution of blocked channels. The samples of a lane block stay beside each other inside a row, so a row is
 * w·lanes long and the taps of a filter are `lanes` apart: a dilation. Along the width the window moves by 1; where it
 * should stride, the columns between are thrown away.
 */
function convolveBlocks(lanes: BatchLanes, blocks: Value, filters: Value, size: ConvSize, window: Window): Value {
  const { emitter, lanes: width, blocks: sampleBlocks } = lanes
  const { input, output, kernel, stride, pads } = window
  const [inBlocks, outBlocks] = [blocksOf(lanes, size.channels), blocksOf(lanes, size.filters)]
  /** Puts the blocks of samples before those of channels, or back. */
  const exchange = (x: Value, outer: number, inner: number): Value =>
    outer === 1 || inner === 1 ? x : emitter.transpose(emitter.reshape(x, [outer, inner, -1]), [1, 0, 2])

  const maps = emitter.reshape(exchange(blocks, inBlocks, sampleBlocks), [
    sampleBlocks,
    inBlocks * width,
    input[0],
    input[1] * width,
  ])
  const attributes = {
    kernel_shape: kernel.map(BigInt),
    dilations: [1n, BigInt(width)],
    strides: [BigInt(stride[0]), 1n],
    pads: [pads.top, pads.left * width, pads.bottom, pads.right * width].map(BigInt),
  }
  const shaped = emitter.reshape(filters, [outBlocks * width, inBlocks * width, ...kernel])
  let result = emitter.node('Conv', [maps, shaped], { domain: BLOCKED_DOMAIN, attributes })
  if (stride[1] > 1) {
    const columns = input[1] + pads.left + pads.right - kernel[1] + 1
    const rows = emitter.reshape(result, [sampleBlocks * outBlocks * output[0], columns, width * width])
    const end = (output[1] - 1) * stride[1] + 1
    const bounds = [[0], [end], [1], [stride[1]]].map((values) => emitter.integers(values))
    result = emitter.node('Slice', [rows, ...bounds])
  }
  const ordered = emitter.reshape(exchange(result, sampleBlocks, outBlocks), [1, outBlocks * width, 1, -1])
  const plain = emitter.node('ReorderOutput', [ordered], {
    domain: BLOCKED_DOMAIN,
    attributes: { channels: BigInt(size.filters) },
  })
  return lanes.rows(plain, size.filters)
}

/** Convolution of `[channels, batch·h·w]` with kernels `[filters, channels, kh, kw]`. */
export function convolve(lanes: BatchLanes, x: Value, kernels: Value, size: ConvSize, window: Window): Value {
  const filters = blockFilters(lanes, kernels, size.filters, size.channels, tapsOf(window))
  return convolveBlocks(lanes, blockChannels(lanes, x, size.channels), filters, size, window)
}

/** Gradient of the operand of `convolve`: a convolution with the kernels turned around and their channels exchanged. */
export function inputGradient(lanes: BatchLanes, dy: Value, kernels: Value, size: ConvSize, window: Window): Value {
  const { channels, filters } = size
  const taps = tapsOf(window)
  const back = reverseWindow(lanes, dy, filters, window)
  const turned = turnKernels(lanes, kernels, filters * channels, taps)
  const exchanged = lanes.emitter.transpose(lanes.emitter.reshape(turned, [filters, channels, taps]), [1, 0, 2])
  return convolve(lanes, back.spread, exchanged, { channels: filters, filters: channels }, back.window)
}

/**
 * Gradient of the kernels of `convolve`, `[filters, channels, kh, kw]`: every channel is an image whose channels are the
 * samples, convolved with the result's gradient as the filters, dilated by the stride.
 */
export function kernelGradient(lanes: BatchLanes, x: Value, dy: Value, size: ConvSize, window: Window): Value {
  const { emitter, lanes: width } = lanes
  const { channels, filters } = size
  const { output, kernel, stride } = window
  const problem = filterGradientProblem(lanes, x, channels, window)
  const outBlocks = blocksOf(lanes, filters)
  const samples = emitter.reshape(problem.maps, [channels, lanes.batch, ...problem.input])
  const gradients = emitter.reshape(blockChannels(lanes, dy, filters), [outBlocks * width, lanes.batch, ...output])
  const found = emitter.node('Conv', [samples, gradients], {
    domain: BLOCKED_DOMAIN,
    attributes: {
      kernel_shape: output.map(BigInt),
      dilations: stride.map(BigInt),
      pads: [problem.pads.top, problem.pads.left, problem.pads.bottom, problem.pads.right].map(BigInt),
    },
  })
  const taps = emitter.reshape(found, [channels, outBlocks, ...problem.found, width])
  const kernels = emitter.transpose(taps, [1, 4, 0, 2, 3])
  return cut(lanes, kernels, [outBlocks * width, channels, ...problem.found], [filters, channels, ...kernel])
}

/** The first elements along every axis. */
function cut(lanes: BatchLanes, x: Value, from: readonly number[], to: readonly number[]): Value {
  const { emitter } = lanes
  const whole = emitter.reshape(x, from)
  if (from.every((length, axis) => length === to[axis])) return whole
  const axes = to.map((_, axis) => axis)
  return emitter.node('Slice', [whole, ...[to.map(() => 0), to, axes].map((values) => emitter.integers(values))])
}
