import { explicitPadding, sameShape } from '../../../network/shapes.ts'
import { type RangeSource, storedNodes } from '../../../network/stored-values.ts'
import { trainableOp } from '../../../network/trainable.ts'
import type {
  ActivationKind,
  NetworkGraph,
  OpKind,
  OpOf,
  Padding,
  Pair,
  Shape,
  TrainableKind,
  WeightRole,
  Weights,
} from '../../../network/types.ts'
import { resizeMatrix } from '../../datasets/resize.ts'
import { LEAST_RANGE } from '../fake-quantisation.ts'
import { OnnxEmitter, type Value } from './emitter.ts'
import { emitAllExperts, emitRoutedExperts } from './inference-experts.ts'

interface InferenceInput<K extends OpKind> {
  readonly op: OpOf<K>
  /** `[batch, channels, height, width]`, or `[batch, features]`. */
  readonly inputs: readonly Value[]
  readonly inputShapes: readonly Shape[]
  readonly shape: Shape
  /** The node's weight of this role as a stored tensor, in the layout of `WeightSpec` or the dimensions given. */
  readonly weight: (role: WeightRole, dims: readonly number[]) => Value
  /** Writes an expert's body on some features. */
  readonly body: (expert: number, features: Value) => Value
  /** Experts to which no sample goes do not run. */
  readonly routed: boolean
}

type InferenceRule<K extends OpKind> = (emitter: OnnxEmitter, node: InferenceInput<K>) => Value

function windowAttributes(op: { kernel: Pair; stride: Pair; padding: Padding }, input: Shape) {
  const size = { height: input[0]!, width: input[1]!, channels: input[2]! }
  const { top, left, bottom, right } = explicitPadding(size, op)
  return {
    kernel_shape: op.kernel.map(BigInt),
    strides: op.stride.map(BigInt),
    pads: [top, left, bottom, right].map(BigInt),
  }
}

const unary =
  <K extends ActivationKind>(opType: string, attributes: Record<string, number | bigint> = {}): InferenceRule<K> =>
  (emitter, { inputs }) =>
    emitter.node(opType, [inputs[0]!], { attributes })

const pool =
  <K extends 'averagePool' | 'maxPool'>(opType: string): InferenceRule<K> =>
  (emitter, { op, inputs, inputShapes }) =>
    emitter.node(opType, [inputs[0]!], { attributes: windowAttributes(op as OpOf<'maxPool'>, inputShapes[0]!) })

/** How each kind is written for inference: channels first, float weights stored in the file, running statistics. */
const INFERENCE_RULES: { readonly [K in Exclude<TrainableKind, 'input'>]: InferenceRule<K> } = {
  conv2d: (emitter, { op, inputs, inputShapes, weight }) => {
    const kernel = weight('kernel', [op.filters, inputShapes[0]![2]!, ...op.kernel])
    const bias = op.bias ? [weight('bias', [op.filters])] : []
    return emitter.node('Conv', [inputs[0]!, kernel, ...bias], { attributes: windowAttributes(op, inputShapes[0]!) })
  },
  depthwiseConv2d: (emitter, { op, inputs, inputShapes, weight }) => {
    const channels = inputShapes[0]![2]!
    const bias = op.bias ? [weight('bias', [channels])] : []
    const attributes = { ...windowAttributes(op, inputShapes[0]!), group: BigInt(channels) }
    return emitter.node('Conv', [inputs[0]!, weight('kernel', [channels, 1, ...op.kernel]), ...bias], { attributes })
  },
  dense: (emitter, { op, inputs, inputShapes, weight }) => {
    const bias = op.bias ? [weight('bias', [op.units])] : []
    const kernel = weight('kernel', [op.units, inputShapes[0]![0]!])
    return emitter.node('Gemm', [inputs[0]!, kernel, ...bias], { attributes: { transB: 1n } })
  },
  batchNorm: (emitter, { op, inputs, shape, weight }) => {
    const vector = (role: WeightRole): Value => weight(role, [shape.at(-1)!])
    const operands = [vector('gamma'), vector('beta'), vector('movingMean'), vector('movingVariance')]
    return emitter.node('BatchNormalization', [inputs[0]!, ...operands], { attributes: { epsilon: op.epsilon } })
  },
  relu: unary('Relu'),
  relu6: (emitter, { inputs }) => emitter.node('Clip', [inputs[0]!, emitter.scalar(0), emitter.scalar(6)]),
  hardSwish: unary('HardSwish'),
  hardSigmoid: unary('HardSigmoid', { alpha: 1 / 6, beta: 0.5 }),
  sigmoid: unary('Sigmoid'),
  softmax: unary('Softmax', { axis: 1n }),
  add: (emitter, { inputs }) => inputs.reduce((sum, x) => emitter.node('Add', [sum, x])),
  multiply: (emitter, { inputs, inputShapes }) => {
    const [a, b] = inputShapes as readonly [Shape, Shape]
    const scale = sameShape(a, b) ? inputs[1]! : emitter.reshape(inputs[1]!, [-1, b.at(-1)!, 1, 1])
    return emitter.node('Mul', [inputs[0]!, scale])
  },
  concat: (emitter, { inputs }) => emitter.node('Concat', inputs, { attributes: { axis: 1n } }),
  averagePool: pool('AveragePool'),
  maxPool: pool('MaxPool'),
  globalAveragePool: (emitter, { op, inputs, shape }) => {
    const mean = emitter.node('GlobalAveragePool', [inputs[0]!])
    return op.keepDims ? mean : emitter.reshape(mean, [-1, shape[0]!])
  },
  reshape: (emitter, { inputs, inputShapes, shape }) => {
    const from = inputShapes[0]!
    const rowMajor = from.length === 3 ? emitter.transpose(inputs[0]!, [0, 2, 3, 1]) : inputs[0]!
    const turned = emitter.reshape(rowMajor, [-1, ...shape])
    return shape.length === 3 ? emitter.transpose(turned, [0, 3, 1, 2]) : turned
  },
  routedExperts: (emitter, { op, inputs, shape, body, routed }) => {
    const [features, gates] = inputs as readonly [Value, Value]
    const mixture = { experts: op.experts, topK: op.topK, features, gates, shape, body }
    return routed ? emitRoutedExperts(emitter, mixture) : emitAllExperts(emitter, mixture)
  },
}

