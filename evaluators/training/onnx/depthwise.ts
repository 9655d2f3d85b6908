import type { BatchLanes } from './batch-lanes.ts'
import type { Value } from './emitter.ts'
import { channelsOf, readWeight, sumRows, type TrainingRule, writeGradient } from './training-scope.ts'
import { reverseWindow, tapsOf, turnKernels, type Window, windowOf } from './windows.ts'

/** From this width on it pays to write the zeros left and right out: the kernel then takes all taps of a row at once. */
const WIDE_MAP = 8

/**
 * Gradient of depthwise filters, `[channels, kh, kw]`: each channel of each sample is convolved with its result's
 * gradient as the filter, dilated by the stride, and the samples are added.
 */
function filterGradient(lanes: BatchLanes, x: Value, dy: Value, channels: number, window: Window): Value {
  const { emitter } = lanes
  const { output, kernel, stride } = window
  let { input, pads } = window
  const reach = (axis: 0 | 1, before: number): number =>
    kernel[axis] + (output[axis] - 1) * stride[axis] - input[axis] - before
  const bottom = reach(0, pads.top)
  const right = reach(1, pads.left)
  pads = { top: pads.top, left: pads.left, bottom: Math.max(bottom, 0), right: Math.max(right, 0) }
  let maps = x
  if (lanes.lanes > 1 && input[1] >= WIDE_MAP && pads.left + pads.right > 0) {
    const { left, right: after } = pads
    const rows = emitter.reshape(x, [channels * lanes.blocks * input[0], input[1] * lanes.lanes])
    maps = emitter.node('Pad', [rows, emitter.integers([0, left * lanes.lanes, 0, after * lanes.lanes])])
    input = [input[0], input[1] + left + after]
    pads = { ...pads, left: 0, right: 0 }
  }
  const found = lanes.depthwise(maps, dy, { channels, input, kernel: output, stride: [1, 1], dilation: stride, pads })
  const size = [kernel[0] - Math.min(bottom, 0), kernel[1] - Math.min(right, 0)]
  let perSample = emitter.reshape(found, [channels, lanes.blocks, ...size, lanes.lanes])
  if (bottom < 0 || right < 0) {
    const bounds = [[0, 0], kernel, [2, 3]].map((values) => emitter.integers(values))
    perSample = emitter.node('Slice', [perSample, ...bounds])
  }
  return emitter.node('ReduceSum', [perSample, emitter.integers([1, 4])])
}

export const depthwiseConv2d: TrainingRule<'depthwiseConv2d'> = (scope, node) => {
  const { emitter, lanes, groups } = scope
  const window = windowOf(node.op, node.inputShapes[0]!, node.shape)
  const { input, kernel, stride, pads } = window
  const channels = groups * channelsOf(node.shape)
  const taps = tapsOf(window)
  const x = node.inputs[0]!
  const filters = readWeight(scope, node.id, 'kernel')
  const bias = node.op.bias
    ? { bias: lanes.repeat(emitter.reshape(readWeight(scope, node.id, 'bias'), [channels, 1]), channels) }
    : {}
  const repeated = lanes.repeatFilters(filters, channels, taps)
  return {
    output: lanes.depthwise(x, repeated, { channels, input, kernel, stride, pads }, bias),
    pullback: (dy) => {
      writeGradient(scope, node.id, 'kernel', filterGradient(lanes, x, dy, channels, window))
      if (node.op.bias) writeGradient(scope, node.id, 'bias', sumRows(scope, dy, channels))
      if (!node.needed[0]) return [undefined]
      const back = reverseWindow(lanes, dy, channels, window)
      const turned = lanes.repeatFilters(turnKernels(lanes, filters, channels, taps), channels, taps)
      return [lanes.depthwise(back.spread, turned, { channels, ...back.window })]
    },
  }
}
