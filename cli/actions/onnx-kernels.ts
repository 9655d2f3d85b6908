import { OnnxEmitter, type Value } from '../../evaluators/training/onnx/emitter.ts'
import { sizeOf, windowExtent, windowPadding } from '../../network/shapes.ts'
import type { NetworkGraph, NetworkNode, OpKind, OpOf, Padding, Pair, Shape } from '../../network/types.ts'

const WRITTEN: ReadonlySet<OpKind> = new Set([
  'input',
  'conv2d',
  'depthwiseConv2d',
  'transposeConv2d',
  'relu',
  'unary',
  'softmax',
  'concat',
  'globalAveragePool',
  'averagePool',
  'maxPool',
  'add',
  'custom',
])
const FUNCTIONS: Partial<Record<OpOf<'unary'>['function'], string>> = { tanh: 'Tanh', elu: 'Elu', softplus: 'Softplus' }
const NORM = 'LayerNormalization'
const RECURRENT: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN'])

/**
 * Whether `kernelFile` can write a network: convolutions of every sort on a map or a sequence, functions of each element, softmaxes of rows and recurrent
 * layers. They may have what networks of search spaces do not: groups, gaps, larger results, steps.
 */
export const isKernelNetwork = ({ nodes }: NetworkGraph): boolean =>
  nodes.every(
    ({ op }) =>
      WRITTEN.has(op.kind) &&
      (op.kind !== 'globalAveragePool' || op.keepDims) &&
      (op.kind !== 'unary' || FUNCTIONS[op.function] !== undefined) &&
      (op.kind !== 'custom' || RECURRENT.has(op.name) || op.name === NORM),
  ) && nodes[0]!.shape.length > 1

/** Times do not depend on it, as long as results stay ordinary numbers. */
const WEIGHT = 1 / 64

/** A sequence is a map of one row in a network, and has one axis less in a file. */
const isSequence = (shape: Shape): boolean => shape.length === 3 && shape[0] === 1 && shape[1]! > 1

function stored(emitter: OnnxEmitter, name: string, dims: readonly number[]): Value {
  return emitter.initializer(name, { type: 'float32', dims, data: new Float32Array(sizeOf(dims)).fill(WEIGHT) })
}

type Writer<K extends OpKind> = (
  emitter: OnnxEmitter,
  id: string,
  op: OpOf<K>,
  inputs: readonly Value[],
  shape: Shape,
) => Value

interface Windowed {
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Padding
  readonly dilation?: Pair
}

/** Axes of a window over a map, or over a sequence. */
export const windowAxes = (shape: Shape): readonly number[] => (isSequence(shape) ? [1] : [0, 1])

/** Attributes of a window over a map, or over a sequence. */
export function windowAttributes(shape: Shape, { kernel, stride, padding, dilation = [1, 1] }: Windowed) {
  const axes = windowAxes(shape)
  const pads = axes.map((axis) => {
    const extent = windowExtent(kernel[axis]!, dilation[axis]!)
    return windowPadding(shape[axis]!, extent, stride[axis]!, padding)
  })
  const of = (pair: Pair): bigint[] => axes.map((axis) => BigInt(pair[axis]!))
  return {
    kernel_shape: of(kernel),
    strides: of(stride),
    pads: [...pads.map(([before]) => before), ...pads.map(([, after]) => after)].map(BigInt),
    dilations: of(dilation),
  }
}

/** Filters and groups of a convolution; a depthwise one has as many of both as its operand has channels. */
export const filtersOf = (op: OpOf<'conv2d' | 'depthwiseConv2d'>, channels: number): Pair =>
  op.kind === 'depthwiseConv2d' ? [channels, channels] : [op.filters, op.groups ?? 1]

const convolution: Writer<'conv2d' | 'depthwiseConv2d'> = (emitter, id, op, inputs, shape) => {
  const channels = shape.at(-1)!
  const [filters, groups] = filtersOf(op, channels)
  const kernel = windowAxes(shape).map((axis) => op.kernel[axis]!)
  const weights = stored(emitter, `${id}.kernel`, [filters, channels / groups, ...kernel])
  return emitter.node('Conv', [inputs[0]!, weights, ...(op.bias ? [stored(emitter, `${id}.bias`, [filters])] : [])], {
    attributes: { ...windowAttributes(shape, op), group: BigInt(groups) },
  })
}