/** How raw samples become what the network reads: resized, then (x − mean) ÷ deviation. */
export interface SamplePreparation {
  /** `[height, width, channels]` of a raw sample. */
  readonly inputShape: Shape
  /** Per channel, in raw units. */
  readonly mean: readonly number[]
  readonly standardDeviation: readonly number[]
  /** Resized values are rounded to whole numbers, as samples of integer types are. */
  readonly roundResized: boolean
}

/** Writes the preparation of raw samples, channels first. */
export function emitPreparation(
  emitter: OnnxEmitter,
  raw: Value,
  target: Shape,
  preparation: SamplePreparation,
): Value {
  const { inputShape, mean, standardDeviation, roundResized } = preparation
  const [height, width, channels] = inputShape as readonly [number, number, number]
  let x = emitter.transpose(raw, [0, 3, 1, 2])
  if (!sameShape(inputShape, target)) {
    const [outHeight, outWidth] = target as readonly [number, number]
    const rows = emitter.floats(resizeMatrix(height, outHeight), [outHeight, height])
    const columns = emitter.floats(resizeMatrix(width, outWidth), [outWidth, width])
    x = emitter.node('MatMul', [emitter.node('MatMul', [rows, x]), emitter.transpose(columns, [1, 0])])
    if (roundResized) x = emitter.node('Floor', [emitter.node('Add', [x, emitter.scalar(0.5)])])
  }
  const perChannel = (values: readonly number[]) => emitter.floats(values, [channels, 1, 1])
  return emitter.node('Div', [emitter.node('Sub', [x, perChannel(mean)]), perChannel(standardDeviation)])
}

/** Of functions into 0 … 1: 256 levels from 0, a 256th apart. */
const UNIT_RANGE = [0, 255 / 256] as const

/** A value rounded to the 256 levels of a range, which is made to hold 0. */
function roundToRange(emitter: OnnxEmitter, value: Value, range: readonly [number, number]): Value {
  const low = Math.min(range[0], 0)
  const scale = (Math.max(range[1], 0, low + LEAST_RANGE) - low) / 255
  const zero = emitter.scalar(Math.round(-low / scale))
  const steps = emitter.node('Round', [emitter.node('Div', [value, emitter.scalar(scale)])])
  const levels = emitter.node('Add', [steps, zero])
  const kept = emitter.node('Clip', [levels, emitter.scalar(0), emitter.scalar(255)])
  return emitter.node('Mul', [emitter.node('Sub', [kept, zero]), emitter.scalar(scale)])
}

