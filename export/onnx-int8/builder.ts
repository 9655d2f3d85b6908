import { OnnxEmitter, type Value } from '../../evaluators/training/onnx/emitter.ts'
import { type TableName, tableLabel } from '../../formats/onnx/int8-tables.ts'
import { sameShape } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { Quantisation } from '../quantise/types.ts'
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

/** Element types of ONNX. */
const [INT8, INT32] = [3n, 6n]

const isMap = (shape: Shape): boolean => shape.length === 3
const isPixel = (shape: Shape): boolean => shape[0] === 1 && shape[1] === 1

/** Writes int8 tensors and what lies between them; scales and zero points are stored once. */
export class QdqBuilder {
  readonly emitter = new OnnxEmitter()
  #count = 0

  int8(data: Int8Array, dims: readonly number[], label: string): Value {
    return this.emitter.initializer(`${label}_${this.#count++}`, { type: 'int8', dims, data })
  }

  /** Weights as int8 values: those of 4 bits, −7 … 7, are stored two in a byte and widened, once, when a file is loaded. */
  weights(weights: Int8Array, dims: readonly number[], bits: 4 | 8): Value {
    if (bits === 8) return this.int8(weights, dims, 'weights')
    const tensor = { type: 'int4', dims, data: packNibbles(weights) } as const
    const stored = this.emitter.initializer(`weights_${this.#count++}`, tensor)
    return this.emitter.node('Cast', [stored], { attributes: { to: INT8 } })
  }

  int32(data: Int32Array, dims: readonly number[], label: string): Value {
    return this.emitter.initializer(`${label}_${this.#count++}`, { type: 'int32', dims, data })
  }

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
    return { value: this.#element(name, data, this.#index(edge)), shape: edge.shape, quantisation }
  }

  /** A function of two values: the element at 256 · (first + 128) + second + 128. The second may be one for each channel. */
  ofPairs([a, b]: readonly [Edge, Edge], name: TableName, table: Uint8Array, quantisation: Quantisation): Edge {
    const { emitter } = this
    const row = emitter.shared('int32 256', () => ({ type: 'int32', dims: [], data: Int32Array.of(256) }))
    const index = emitter.node('Add', [emitter.node('Mul', [this.#index(a), row]), this.#index(b)])
    return { value: this.#element(name, table, index), shape: a.shape, quantisation }
  }

  #index = ({ value }: Edge): Value => this.emitter.node('Cast', [value], { attributes: { to: INT32 } })

  #element(name: TableName, data: Uint8Array, index: Value): Value {
    const tensor = { type: 'uint8', dims: [data.length], data } as const
    return this.emitter.node('Gather', [this.emitter.initializer(tableLabel(name, this.#count++), tensor), index])
  }
}
