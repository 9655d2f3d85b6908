import { explicitPadding } from '../../../network/shapes.ts'
import type { Padding, Pair, Shape } from '../../../network/types.ts'
import type { BatchLanes, DepthwiseWindow } from './batch-lanes.ts'
import type { Value } from './emitter.ts'

/** A sliding window over maps with its zeros written out. */
export interface Window {
  readonly input: Pair
  readonly output: Pair
  readonly kernel: Pair
  readonly stride: Pair
  readonly pads: DepthwiseWindow['pads']
}

export function windowOf(
  op: { readonly kernel: Pair; readonly stride: Pair; readonly padding: Padding },
  input: Shape,
  output: Shape,
): Window {
  const size = { height: input[0]!, width: input[1]!, channels: input[2]! }
  return {
    input: [size.height, size.width],
    output: [output[0]!, output[1]!],
    kernel: op.kernel,
    stride: op.stride,
    pads: explicitPadding(size, op),
  }
}

export const tapsOf = (window: Window): number => window.kernel[0] * window.kernel[1]
export const isPointwise = ({ kernel, stride }: { readonly kernel: Pair; readonly stride: Pair }): boolean =>
  [...kernel, ...stride].every((length) => length === 1)

/** Puts stride − 1 zeros behind every row and column: `[channels, batch·h·w]` becomes `[channels, batch·(h·sh)·(w·sw)]`. */
function insertZeros(lanes: BatchLanes, x: Value, channels: number, size: Pair, stride: Pair): Value {
  if (stride[0] === 1 && stride[1] === 1) return x
  const { emitter } = lanes
  const spread = emitter.reshape(x, [channels * lanes.blocks, size[0], 1, size[1], 1, lanes.lanes])
  const ends = [0, 0, stride[0] - 1, 0, stride[1] - 1, 0]
  return emitter.node('Pad', [spread, emitter.integers([0, 0, 0, 0, 0, 0, ...ends])])
}

/**
 * The way back through a window: the result's gradient with zeros between (where the window strides) and the stride-1
 * window that, with the kernel turned around, gives the operand's gradient.
 */
export function reverseWindow(
  lanes: BatchLanes,
  dy: Value,
  channels: number,
  window: Window,
): { readonly spread: Value; readonly window: Window } {
  const { input, output, kernel, stride, pads } = window
  const spreadSize = [output[0] * stride[0], output[1] * stride[1]] as const
  const bottom = input[0] - spreadSize[0] + pads.top
  const right = input[1] - spreadSize[1] + pads.left
  const size: Pair = [spreadSize[0] + Math.min(bottom, 0), spreadSize[1] + Math.min(right, 0)]
  let spread = insertZeros(lanes, dy, channels, output, stride)
  if (bottom < 0 || right < 0) {
    // What is cut off are inserted zeros.
    const { emitter } = lanes
    const maps = emitter.reshape(spread, [channels * lanes.blocks, ...spreadSize, lanes.lanes])
    const ends = [emitter.integers([0, 0]), emitter.integers(size), emitter.integers([1, 2])]
    spread = emitter.node('Slice', [maps, ...ends])
  }
  return {
    spread: lanes.rows(spread, channels),
    window: {
      input: size,
      output: input,
      kernel,
      stride: [1, 1],
      pads: {
        top: kernel[0] - 1 - pads.top,
        left: kernel[1] - 1 - pads.left,
        bottom: Math.max(bottom, 0),
        right: Math.max(right, 0),
      },
    },
  }
}

/** Columns of a convolution: `[channels, batch·h·w]` becomes `[channels·taps, batch·oh·ow]`, the taps of a channel together. */
export function windowColumns(lanes: BatchLanes, x: Value, channels: number, window: Window): Value {
  if (isPointwise(window)) return x
  const { emitter } = lanes
  const { input, output, kernel, stride, pads } = window
  let maps = emitter.reshape(x, [channels * lanes.blocks, ...input, lanes.lanes])
  if (Object.values(pads).some((zeros) => zeros > 0)) {
    const zeros = emitter.integers([0, pads.top, pads.left, 0, 0, pads.bottom, pads.right, 0])
    maps = emitter.node('Pad', [maps, zeros])
  }
  const taps: Value[] = []
  for (let row = 0; row < kernel[0]; row++) {
    for (let column = 0; column < kernel[1]; column++) {
      const ends = [row + (output[0] - 1) * stride[0] + 1, column + (output[1] - 1) * stride[1] + 1]
      const bounds = [[row, column], ends, [1, 2], stride].map((values) => emitter.integers(values))
      taps.push(emitter.reshape(emitter.node('Slice', [maps, ...bounds]), [channels, 1, -1]))
    }
  }
  if (taps.length === 1) return lanes.rows(taps[0]!, channels)
  return lanes.rows(emitter.node('Concat', taps, { attributes: { axis: 1n } }), channels * taps.length)
}

/** Turns kernels around in both directions: `[count, kh·kw]` read from the last tap to the first. */
export function turnKernels(lanes: BatchLanes, kernels: Value, count: number, taps: number): Value {
  const flat = lanes.emitter.reshape(kernels, [count, taps])
  if (taps === 1) return flat
  const order = lanes.emitter.integers(Array.from({ length: taps }, (_, tap) => taps - 1 - tap))
  return lanes.emitter.node('Gather', [flat, order], { attributes: { axis: 1n } })
}

/** From this width on it pays to write the zeros left and right out: the kernel then takes all taps of a row at once. */
const WIDE_MAP = 8

/**
 * The correlation that gives a filter's gradient: the maps are the data, the result's gradient is the filter, dilated by
 * the stride. `found` may be larger than the kernel where the window does not reach the last rows; the rest is cut off.
 */
export function filterGradientProblem(
  lanes: BatchLanes,
  x: Value,
  channels: number,
  { input, output, kernel, stride, pads }: Window,
): { readonly maps: Value; readonly input: Pair; readonly pads: Window['pads']; readonly found: Pair } {
  const reach = (axis: 0 | 1, before: number): number =>
    kernel[axis] + (output[axis] - 1) * stride[axis] - input[axis] - before
  const bottom = reach(0, pads.top)
  const right = reach(1, pads.left)
  const found: Pair = [kernel[0] - Math.min(bottom, 0), kernel[1] - Math.min(right, 0)]
  const zeros = { top: pads.top, left: pads.left, bottom: Math.max(bottom, 0), right: Math.max(right, 0) }
  if (lanes.lanes === 1 || input[1] < WIDE_MAP || zeros.left + zeros.right === 0) {
    return { maps: x, input, pads: zeros, found }
  }
  const { emitter, lanes: width } = lanes
  const rows = emitter.reshape(x, [channels * lanes.blocks * input[0], input[1] * width])
  return {
    maps: emitter.node('Pad', [rows, emitter.integers([0, zeros.left * width, 0, zeros.right * width])]),
    input: [input[0], input[1] + zeros.left + zeros.right],
    pads: { ...zeros, left: 0, right: 0 },
    found,
  }
}
