import { FUSED_DOMAIN, type Value } from './emitter.ts'
import {
  channelsOf,
  type Emission,
  type RuleInput,
  readWeight,
  sumRows,
  type TrainingRule,
  type TrainingScope,
  writeGradient,
} from './training-scope.ts'
import { isPointwise, reverseWindow, tapsOf, turnKernels, type Window, windowColumns, windowOf } from './windows.ts'

/** One matrix product per group: `[groups·m, k] × [groups·k, n]`, either operand transposed on request. */
function product(
  scope: TrainingScope,
  groups: number,
  a: Value,
  b: Value,
  rows: { readonly a: number; readonly b: number; readonly result: number },
  transposed: 'none' | 'a' | 'b' = 'none',
): Value {
  const { emitter } = scope
  const split = (x: Value, length: number): Value =>
    emitter.reshape(x, groups === 1 ? [length, -1] : [groups, length, -1])
  const attributes = { transA: transposed === 'a' ? 1n : 0n, transB: transposed === 'b' ? 1n : 0n }
  const result = emitter.node('FusedMatMul', [split(a, rows.a), split(b, rows.b)], { domain: FUSED_DOMAIN, attributes })
  return groups === 1 ? result : emitter.reshape(result, [groups * rows.result, -1])
}

function addBias(scope: TrainingScope, id: string, y: Value, rows: number): Value {
  const { emitter } = scope
  return emitter.node('Add', [y, emitter.reshape(readWeight(scope, id, 'bias'), [rows, 1])])
}

/**
 * A product with a weight matrix, `W[out, k] · columns[k, batch·h·w]`, and its gradients. With a shared operand the
 * groups' matrices stand above one another as one; that sums the operand's gradient over the groups at no cost.
 */
function emitProduct(
  scope: TrainingScope,
  node: { readonly id: string; readonly sharedInput: boolean; readonly bias: boolean },
  size: { readonly inputs: number; readonly outputs: number },
  columns: Value,
  columnsGradient: ((dy: Value, kernel: Value) => Value) | undefined,
): Emission {
  const groups = node.sharedInput ? 1 : scope.groups
  const outputs = node.sharedInput ? size.outputs * scope.groups : size.outputs
  const { inputs } = size
  const kernel = readWeight(scope, node.id, 'kernel')
  const y = product(scope, groups, scope.emitter.reshape(kernel, [groups * outputs, inputs]), columns, {
    a: outputs,
    b: inputs,
    result: outputs,
  })
  return {
    output: node.bias ? addBias(scope, node.id, y, groups * outputs) : y,
    pullback: (dy) => {
      const rows = { a: outputs, b: inputs, result: outputs }
      writeGradient(scope, node.id, 'kernel', product(scope, groups, dy, columns, rows, 'b'))
      if (node.bias) writeGradient(scope, node.id, 'bias', sumRows(scope, dy))
      return [columnsGradient?.(dy, kernel)]
    },
  }
}

/** Gradient of the operand of a plain product, `Wᵀ · dy`. */
function productGradient(
  scope: TrainingScope,
  shared: boolean,
  size: { readonly inputs: number; readonly outputs: number },
): (dy: Value, kernel: Value) => Value {
  const groups = shared ? 1 : scope.groups
  const outputs = shared ? size.outputs * scope.groups : size.outputs
  return (dy, kernel) => {
    const matrix = scope.emitter.reshape(kernel, [groups * outputs, size.inputs])
    return product(scope, groups, matrix, dy, { a: outputs, b: outputs, result: size.inputs }, 'a')
  }
}

/** Gradient of a map: the columns of the gradient's own window times the kernels, turned and with channels exchanged. */
function windowGradient(
  scope: TrainingScope,
  window: Window,
  size: { readonly channels: number; readonly filters: number },
): (dy: Value, kernel: Value) => Value {
  const { emitter, lanes, groups } = scope
  const { channels, filters } = size
  const taps = tapsOf(window)
  return (dy, kernel) => {
    const back = reverseWindow(lanes, dy, groups * filters, window)
    const columns = windowColumns(lanes, back.spread, groups * filters, back.window)
    const turned = turnKernels(lanes, kernel, groups * filters * channels, taps)
    const exchanged = emitter.transpose(emitter.reshape(turned, [groups, filters, channels, taps]), [0, 2, 1, 3])
    const matrix = emitter.reshape(exchanged, [groups * channels, filters * taps])
    return product(scope, groups, matrix, columns, { a: channels, b: filters * taps, result: channels })
  }
}

