import type { Value } from './emitter.ts'
import { type ProductSize, product, productSize, productWithEpilogue } from './product.ts'
import { type ConvSize, canBlock, convolve, inputGradient, kernelGradient } from './spatial-convolution.ts'
import {
  channelsOf,
  type Emission,
  pixelsOf,
  type RuleInput,
  readWeight,
  sumRows,
  type TrainingRule,
  type TrainingScope,
  writeGradient,
} from './training-scope.ts'
import { isPointwise, reverseWindow, tapsOf, turnKernels, type Window, windowColumns, windowOf } from './windows.ts'

/** A product with a weight matrix and its gradients; `width` is batch·h·w of the result. */
function emitProduct(
  scope: TrainingScope,
  node: { readonly id: string; readonly bias: boolean },
  size: ProductSize,
  width: number,
  columns: Value,
  columnsGradient: ((dy: Value, kernel: Value) => Value) | undefined,
): Emission {
  const { groups, outputs, inputs } = size
  const rows = groups * outputs
  const kernel = scope.emitter.reshape(readWeight(scope, node.id, 'kernel'), [rows, inputs])
  const output = node.bias
    ? productWithEpilogue(scope, kernel, columns, size, width, { bias: readWeight(scope, node.id, 'bias') })
    : product(scope, groups, kernel, columns, { a: outputs, b: inputs, result: outputs, columns: width })
  return {
    output,
    pullback: (dy) => {
      writeGradient(scope, node.id, 'kernel', weightGradient(scope, dy, columns, size))
      if (node.bias) writeGradient(scope, node.id, 'bias', sumRows(scope, dy, rows))
      return [columnsGradient?.(dy, kernel)]
    },
  }
}

/** `dy · columnsᵀ`, computed so that the runtime has to pack the smaller of the two. */
function weightGradient(scope: TrainingScope, dy: Value, columns: Value, size: ProductSize): Value {
  const { groups, outputs, inputs } = size
  if (inputs <= outputs) {
    return product(scope, groups, dy, columns, { a: outputs, b: inputs, result: outputs, columns: inputs }, 'b')
  }
  const { emitter } = scope
  const turned = product(scope, groups, columns, dy, { a: inputs, b: outputs, result: inputs, columns: outputs }, 'b')
  return emitter.transpose(emitter.reshape(turned, [groups, inputs, outputs]), [0, 2, 1])
}

/** Gradient of the operand of a plain product, `Wᵀ · dy`. */
const productGradient =
  (scope: TrainingScope, { groups, outputs, inputs }: ProductSize, width: number) =>
  (dy: Value, kernel: Value): Value =>
    product(scope, groups, kernel, dy, { a: outputs, b: outputs, result: inputs, columns: width }, 'a')

/** Gradient of a map: the columns of the gradient's own window times the kernels, turned and with channels exchanged. */
function windowGradient(
  scope: TrainingScope,
  window: Window,
  { groups, outputs: filters }: ProductSize,
  channels: number,
): (dy: Value, kernel: Value) => Value {
  const { emitter, lanes } = scope
  const taps = tapsOf(window)
  const width = lanes.batch * window.input[0] * window.input[1]
  return (dy, kernel) => {
    const back = reverseWindow(lanes, dy, groups * filters, window)
    const columns = windowColumns(lanes, back.spread, groups * filters, back.window)
    const turned = turnKernels(lanes, kernel, groups * filters * channels, taps)
    const exchanged = emitter.transpose(emitter.reshape(turned, [groups, filters, channels, taps]), [0, 2, 1, 3])
    const matrix = emitter.reshape(exchanged, [groups * channels, filters * taps])
    const rows = { a: channels, b: filters * taps, result: channels, columns: width }
    return product(scope, groups, matrix, columns, rows)
  }
}

/** A convolution with a real window and one kernel set for all: on the runtime's blocked kernels. */
function emitSpatial(scope: TrainingScope, node: RuleInput<'conv2d'>, window: Window, size: ConvSize): Emission {
  const { emitter, lanes } = scope
  const x = node.inputs[0]!
  const kernels = readWeight(scope, node.id, 'kernel')
  const y = convolve(lanes, x, kernels, size, window)
  const bias = (): Value => emitter.reshape(readWeight(scope, node.id, 'bias'), [size.filters, 1])
  return {
    output: node.op.bias ? emitter.node('Add', [y, bias()]) : y,
    pullback: (dy) => {
      writeGradient(scope, node.id, 'kernel', kernelGradient(lanes, x, dy, size, window))
      if (node.op.bias) writeGradient(scope, node.id, 'bias', sumRows(scope, dy, size.filters))
      return [node.needed[0] ? inputGradient(lanes, dy, kernels, size, window) : undefined]
    },
  }
}

const conv2d: TrainingRule<'conv2d'> = (scope, node) => {
  const { op, inputs, inputShapes, shape, needed, sharedInput } = node
  const window = windowOf(op, inputShapes[0]!, shape)
  const channels = channelsOf(inputShapes[0]!)
  const size = productSize(scope, sharedInput, { inputs: channels * tapsOf(window), outputs: op.filters })
  const spatial = { channels, filters: size.outputs }
  if (tapsOf(window) > 1 && size.groups === 1 && canBlock(scope.lanes, spatial)) {
    return emitSpatial(scope, node, window, spatial)
  }
  const width = scope.lanes.batch * pixelsOf(shape)
  const columns = windowColumns(scope.lanes, inputs[0]!, size.groups * channels, window)
  const gradient = isPointwise(window)
    ? productGradient(scope, size, width)
    : windowGradient(scope, window, size, channels)
  return emitProduct(scope, { id: node.id, bias: op.bias }, size, width, columns, needed[0] ? gradient : undefined)
}

const dense: TrainingRule<'dense'> = (scope, { id, op, inputs, inputShapes, needed, sharedInput }) => {
  const size = productSize(scope, sharedInput, { inputs: inputShapes[0]![0]!, outputs: op.units })
  const width = scope.lanes.batch
  const gradient = needed[0] ? productGradient(scope, size, width) : undefined
  return emitProduct(scope, { id, bias: op.bias }, size, width, inputs[0]!, gradient)
}

export const PRODUCT_RULES = { conv2d, dense }