export interface InferenceOptions {
  /** A fixed number of samples, or the name of a free dimension. */
  readonly batch: number | string
  /** The file takes raw samples and prepares them by itself. Without it, they come resized and normalised. */
  readonly preparation?: SamplePreparation
  /** Stored in the file as key and value texts. */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * Paths of nodes (`<nodeId>`, in experts `<nodeId>/<expert>/<bodyNodeId>`) whose values the file gives too, each as an
   * output `node:<path>` with the channels first: what calibration looks at.
   */
  readonly observed?: ReadonlySet<string>
  /**
   * Experts run in branches that are skipped when no sample goes to them. Default: all run on all samples, and those that
   * are not chosen count 0, so that `observed` sees what each gives; looked into, a branch would have nothing to show.
   */
  readonly routed?: boolean
  /** Values are rounded to what int8 can hold, as in training with fake quantisation: ranges by path. */
  readonly ranges?: ReadonlyMap<string, readonly [number, number]>
  /** The network's weights and values are float16; input, preparation and output stay float32. */
  readonly float16?: boolean
}

/** Element types of ONNX. */
const [FLOAT, FLOAT16] = [1n, 10n]

/**
 * Writes a network with its weights as an ONNX file. Input `input`: float32 `[batch, height, width, channels]` (or
 * `[batch, features]`); output `output`: what the network's last node gives, `[batch, ...]` with the channels last.
 */
export function buildInferenceGraph(graph: NetworkGraph, weights: Weights, options: InferenceOptions): Uint8Array {
  const emitter = new OnnxEmitter()
  const stored = new Set<string>()
  const store = (name: string, dims: readonly number[]): Value => {
    if (stored.has(name)) return name
    stored.add(name)
    return emitter.initializer(name, emitter.real(weights.get(name)!, dims))
  }
  const asStored = (path: string, source: RangeSource | undefined, value: Value): Value => {
    if (source === undefined) return value
    const range = source === 'unit' ? UNIT_RANGE : options.ranges!.get(path)
    return range === undefined ? value : roundToRange(emitter, value, range)
  }
  const write = (body: NetworkGraph, prefix: string, entry: Value): Value => {
    const values = new Map<string, Value>()
    const shapes = new Map(body.nodes.map((node) => [node.id, node.shape]))
    const stored = options.ranges === undefined ? new Map<string, RangeSource>() : storedNodes(body)
    for (const node of body.nodes) {
      const op = trainableOp(node)
      if (op.kind === 'input') {
        values.set(node.id, prefix === '' ? asStored(node.id, stored.get(node.id), entry) : entry)
        continue
      }
      const input: InferenceInput<OpKind> = {
        op,
        inputs: node.inputs.map((id) => values.get(id)!),
        inputShapes: node.inputs.map((id) => shapes.get(id)!),
        shape: node.shape,
        weight: (role, dims) => store(`${prefix}${node.id}/${role}`, dims),
        routed: options.routed === true,
        body: (expert, features) =>
          write((op as OpOf<'routedExperts'>).body, `${prefix}${node.id}/${expert}/`, features),
      }
      const path = `${prefix}${node.id}`
      const exact = (INFERENCE_RULES[op.kind] as InferenceRule<OpKind>)(emitter, input)
      const value = asStored(path, stored.get(node.id), exact)
      values.set(node.id, value)
      if (options.observed?.has(path)) {
        const dims = node.shape.length === 3 ? [2, 0, 1].map((axis) => node.shape[axis]!) : node.shape
        emitter.output(`node:${path}`, 'float32', [options.batch, ...dims], value)
      }
    }
    return values.get(body.output)!
  }
  const channelsFirst = (x: Value, shape: Shape): Value => (shape.length === 3 ? emitter.transpose(x, [0, 3, 1, 2]) : x)
  const channelsLast = (x: Value, shape: Shape): Value => (shape.length === 3 ? emitter.transpose(x, [0, 2, 3, 1]) : x)
  const first = graph.nodes.find((node) => node.op.kind === 'input')!
  const last = graph.nodes.find((node) => node.id === graph.output)!
  const { preparation } = options
  const raw = emitter.input('input', 'float32', [options.batch, ...(preparation?.inputShape ?? first.shape)])
  const x =
    preparation === undefined
      ? channelsFirst(raw, first.shape)
      : emitPreparation(emitter, raw, first.shape, preparation)
  const cast = (value: Value, to: bigint): Value =>
    options.float16 === true ? emitter.node('Cast', [value], { attributes: { to } }) : value
  const entry = cast(x, FLOAT16)
  if (options.float16 === true) emitter.floatType = 'float16'
  const y = channelsLast(cast(write(graph, '', entry), FLOAT), last.shape)
  emitter.output('output', 'float32', [options.batch, ...last.shape], y)
  return emitter.encode('network', options.metadata)
}