const transposed: Writer<'transposeConv2d'> = (emitter, id, op, inputs, shape) =>
  emitter.node(
    'ConvTranspose',
    [
      inputs[0]!,
      stored(emitter, `${id}.kernel`, [shape[2]!, op.filters, ...op.kernel]),
      stored(emitter, `${id}.bias`, [op.filters]),
    ],
    {
      attributes: {
        kernel_shape: op.kernel.map(BigInt),
        strides: op.stride.map(BigInt),
        output_shape: op.outputSize.map(BigInt),
      },
    },
  )

export const pooled: Writer<'averagePool' | 'maxPool'> = (emitter, _, op, inputs, shape) => {
  const { kernel_shape, strides, pads } = windowAttributes(shape, op)
  const attributes = { kernel_shape, strides, pads }
  return emitter.node(op.kind === 'maxPool' ? 'MaxPool' : 'AveragePool', inputs, { attributes })
}

const normalised: Writer<'custom'> = (emitter, id, _, inputs, shape) => {
  const features = [shape.at(-1)!]
  return emitter.node(NORM, [
    inputs[0]!,
    stored(emitter, `${id}.scale`, features),
    stored(emitter, `${id}.bias`, features),
  ])
}

const recurrent: Writer<'custom'> = (emitter, id, op, inputs, [count, features]) => {
  const width = op.steps!.width
  const units = op.shape[0]! / count!
  const sequence = emitter.transpose(inputs[0]!, [1, 0, 2])
  const weights = stored(emitter, `${id}.input`, [1, width, features!])
  const again = stored(emitter, `${id}.again`, [1, width, units])
  const bias = stored(emitter, `${id}.bias`, [1, 2 * width])
  const attributes = { hidden_size: BigInt(units) }
  return emitter.reshape(emitter.node(op.name, [sequence, weights, again, bias], { attributes }), [1, -1])
}

function emit(emitter: OnnxEmitter, { op, id }: NetworkNode, inputs: readonly Value[], shape: Shape): Value {
  if (op.kind === 'conv2d' || op.kind === 'depthwiseConv2d') return convolution(emitter, id, op, inputs, shape)
  if (op.kind === 'transposeConv2d') return transposed(emitter, id, op, inputs, shape)
  if (op.kind === 'averagePool' || op.kind === 'maxPool') return pooled(emitter, id, op, inputs, shape)
  if (op.kind === 'custom' && op.name === NORM) return normalised(emitter, id, op, inputs, shape)
  if (op.kind === 'custom') return recurrent(emitter, id, op, inputs, shape)
  if (op.kind === 'unary') return emitter.node(FUNCTIONS[op.function]!, inputs)
  if (op.kind === 'softmax') return emitter.node('Softmax', inputs, { attributes: { axis: -1n } })
  if (op.kind === 'add') return emitter.node('Add', inputs)
  if (op.kind === 'relu') return emitter.node('Relu', inputs)
  if (op.kind === 'concat') return emitter.node('Concat', inputs, { attributes: { axis: 1n } })
  return emitter.node('GlobalAveragePool', inputs)
}

/** The input with the batch first and channels before the map's axes; a sequence of a recurrent layer stays as it is. */
export function laidOut(emitter: OnnxEmitter, shape: Shape): Value {
  const input = emitter.input('input', 'float32', [1, ...shape])
  if (shape.length < 3) return input
  if (!isSequence(shape)) return emitter.transpose(input, [0, 3, 1, 2])
  return emitter.transpose(emitter.reshape(input, [1, ...shape.slice(1)]), [0, 2, 1])
}

/** A chain of kernels as an ONNX file of batch 1, the input with its channels last, all weights alike. */
export function kernelFile({ nodes, output }: NetworkGraph): Uint8Array {
  const emitter = new OnnxEmitter()
  const values = new Map<string, Value>()
  const shapes = new Map(nodes.map(({ id, shape }) => [id, shape]))
  for (const node of nodes) {
    const inputs = node.inputs.map((id) => values.get(id)!)
    const value =
      node.op.kind === 'input'
        ? laidOut(emitter, node.shape)
        : emit(emitter, node, inputs, shapes.get(node.inputs[0]!)!)
    values.set(node.id, value)
  }
  emitter.output('output', 'float32', ['any'], emitter.reshape(values.get(output)!, [-1]))
  return emitter.encode('kernels')
}
