import type { Value } from './emitter.ts'
import { type ProductSize, product, productSize, productWithEpilogue } from './product.ts'
import {
  channelsOf,
  type Emission,
  pixelsOf,
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
      const sizes = { a: outputs, b: inputs, result: outputs, columns: inputs }
      writeGradient(scope, node.id, 'kernel', product(scope, groups, dy, columns, sizes, 'b'))
      if (node.bias) writeGradient(scope, node.id, 'bias', sumRows(scope, dy, rows))
      return [columnsGradient?.(dy, kernel)]
    },
  }
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
  size: { readonly channels: number; readonly filters: number },
): (dy: Value, kernel: Value) => Value {
  const { emitter, lanes, groups } = scope
  const { channels, filters } = size
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

const conv2d: TrainingRule<'conv2d'> = (scope, node) => {
  const { op, inputs, inputShapes, shape, needed, sharedInput } = node
  const window = windowOf(op, inputShapes[0]!, shape)
  const channels = channelsOf(inputShapes[0]!)
  const size = productSize(scope, sharedInput, { inputs: channels * tapsOf(window), outputs: op.filters })
  const width = scope.lanes.batch * pixelsOf(shape)
  const columns = windowColumns(scope.lanes, inputs[0]!, scope.groups * channels, window)
  const gradient = isPointwise(window)
    ? productGradient(scope, size, width)
    : windowGradient(scope, window, { channels, filters: op.filters })
  return emitProduct(scope, { id: node.id, bias: op.bias }, size, width, columns, needed[0] ? gradient : undefined)
}

const dense: TrainingRule<'dense'> = (scope, { id, op, inputs, inputShapes, needed, sharedInput }) => {
  const size = productSize(scope, sharedInput, { inputs: inputShapes[0]![0]!, outputs: op.units })
  const width = scope.lanes.batch
  const gradient = needed[0] ? productGradient(scope, size, width) : undefined
  return emitProduct(scope, { id, bias: op.bias }, size, width, inputs[0]!, gradient)
}

export const PRODUCT_RULES = { conv2d, dense }
