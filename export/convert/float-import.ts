import type { TfliteModel, TfliteOperator, TfliteTensor } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { fromFloat16 } from '../../lib/float16.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import { FloatBuilder, type FloatValue } from './float-builder.ts'
import type { Amounts } from './float-convolution.ts'
import { sampleShape, tensorOf } from './sample-tensors.ts'

export interface FloatPad {
  readonly value: FloatValue
  /** Before and after, of height and width. */
  readonly amounts: Amounts
}

/** Builds a float network from the operators of a TFLite file. */
export class FloatImport extends FloatBuilder {
  readonly #values = new Map<number, FloatValue>()
  /** Stored values that pass through a DEQUANTIZE: float16, or int8 of dynamic range quantisation. */
  readonly #widened = new Map<number, TfliteTensor>()
  readonly #padded = new Map<number, FloatPad>()
  readonly #model: TfliteModel

  constructor(model: TfliteModel) {
    super()
    this.#model = model
  }

  file = (position: number): TfliteTensor => tensorOf(this.#model, position)

  /** Shape of one sample. @throws UserError unless the file says one sample. */
  shapeOf = (position: number): Shape => sampleShape(this.file(position))

  isStored = (position: number): boolean => this.#widened.has(position) || this.file(position).data.length > 0
  widen = (from: number, to: number): void => void this.#widened.set(to, this.file(from))

  /** Stored values as float32. @throws UserError when they are computed, or of a type that stands for no real numbers. */
  stored(position: number): Float32Array {
    const tensor = this.#widened.get(position) ?? this.file(position)
    const { name, type, data, dims, quantisation } = tensor
    const count = sizeOf(dims)
    const bytes = { float32: 4, float16: 2, int8: 1 }[type as string]
    if (bytes === undefined || data.length !== count * bytes)
      throw new UserError(
        `tensor '${name}' is ${data.length} bytes of ${type}; stored float32, float16 or int8 is read`,
      )
    const aligned = Uint8Array.from(data).buffer
    if (type === 'float32') return new Float32Array(aligned)
    if (type === 'float16') return fromFloat16(new Uint16Array(aligned))
    if (quantisation === undefined) throw new UserError(`tensor '${name}' is int8 without a scale`)
    const { scales, zeroPoints, axis } = quantisation
    const inner = sizeOf(dims.slice((axis ?? 0) + 1))
    const channels = dims[axis ?? 0] ?? 1
    return Float32Array.from(new Int8Array(aligned), (value, i) => {
      const channel = scales.length > 1 ? Math.floor(i / inner) % channels : 0
      return scales[channel]! * (value - (zeroPoints[channel] ?? 0))
    })
  }

  input(position: number): void {
    this.#values.set(position, this.entry(this.shapeOf(position)))
  }

  give = (position: number, value: FloatValue): void => void this.#values.set(position, value)

  /** @throws UserError when nothing gives the tensor. */
  value(position: number): FloatValue {
    const value = this.#values.get(position)
    if (value !== undefined) return value
    if (this.#padded.has(position))
      throw new UserError('it reads a PAD, which float networks can have before convolutions only')
    if (this.isStored(position)) throw new UserError('an operand is stored in the file, which is not converted')
    throw new UserError(`it reads tensor '${this.file(position).name}', which nothing gives`)
  }

  operand = ({ inputs }: TfliteOperator, n: number): FloatValue =>
    this.shaped(this.value(inputs[n]!), this.shapeOf(inputs[n]!))

  padded = (position: number): FloatPad | undefined => this.#padded.get(position)
  pad = (from: number, to: number, amounts: FloatPad['amounts']): void =>
    void this.#padded.set(to, { value: this.shaped(this.value(from), this.shapeOf(from)), amounts })
}
