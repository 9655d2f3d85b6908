import type { BatchLanes } from './batch-lanes.ts'
import type { Value } from './emitter.ts'
import { channelsOf, readWeight, sumRows, type TrainingRule, writeGradient } from './training-scope.ts'
import { filterGradientProblem, reverseWindow, tapsOf, turnKernels, type Window, windowOf } from './windows.ts'

/**
 * Gradient of depthwise filters, `[channels, kh, kw]`: each channel of each sample is convolved with its result's
 * gradient as the filter, and the samples are added.
 */
function filterGradient(lanes: BatchLanes, x: Value, dy: Value, channels: number, window: Window): Value {
  const { emitter } = lanes
  const { output, kernel, stride } = window
  const { maps, input, pads, found } = filterGradientProblem(lanes, x, channels, window)
  const problem = { channels, input, kernel: output, stride: [1, 1], dilation: stride, pads } as const
  let perSample = emitter.reshape(lanes.depthwise(maps, dy, problem), [channels, lanes.blocks, ...found, lanes.lanes])
  if (found[0] > kernel[0] || found[1] > kernel[1]) {
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
