import { readersIn } from '../../formats/onnx/node-lookup.ts'
import type { OnnxFile, OnnxFileNode } from '../../formats/onnx/read-onnx.ts'
import { UserError } from '../../lib/errors.ts'
import { sameShape, shapeText, sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { OnnxFloatImport, OnnxValue } from './onnx-float-import.ts'

/**
 * Where the channels of a map stand in the file. Ours are always last: changing the file's order moves nothing, and only says
 * how the axes and stored operands of the nodes behind are counted.
 */
export type Layout = Pick<OnnxValue, 'last' | 'flattened'>

export const layoutOf = ({ last, flattened }: OnnxValue): Layout => ({
  ...(last === undefined ? {} : { last }),
  ...(flattened === undefined ? {} : { flattened }),
})

const LAST = { last: true } as const

/** The axes of a sample as the file has them; `rank` axes of maps, with the batch. */
function fileDims({ shape, last, flattened: _ }: OnnxValue, rank: number): Shape {
  if (shape.length < 3) return shape
  const [height, width, channels] = shape as readonly [number, number, number]
  const spatial = rank === 3 ? [width] : [height, width]
  return last === true ? [...spatial, channels] : [channels, ...spatial]
}

/** Our shape of a map with these axes in the file. */
function mapShape(dims: Shape, last: boolean): Shape {
  const spatial = last ? dims.slice(0, -1) : dims.slice(1)
  return [...(spatial.length === 1 ? [1] : []), ...spatial, last ? dims.at(-1)! : dims[0]!]
}

/** The layout that operands have together. @throws UserError when their axes do not lie over each other. */
export function commonLayout(operands: readonly OnnxValue[]): Layout {
  const maps = operands.filter(({ shape }) => shape.length === 3)
  const [first] = maps.length > 0 ? maps : operands
  const layout = layoutOf(first!)
  for (const operand of operands) {
    const isMap = operand.shape.length === 3
    const fits = isMap
      ? operand.last === layout.last
      : maps.length > 0
        ? layout.last === true && operand.flattened === undefined
        : sameShape(operand.flattened ?? [], layout.flattened ?? [])
    if (!fits) throw new UserError('its operands have their axes in different orders, which is not converted')
  }
  return layout
}

/** `Transpose` of a computed value. @throws UserError unless channels go from the front to the end, or back. */
export function transposedValue(
  network: OnnxFloatImport,
  value: OnnxValue,
  permutation: readonly number[] | undefined,
): OnnxValue {
  const dims = fileDims(value, network.rank)
  const order = permutation ?? Array.from({ length: dims.length + 1 }, (_, axis) => dims.length - axis)
  if (order.every((axis, i) => axis === i)) return value
  const lacking =
    'it moves other axes than the channels of a map to the end or back to the front, which is not converted'
  if (value.shape.length !== 3 || order.length !== dims.length + 1 || order[0] !== 0) throw new UserError(lacking)
  const channels = value.last === true ? dims.length : 1
  const place = order.indexOf(channels)
  // The other axes keep their order, but for those of length 1, which have none.
  const others = order.filter((axis) => axis !== channels && axis !== 0 && dims[axis - 1] !== 1)
  if (others.some((axis, i) => i > 0 && axis < others[i - 1]!)) throw new UserError(lacking)
  const { node, shape } = value
  if (place === dims.length) return { node, shape, ...LAST }
  if (place === 1) return { node, shape }
  throw new UserError(lacking)
}

/** The sample's axes that a `Reshape` asks for. @throws UserError when they do not fit. */
function targetOf(target: readonly number[], dims: Shape): Shape {
  const [batch, ...rest] = target.map((length, axis) =>
    length === 0 ? (axis === 0 ? 1 : (dims[axis - 1] ?? 0)) : length,
  )
  const size = sizeOf(dims)
  const open = rest.filter((length) => length === -1).length
  const known = rest.reduce((product, length) => (length === -1 ? product : product * length), 1)
  const whole = rest.map((length) => (length === -1 ? size / known : length))
  if ((batch !== 1 && batch !== -1) || open > 1 || rest.length === 0 || sizeOf(whole) !== size)
    throw new UserError(`it makes ${shapeText(target)} of samples of ${shapeText(dims)}, which is not converted`)
  return whole
}

/** A value in the axes that a `Reshape` asks for. @throws UserError where elements would have to be moved. */
export function reshapedValue(network: OnnxFloatImport, value: OnnxValue, target: readonly number[]): OnnxValue {
  const dims = fileDims(value, network.rank)
  const wanted = targetOf(target, dims)
  if (wanted.length === 1) return vectorOf(network, value)
  if (wanted.length !== network.rank - 1)
    throw new UserError(`it makes samples of ${wanted.length} axes, which is not converted`)
  if (value.shape.length === 3 && sameShape(wanted, dims)) return value
  const [height, width, channels] = (value.flattened ?? value.shape) as readonly [number, number, number]
  // Back to the map that was flattened.
  if (value.flattened !== undefined && sameShape(wanted, fileDims({ ...value, shape: value.flattened }, network.rank)))
    return network.shaped({ node: value.node, shape: value.shape }, value.flattened)
  const isFirst = value.flattened !== undefined || (value.shape.length === 3 && value.last !== true)
  // A map of one pixel, or of one channel, has its elements in the same order either way.
  if (isFirst && height * width !== 1 && channels !== 1)
    throw new UserError(`it makes ${shapeText(wanted)} of a map with the channels first, which is not converted`)
  const toFirst = wanted.slice(1).every((length) => length === 1) || (channels === 1 && wanted[0] === 1)
  const shape = mapShape(wanted, !toFirst)
  return { ...network.shaped({ node: value.node, shape: value.shape }, shape), ...(toFirst ? {} : LAST) }
}

/** `Flatten`: a vector of each sample, whose elements stay where they are. */
export function vectorOf(network: OnnxFloatImport, value: OnnxValue): OnnxValue {
  const { shape, last } = value
  if (shape.length === 1) return value
  const flat = network.shaped(value, [sizeOf(shape)])
  return last !== true && shape[0]! * shape[1]! > 1 ? { ...flat, flattened: shape } : flat
}

/** Columns of stored weights `[units, features]` in our order of a flattened map's elements. */
export function inOurOrder(weights: Float32Array, features: number, flattened: Shape | undefined): Float32Array {
  if (flattened === undefined) return weights
  const [height, width, channels] = flattened as readonly [number, number, number]
  return Float32Array.from({ length: weights.length }, (_, i) => {
    const [unit, feature] = [Math.floor(i / features), i % features]
    const [pixel, channel] = [Math.floor(feature / channels), feature % channels]
    return weights[unit * features + channel * height * width + pixel]!
  })
}

/** What a sample goes through before the node that tells where its channels stand. */
const PREPARING: ReadonlySet<string> = new Set('Sub Div Mul Add Cast Identity Clip Relu'.split(' '))
const MOST_STEPS = 16

/** Whether an input has the channels last: what first rearranges it brings them to the front. */
export function readsChannelsLast(file: OnnxFile, input: string, dims: Shape): boolean {
  const readers = readersIn(file)
  let name = input
  for (let i = 0; i < MOST_STEPS; i++) {
    const [next] = readers.get(name) ?? []
    if (next === undefined) return false
    if (!PREPARING.has(next.opType)) return bringsToFront(file, next, dims)
    name = next.outputs[0] ?? ''
  }
  return false
}

function bringsToFront(file: OnnxFile, { opType, inputs, integers }: OnnxFileNode, dims: Shape): boolean {
  const rank = dims.length
  if (opType === 'Transpose') return integers.get('perm')?.join() === (rank === 3 ? '0,2,1' : '0,3,1,2')
  const target = file.initializers.get(inputs[1] ?? '')?.values
  // One channel needs no moving.
  return opType === 'Reshape' && dims.at(-1) === 1 && dims[1] !== 1 && target?.length === rank && target[1] === 1
}
