import { OnnxEmitter, type Value } from '../../evaluators/training/onnx/emitter.ts'
import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, NetworkNode, Op, OpKind, Shape } from '../../network/types.ts'
import { filtersOf, laidOut, pooled, windowAttributes, windowAxes } from './onnx-kernels.ts'

/** Times do not depend on them, as long as nothing overflows. */
const SCALE = 1 / 64
const WEIGHT = 3
/** Zero points: of values that are never negative, and of all others. */
const [FROM_ZERO, CENTRED] = [0, 128]
/** Activations that quantisers merge into what comes before: the range of the integers is theirs. */
const MERGED: ReadonlySet<OpKind> = new Set(['relu', 'relu6', 'batchNorm'])
const WRITTEN: ReadonlySet<OpKind> = new Set([
  ...MERGED,
  ...(['input', 'conv2d', 'depthwiseConv2d', 'dense', 'add', 'multiply', 'concat', 'softmax'] as const),
  ...(['averagePool', 'maxPool', 'globalAveragePool', 'hardSwish', 'hardSigmoid', 'sigmoid', 'reshape'] as const),
])

/** Whether `quantisedFile` can write a network. */
export const canQuantise = ({ nodes }: NetworkGraph): boolean => nodes.every(({ op }) => WRITTEN.has(op.kind))

interface QuantisedOptions {
  /** What lies between the kernels; with float32 only weights are quantised. Default: uint8. */
  readonly values?: 'uint8' | 'float32'
}

/**
 * A network as an ONNX file of batch 1 in the form of quantisers: uint8 values between QuantizeLinear and DequantizeLinear, int32
 * biases; int8 weights with one scale, as ONNX Runtime's quantiser writes them, or uint8 ones with a scale for each filter, as `frugal
 * export` does. All weights are alike: it is there to be timed.
 */
export const quantisedFile = (
  graph: NetworkGraph,
  weights: 'int8' | 'uint8',
  { values = 'uint8' }: QuantisedOptions = {},
): Uint8Array => new QuantisedWriter(graph, weights, values).run()

class QuantisedWriter {
  readonly #emitter = new OnnxEmitter()
  readonly #graph: NetworkGraph
  readonly #type: 'int8' | 'uint8'
  readonly #values: 'uint8' | 'float32'
  readonly #shapes: ReadonlyMap<string, Shape>
  readonly #readers = new Map<string, NetworkNode[]>()

  constructor(graph: NetworkGraph, type: 'int8' | 'uint8', values: 'uint8' | 'float32') {
    this.#values = values
    this.#graph = graph
    this.#type = type
    this.#shapes = new Map(graph.nodes.map(({ id, shape }) => [id, shape]))
    for (const node of graph.nodes) {
      for (const id of node.inputs) this.#readers.set(id, [...(this.#readers.get(id) ?? []), node])
    }
  }

  run(): Uint8Array {
    const emitter = this.#emitter
    const { nodes, output } = this.#graph
    const values = new Map<string, Value>()
    for (const node of nodes) {
      const inputs = node.inputs.map((id) => values.get(id)!)
      values.set(
        node.id,
        this.#isPart(node) ? this.#emit(node, inputs) : this.#levels(this.#emit(node, inputs), node.op),
      )
    }
    emitter.output('output', 'float32', ['any'], emitter.reshape(values.get(output)!, [-1]))
    return emitter.encode('quantised')
  }

