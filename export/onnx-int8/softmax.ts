import type { Value } from '../../evaluators/training/onnx/emitter.ts'
import { roundingShift, scaleBy } from '../quantise/fixed-point.ts'
import { expOfNegative, NEWTON, SUM_INTEGER_BITS } from '../quantise/softmax.ts'
import type { QuantisedSoftmax } from '../quantise/types.ts'
import type { Edge, QdqBuilder, QdqInput } from './builder.ts'

/** Element types of ONNX. */
const [UINT8, INT64] = [2n, 7n]
/** A product of two numbers below 2^31 is above 0 with this times 2^31 added, so that division rounds it down. */
const LIFT = 1n << 31n
/** Bits of the smallest sum: the exponential of 0. */
const ONE_BITS = 31 - SUM_INTEGER_BITS
/** The result's shift where the sum has no leading zeros. */
const SHIFT = BigInt(SUM_INTEGER_BITS + 31 - 8)

/** Exponentials in Q0.31 of the differences 0, −255 … −1: a negative index counts from the end. */
function exponentials({ difference, differenceMin }: QuantisedSoftmax): readonly number[] {
  return Array.from({ length: 256 }, (_, i) => {
    const below = i === 0 ? 0 : i - 256
    return below < differenceMin ? 0 : expOfNegative(scaleBy(below, difference.multiplier, difference.shift))
  })
}

/** The reference's softmax, step by step in 64-bit integers. */
class SoftmaxWriter {
  readonly #builder: QdqBuilder

  constructor(builder: QdqBuilder) {
    this.#builder = builder
  }

  /** Of the last axis of values in 64 bits. Returns 0 … 255 and more. */
  write(levels: Value, kernel: QuantisedSoftmax): Value {
    const { emitter, long } = this.#builder
    const [largest] = emitter.nodes('TopK', [levels, emitter.integers([1])], 2)
    const difference = this.#node('Sub', levels, largest!)
    const exact = exponentials(kernel)
    const exponential = this.#element(exact, difference)
    const narrow = exact.map((value) => roundingShift(value, SUM_INTEGER_BITS))
    const sum = this.#total(this.#element(narrow, difference))
    // As many of the powers 2^19 … 2^31 are larger as the sum has leading zeros in 32 bits.
    const powers = Array.from({ length: 32 }, (_, bit) => 2 ** bit)
    const larger = this.#node('Less', sum, this.#table(powers.slice(ONE_BITS)))
    const unit = this.#element(powers, this.#total(this.#builder.cast(larger, INT64)))
    const scale = this.#reciprocal(this.#node('Div', this.#node('Mul', sum, unit), long(2)))
    const share = this.#node('Mul', this.#high(scale, exponential, 0n), unit)
    return this.#node('Div', this.#node('Add', share, long(1n << (SHIFT - 1n))), long(1n << SHIFT))
  }

  /** 1 ÷ (2 · half) in Q0.31. */
  #reciprocal(half: Value): Value {
    const { long } = this.#builder
    let x = this.#node('Add', this.#high(half, long(NEWTON.slope), LIFT), long(BigInt(NEWTON.start) - LIFT))
    for (let step = 0; step < NEWTON.steps; step++) {
      const error = this.#node('Sub', long(NEWTON.one), this.#high(half, x, 0n))
      const four = this.#node('Mul', this.#high(x, error, LIFT), long(4))
      x = this.#node('Add', this.#node('Add', x, four), long(-4n * LIFT))
    }
    return this.#node('Min', this.#node('Mul', x, long(2)), long(2 ** 31 - 1))
  }

  /** floor(a · b ÷ 2^31 + ½) + `lift`, which is 0 where no product is negative. */
  #high(a: Value, b: Value, lift: bigint): Value {
    const { long } = this.#builder
    const product = this.#node('Add', this.#node('Mul', a, b), long((lift << 31n) + (1n << 30n)))
    return this.#node('Div', product, long(1n << 31n))
  }

  #node = (opType: string, ...operands: readonly Value[]): Value => this.#builder.emitter.node(opType, operands)
  #table = (values: readonly number[]): Value => this.#builder.longs(values.map(BigInt), [values.length])
  #element = (values: readonly number[], index: Value): Value => this.#node('Gather', this.#table(values), index)
  #total = (value: Value): Value => {
    const { emitter } = this.#builder
    return emitter.node('ReduceSum', [value, emitter.integers([-1])], { attributes: { keepdims: 1n } })
  }
}

/** Exponentials from tables, their sum, and its reciprocal by Newton and Raphson: the reference's outputs bit for bit. */
export function integerSoftmax({ builder, kernel, inputs, to }: QdqInput<'softmax'>): Edge {
  const { emitter } = builder
  const [{ value }] = inputs as readonly [Edge]
  const isMap = kernel.outputShape.length === 3
  const levels = builder.cast(isMap ? emitter.transpose(value, [0, 2, 3, 1]) : value, INT64)
  const wide = new SoftmaxWriter(builder).write(levels, kernel)
  const narrow = builder.cast(emitter.node('Min', [wide, builder.long(255)]), UINT8)
  const result = isMap ? emitter.transpose(narrow, [0, 3, 1, 2]) : narrow
  return { value: result, shape: kernel.outputShape, quantisation: to }
}