const conv2d: TrainingRule<'conv2d'> = (scope, node) => {
  const { op, inputs, inputShapes, shape, needed, sharedInput } = node
  const window = windowOf(op, inputShapes[0]!, shape)
  const channels = channelsOf(inputShapes[0]!)
  const size = { inputs: channels * tapsOf(window), outputs: op.filters }
  const columns = windowColumns(scope.lanes, inputs[0]!, scope.groups * channels, window)
  const gradient = isPointwise(window)
    ? productGradient(scope, sharedInput, size)
    : windowGradient(scope, window, { channels, filters: op.filters })
  const weights = { id: node.id, sharedInput, bias: op.bias }
  return emitProduct(scope, weights, size, columns, needed[0] ? gradient : undefined)
}

const dense: TrainingRule<'dense'> = (scope, { id, op, inputs, inputShapes, needed, sharedInput }) => {
  const size = { inputs: inputShapes[0]![0]!, outputs: op.units }
  const gradient = needed[0] ? productGradient(scope, sharedInput, size) : undefined
  return emitProduct(scope, { id, sharedInput, bias: op.bias }, size, inputs[0]!, gradient)
}

const depthwiseConv2d: TrainingRule<'depthwiseConv2d'> = (scope, node: RuleInput<'depthwiseConv2d'>) => {
  const { emitter, lanes, groups } = scope
  const window = windowOf(node.op, node.inputShapes[0]!, node.shape)
  const { input, output, kernel, stride, pads } = window
  const channels = groups * channelsOf(node.shape)
  const taps = tapsOf(window)
  const x = node.inputs[0]!
  const filters = readWeight(scope, node.id, 'kernel')
  const bias = node.op.bias
    ? { bias: lanes.repeat(emitter.reshape(readWeight(scope, node.id, 'bias'), [channels, 1]), channels) }
    : {}
  return {
    output: lanes.depthwise(
      x,
      lanes.repeatFilters(filters, channels, taps),
      { channels, input, kernel, stride, pads },
      bias,
    ),
    pullback: (dy) => {
      // Each channel of each sample is its own depthwise filter problem, with the gradient as the kernel.
      const reach = (length: number, axis: 0 | 1, before: number): number =>
        kernel[axis] + (output[axis] - 1) * stride[axis] - length - before
      const bottom = reach(input[0], 0, pads.top)
      const right = reach(input[1], 1, pads.left)
      const found = lanes.depthwise(x, dy, {
        channels,
        input,
        kernel: output,
        stride: [1, 1],
        dilation: stride,
        pads: { top: pads.top, left: pads.left, bottom: Math.max(bottom, 0), right: Math.max(right, 0) },
      })
      const size = [kernel[0] - Math.min(bottom, 0), kernel[1] - Math.min(right, 0)]
      let perLane = emitter.reshape(found, [channels, lanes.blocks, ...size, lanes.lanes])
      if (bottom < 0 || right < 0) {
        const bounds = [[0, 0], kernel, [2, 3]].map((values) => emitter.integers(values))
        perLane = emitter.node('Slice', [perLane, ...bounds])
      }
      writeGradient(scope, node.id, 'kernel', emitter.node('ReduceSum', [perLane, emitter.integers([1, 4])]))
      if (node.op.bias) writeGradient(scope, node.id, 'bias', sumRows(scope, dy))
      if (!node.needed[0]) return [undefined]
      const back = reverseWindow(lanes, dy, channels, window)
      const turned = lanes.repeatFilters(turnKernels(lanes, filters, channels, taps), channels, taps)
      return [lanes.depthwise(back.spread, turned, { channels, ...back.window })]
    },
  }
}

export const CONVOLUTION_RULES = { conv2d, depthwiseConv2d, dense }