  /** Whether what a node gives is never stored: it is merged into its only reader. */
  #isPart({ id }: NetworkNode): boolean {
    const readers = this.#readers.get(id) ?? []
    const [reader] = readers
    return readers.length === 1 && MERGED.has(reader!.op.kind)
  }

  #scalar = (): Value => this.#emitter.scalar(SCALE)
  #zero = (value: number): Value =>
    this.#emitter.shared(`zero ${value}`, () => ({ type: 'uint8', dims: [], data: Uint8Array.of(value) }))

  /** A value as the integers that stand for it, and back. */
  #levels(value: Value, { kind }: Op): Value {
    if (this.#values === 'float32') return value
    const zero = this.#zero(kind === 'relu' || kind === 'relu6' ? FROM_ZERO : CENTRED)
    const levels = this.#emitter.node('QuantizeLinear', [value, this.#scalar(), zero])
    return this.#emitter.node('DequantizeLinear', [levels, this.#scalar(), zero])
  }

  #weights(name: string, dims: readonly number[]): Value {
    const emitter = this.#emitter
    if (this.#type === 'int8') {
      const data = new Int8Array(sizeOf(dims)).fill(WEIGHT)
      const zero = emitter.shared('zero of weights', () => ({ type: 'int8', dims: [], data: Int8Array.of(0) }))
      return emitter.node('DequantizeLinear', [
        emitter.initializer(name, { type: 'int8', dims, data }),
        this.#scalar(),
        zero,
      ])
    }
    const filters = dims[0]!
    const data = new Uint8Array(sizeOf(dims)).fill(CENTRED + WEIGHT)
    const zeros = emitter.shared(`zeros ${filters}`, () => ({
      ...{ type: 'uint8', dims: [filters], data: new Uint8Array(filters).fill(CENTRED) },
    }))
    return emitter.node(
      'DequantizeLinear',
      [emitter.initializer(name, { type: 'uint8', dims, data }), emitter.floats(this.#scales(filters)), zeros],
      { attributes: { axis: 0n } },
    )
  }

  #scales = (filters: number): number[] => new Array<number>(filters).fill(SCALE)

  #bias(name: string, length: number): Value {
    const emitter = this.#emitter
    const tensor = { type: 'int32', dims: [length], data: new Int32Array(length).fill(WEIGHT) } as const
    const bias = emitter.initializer(name, tensor)
    if (this.#type === 'int8') return emitter.node('DequantizeLinear', [bias, emitter.scalar(SCALE ** 2)])
    const scales = emitter.floats(this.#scales(length).map((scale) => scale * SCALE))
    return emitter.node('DequantizeLinear', [bias, scales], { attributes: { axis: 0n } })
  }

  #emit({ id, op, inputs: from, shape }: NetworkNode, inputs: readonly Value[]): Value {
    const emitter = this.#emitter
    const given = this.#shapes.get(from[0] ?? '') ?? shape
    switch (op.kind) {
      case 'input':
        return laidOut(emitter, shape)
      case 'conv2d':
      case 'depthwiseConv2d': {
        const channels = given.at(-1)!
        const [filters, groups] = filtersOf(op, channels)
        const window = windowAxes(given).map((axis) => op.kernel[axis]!)
        const kernel = this.#weights(`${id}.kernel`, [filters, channels / groups, ...window])
        const operands = op.bias ? [inputs[0]!, kernel, this.#bias(`${id}.bias`, filters)] : [inputs[0]!, kernel]
        const attributes = { ...windowAttributes(given, op), group: BigInt(groups) }
        return emitter.node('Conv', operands, { attributes })
      }
      case 'averagePool':
      case 'maxPool':
        return pooled(emitter, id, op, inputs, given)
      case 'globalAveragePool': {
        const means = emitter.node('GlobalAveragePool', inputs)
        return op.keepDims ? means : emitter.reshape(this.#levels(means, op), [1, ...shape])
      }
      case 'dense': {
        const [features, units] = [given.at(-1)!, op.units]
        const operands = [inputs[0]!, this.#weights(`${id}.kernel`, [units, features])]
        return emitter.node('Gemm', op.bias ? [...operands, this.#bias(`${id}.bias`, units)] : operands, {
          attributes: { transB: 1n },
        })
      }
      case 'reshape':
        return emitter.reshape(inputs[0]!, [1, ...shape])
      case 'batchNorm':
        return inputs[0]!
      case 'relu':
      case 'relu6':
        return emitter.node('Relu', inputs)
      case 'hardSwish':
        return emitter.node('HardSwish', inputs)
      case 'hardSigmoid':
        return emitter.node('HardSigmoid', inputs, { attributes: { alpha: 1 / 6 } })
      case 'sigmoid':
        return emitter.node('Sigmoid', inputs)
      case 'softmax':
        return emitter.node('Softmax', inputs, { attributes: { axis: -1n } })
      case 'concat':
        return emitter.node('Concat', inputs, { attributes: { axis: 1n } })
      case 'add':
        return emitter.node('Add', inputs)
      case 'multiply':
        return emitter.node('Mul', inputs)
      default:
        throw new UserError(`a ${op.kind} kernel cannot be written in int8`)
    }
  }
}
