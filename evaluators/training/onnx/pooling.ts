import { BLOCKED_DOMAIN, type Value } from './emitter.ts'
import { channelsOf, pixelsOf, type TrainingRule } from './training-scope.ts'
import { reverseWindow, tapsOf, type Window, windowOf } from './windows.ts'

/** How many samples of the map each window covers: padding does not count. Row-major `[oh, ow]`. */
function coveredCounts({ input, output, kernel, stride, pads }: Window): readonly number[] {
  const along = (axis: 0 | 1, before: number, index: number): number => {
    const start = index * stride[axis] - before
    return Math.min(start + kernel[axis], input[axis]) - Math.max(start, 0)
  }
  const counts: number[] = []
  for (let row = 0; row < output[0]; row++) {
    for (let column = 0; column < output[1]; column++) {
      counts.push(along(0, pads.top, row) * along(1, pads.left, column))
    }
  }
  return counts
}

const padList = ({ pads }: Window): readonly bigint[] => [pads.top, pads.left, pads.bottom, pads.right].map(BigInt)

const averagePool: TrainingRule<'averagePool'> = ({ emitter, lanes, groups }, node) => {
  const window = windowOf(node.op, node.inputShapes[0]!, node.shape)
  const channels = groups * channelsOf(node.shape)
  const { input, output, kernel, stride } = window
  const attributes = { kernel_shape: kernel.map(BigInt), strides: stride.map(BigInt), pads: padList(window) }
  const maps = emitter.reshape(node.inputs[0]!, [1, channels * lanes.batch, ...input])
  const domain = lanes.lanes > 1 ? BLOCKED_DOMAIN : ''
  return {
    output: lanes.rows(emitter.node('AveragePool', [maps], { domain, attributes }), channels),
    pullback: (dy) => {
      const shares = emitter.floats(
        coveredCounts(window).map((count) => 1 / count),
        [1, output[0] * output[1], 1],
      )
      const spreadOut = emitter.reshape(dy, [channels * lanes.blocks, output[0] * output[1], lanes.lanes])
      const back = reverseWindow(lanes, emitter.node('Mul', [spreadOut, shares]), channels, window)
      const taps = tapsOf(window)
      const ones = emitter.node('Expand', [emitter.scalar(1), emitter.integers([channels * lanes.batch, taps])])
      return [lanes.depthwise(back.spread, ones, { channels, ...back.window })]
    },
  }
}

/** The gradient goes to the first largest element of each window. */
const maxPool: TrainingRule<'maxPool'> = ({ emitter, lanes, groups }, node) => {
  const window = windowOf(node.op, node.inputShapes[0]!, node.shape)
  const channels = groups * channelsOf(node.shape)
  const { input, kernel, stride, pads } = window
  const dims = [1, channels * lanes.blocks, ...input, lanes.lanes]
  const attributes = {
    kernel_shape: [...kernel.map(BigInt), 1n],
    strides: [...stride.map(BigInt), 1n],
    pads: [pads.top, pads.left, 0, pads.bottom, pads.right, 0].map(BigInt),
  }
  const [y, indices] = emitter.nodes('MaxPool', [emitter.reshape(node.inputs[0]!, dims)], 2, { attributes })
  return {
    output: lanes.rows(y!, channels),
    pullback: (dy) => {
      const elements = dims.reduce((product, length) => product * length, 1)
      const zeros = emitter.node('Expand', [emitter.scalar(0), emitter.integers([elements])])
      const places = emitter.reshape(indices!, [-1])
      const dx = emitter.node('ScatterElements', [zeros, places, emitter.reshape(dy, [-1])], {
        attributes: { axis: 0n, reduction: 'add' },
      })
      return [lanes.rows(dx, channels)]
    },
  }
}

const globalAveragePool: TrainingRule<'globalAveragePool'> = ({ emitter, lanes, groups }, node) => {
  const channels = groups * channelsOf(node.shape)
  const pixels = pixelsOf(node.inputShapes[0]!)
  const split = (x: Value): Value => emitter.reshape(x, [channels * lanes.blocks, -1, lanes.lanes])
  const mean = emitter.node('ReduceMean', [split(node.inputs[0]!)], { attributes: { axes: [1n] } })
  return {
    output: lanes.rows(mean, channels),
    pullback: (dy) => {
      const share = emitter.node('Mul', [split(dy), emitter.scalar(1 / pixels)])
      const everywhere = emitter.integers([channels * lanes.blocks, pixels, lanes.lanes])
      return [lanes.rows(emitter.node('Expand', [share, everywhere]), channels)]
    },
  }
}

export const POOLING_RULES = { averagePool, maxPool, globalAveragePool }
