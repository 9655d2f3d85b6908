import { UserError } from '../../lib/errors.ts'
import { sameShape, shapeText, sizeOf } from '../../network/shapes.ts'
import type { OnnxValue } from './onnx-float-import.ts'
import { commonLayout, inOurOrder, layoutOf } from './onnx-layout.ts'
import { isMap, type OnnxInput, type OnnxReader } from './onnx-reader.ts'

/** Sums, differences, products and quotients, of computed values and with stored ones. */

/** A constant of one value, or of one a channel or feature, in our order of features. @returns with the operand that is computed. */
function constantOf({ network, node }: OnnxInput): { readonly name: string; readonly values: Float32Array } {
  const [first, second] = node.inputs as readonly [string, string]
  const [stored, name] = network.isStored(first) ? [first, second] : [second, first]
  const x = network.value(name)
  const dims = network.dimsOf(stored)
  const count = sizeOf(dims)
  const axis = isMap(x) && x.last !== true ? 1 - network.rank : -1
  if (count > 1 && dims.at(axis) !== count)
    throw new UserError(
      `its stored operand has the shape ${shapeText(dims)}; one value, or one a ${isMap(x) ? 'channel' : 'feature'}, is converted`,
    )
  const values = network.stored(stored)
  return { name, values: count === 1 ? values : inOurOrder(values, count, x.flattened) }
}

/** scale · x + shift. Behind another one that nobody else reads it goes into that. */
function scaled(
  { network }: OnnxInput,
  name: string,
  {
    scale,
    shift,
  }: { readonly scale: readonly number[] | Float32Array; readonly shift: readonly number[] | Float32Array },
): OnnxValue {
  const x = network.value(name)
  const { node, shape } = x
  const layout = layoutOf(x)
  const at = (values: ArrayLike<number>, i: number): number => values[values.length === 1 ? 0 : i]!
  const fits = [scale, shift].every(({ length }) => length === 1 || length === shape.at(-1))
  if (network.readers(name) !== 1 || !fits) return { ...network.perChannel(x, scale, shift), ...layout }
  if (x.bias !== undefined && scale.every((value) => value === 1)) {
    for (let i = 0; i < x.bias.length; i++) x.bias[i]! += at(shift, i)
    return { node, shape, ...layout }
  }
  const { affine } = x
  if (affine === undefined) return { ...network.perChannel(x, scale, shift), ...layout }
  for (let i = 0; i < affine.gamma.length; i++) {
    affine.gamma[i]! *= at(scale, i)
    affine.beta[i] = affine.beta[i]! * at(scale, i) + at(shift, i)
  }
  return x
}

export const add: OnnxReader = (input) => {
  const { network, node } = input
  if (node.inputs.some(network.isStored)) {
    const { name, values } = constantOf(input)
    return scaled(input, name, { scale: [1], shift: values })
  }
  return sum(input)
}

export const subtract: OnnxReader = (input) => {
  const { network, node } = input
  if (!node.inputs.some(network.isStored))
    throw new UserError('it subtracts one computed value from another, which is not converted')
  const { name, values } = constantOf(input)
  const isFirst = network.isStored(node.inputs[0]!)
  return scaled(input, name, isFirst ? { scale: [-1], shift: values } : { scale: [1], shift: values.map((v) => -v) })
}

export const divide: OnnxReader = (input) => {
  const { network, node } = input
  if (!network.isStored(node.inputs[1]!)) throw new UserError('it divides by a computed value, which is not converted')
  const { name, values } = constantOf(input)
  if (values.includes(0)) throw new UserError('it divides by a stored 0')
  return scaled(input, name, { scale: Array.from(values, (value) => 1 / value), shift: [0] })
}

/** Sums of several are sums of two, one behind the other: their int8 kernels have one arithmetic everywhere. */
export const sum: OnnxReader = ({ network, node }) => {
  const [first, ...others] = node.inputs.map((name) => network.value(name))
  if (first === undefined || others.some(({ shape }) => !sameShape(shape, first.shape)))
    throw new UserError('its operands have different shapes, which is not converted')
  const layout = commonLayout([first, ...others])
  const total = others.reduce<OnnxValue>((total, other) => network.add({ kind: 'add' }, [total, other]), first)
  return { ...total, ...layout }
}

export const multiply: OnnxReader = (input) => {
  const { network, node } = input
  if (node.inputs.some(network.isStored)) {
    const { name, values } = constantOf(input)
    return scaled(input, name, { scale: values, shift: [0] })
  }
  const operands = node.inputs.map((name) => network.value(name))
  const layout = commonLayout(operands)
  const bySize = operands.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))
  return { ...network.add({ kind: 'multiply' }, bySize), ...layout }
}
