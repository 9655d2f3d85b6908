import { OnnxEmitter, type Value } from '../../evaluators/training/onnx/emitter.ts'
import { type TableName, tableLabel } from '../../formats/onnx/int8-tables.ts'
import { sameShape } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { Quantisation, QuantisedKind, QuantisedOf } from '../quantise/types.ts'
import { packNibbles } from '../quantise/weight-bits.ts'

/** What an int8 value is more as a uint8. */
export const OFFSET = 128

/**
 * An int8 tensor of the graph, stored in uint8 with values 128 higher, which is what ONNX Runtime has integer kernels for
 * on every processor: `[batch, channels, height, width]` for maps, `[batch, …]` otherwise.
 */
export interface Edge {
  readonly value: Value
  /** Of one sample, channels last. */
  readonly shape: Shape
  readonly quantisation: Quantisation
}

/** What a kernel is written from. */
export interface QdqInput<K extends QuantisedKind> {
  readonly builder: QdqBuilder
  readonly kernel: QuantisedOf<K>
  /** In the shapes that the kernel reads. */
  readonly inputs: readonly Edge[]
  readonly to: Edge['quantisation']
}

/** Element types of ONNX. */
const [INT8, INT32] = [3n, 6n]

interface StoredAs {
  readonly bits?: 4 | 8 | undefined
  /** Whether each filter has a channel of its own. */
  readonly apart?: boolean
}

export interface StoredWeights {
  readonly value: Value
  readonly type: 'int8' | 'uint8'
}

const isMap = (shape: Shape): boolean => shape.length === 3
const isPixel = (shape: Shape): boolean => shape[0] === 1 && shape[1] === 1

/** Writes int8 tensors and what lies between them; scales and zero points are stored once. */
export class QdqBuilder {
  readonly emitter = new OnnxEmitter()
  #count = 0

  /**
   * Weights as integers about a zero point. Those that are multiplied and added over channels are stored in uint8, 128
   * higher: processors without VNNI add two products of uint8 and int8 values in 16 bits and cut off what is beyond them,
   * while uint8 with uint8 is added in 32 bits everywhere. Depthwise kernels (`apart`) never add so and stay int8, which is
   * faster. Products with weights of 4 bits, −7 … 7, cannot go beyond; they are stored two in a byte and widened, once,
   * when a file is loaded.
   */
  weights(weights: Int8Array, dims: readonly number[], { bits = 8, apart = false }: StoredAs): StoredWeights {
    const label = `weights_${this.#count++}`
    if (bits === 4) {
      const stored = this.emitter.initializer(label, { type: 'int4', dims, data: packNibbles(weights) })
      return { value: this.emitter.node('Cast', [stored], { attributes: { to: INT8 } }), type: 'int8' }
    }
    if (apart) return { value: this.emitter.initializer(label, { type: 'int8', dims, data: weights }), type: 'int8' }
    const data = Uint8Array.from(weights, (weight) => weight + OFFSET)
    return { value: this.emitter.initializer(label, { type: 'uint8', dims, data }), type: 'uint8' }
  }

  /** The zero points of weights: one for each of `count` filters, or a scalar. */
  zeroPoints(type: StoredWeights['type'], count?: number): Value {
    const [dims, length] = count === undefined ? [[], 1] : [[count], count]
    return this.emitter.shared(`zero points ${type} ${dims}`, () =>
      type === 'int8'
        ? { type, dims, data: new Int8Array(length) }
        : { type, dims, data: new Uint8Array(length).fill(OFFSET) },
    )
  }

  int32(data: Int32Array, dims: readonly number[], label: string): Value {
    return this.emitter.initializer(`${label}_${this.#count++}`, { type: 'int32', dims, data })
  }

  cast = (value: Value, to: bigint): Value => this.emitter.node('Cast', [value], { attributes: { to } })

  longs = (values: readonly bigint[], dims: readonly number[]): Value =>
    this.emitter.shared(`long ${dims}:${values}`, () => ({ type: 'int64', dims, data: BigInt64Array.from(values) }))

  long = (value: number | bigint): Value => this.longs([BigInt(value)], [])

  /** An int8 value as an edge holds it. */
  level = (value: number): Value =>
    this.emitter.shared(`uint8 ${value + OFFSET}`, () => ({
      type: 'uint8',
      dims: [],
      data: Uint8Array.of(value + OFFSET),
    }))

  /** Real values of an int8 edge. */
  real = ({ value, quantisation }: Edge): Value =>
    this.emitter.node('DequantizeLinear', [
      value,
      this.emitter.scalar(quantisation.scale),
      this.level(quantisation.zeroPoint),
    ])

  /** An int8 edge from real values. */
  quantised(real: Value, shape: Shape, quantisation: Quantisation): Edge {
    const scale = this.emitter.scalar(quantisation.scale)
    const value = this.emitter.node('QuantizeLinear', [real, scale, this.level(quantisation.zeroPoint)])
    return { value, shape, quantisation }
  }

  /** The same elements, row-major with the channels last, in another shape. */
  reshaped(edge: Edge, shape: Shape): Edge {
    if (sameShape(edge.shape, shape)) return edge
    const { emitter } = this
    let { value } = edge
    if (isMap(edge.shape) && !isPixel(edge.shape)) value = emitter.transpose(value, [0, 2, 3, 1])
    if (!isMap(shape)) value = emitter.reshape(value, [-1, ...shape])
    else if (isPixel(shape)) value = emitter.reshape(value, [-1, shape[2]!, 1, 1])
    else value = emitter.transpose(emitter.reshape(value, [-1, ...shape]), [0, 3, 1, 2])
    return { value, shape, quantisation: edge.quantisation }
  }

  /**
   * A function of single int8 values: the element of a table at q + 128, which is what an edge holds. The table's name says
   * which function it is to those who read the file.
   */
  lookedUp(edge: Edge, name: TableName, table: Int8Array, quantisation: Quantisation): Edge {
    const data = Uint8Array.from(table, (value) => value + OFFSET)
    return { value: this.#elements(name, data, this.#index(edge), edge.shape), shape: edge.shape, quantisation }
  }

  /** A function of two values: the element at 256 · (first + 128) + second + 128. The second may be one for each channel. */
  ofPairs([a, b]: readonly [Edge, Edge], name: TableName, table: Uint8Array, quantisation: Quantisation): Edge {
    const { emitter } = this
    const row = emitter.shared('int32 256', () => ({ type: 'int32', dims: [], data: Int32Array.of(256) }))
    const index = emitter.node('Add', [emitter.node('Mul', [this.#index(a), row]), this.#index(b)])
    return { value: this.#elements(name, table, index, a.shape), shape: a.shape, quantisation }
  }

  #index = ({ value }: Edge): Value => this.cast(value, INT32)

  /** GatherElements takes single bytes, from and to vectors, four times as fast as Gather does. */
  #elements(name: TableName, data: Uint8Array, index: Value, shape: Shape): Value {
    const { emitter } = this
    const table = emitter.initializer(tableLabel(name, this.#count++), { type: 'uint8', dims: [data.length], data })
    const found = emitter.node('GatherElements', [table, emitter.reshape(index, [-1])])
    return emitter.reshape(found, [-1, ...(isMap(shape) ? [shape[2]!, shape[0]!, shape[1]!] : shape)])
  }
}
