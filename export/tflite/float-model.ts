import { OPTIONS } from '../../formats/tflite/options.ts'
import { encodeTflite } from '../../formats/tflite/write-tflite.ts'
import { toFloat16 } from '../../lib/float16.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import { trainableOp } from '../../network/trainable.ts'
import type { NetworkGraph, OpOf, Shape, Weights } from '../../network/types.ts'
import { pairwiseSums } from '../pairwise-sums.ts'
import { foldWeights } from '../quantise/fold.ts'
import { type Level, type LevelKernel, levelsOf } from '../quantise/lowering.ts'
import { type Operand, TfliteBuilder, withBatch } from './builder.ts'
import { chosenShares, splitShares } from './experts.ts'
import { FLOAT_RULES } from './float-operators.ts'

export interface FloatTfliteOptions {
  /** One line in the file: which network this is, what goes in. */
  readonly description: string
  /**
   * In what kernels are stored. `float16`: each passes through a DEQUANTIZE, as TFLite's converter writes them: processors
   * compute in float32, GPUs read the float16 itself. Biases, which are few, stay float32.
   */
  readonly precision: 'float32' | 'float16'
}

/** Gates that differ by less count as equal. */
const TIE = 1e-6

/**
 * Writes a network with float in and out as a TFLite file: normalised samples `[1, height, width, channels]` to what the
 * last node gives. Batch norms are folded and relu and relu6 fused, as in the int8 files.
 */
export function writeFloatTflite(
  network: NetworkGraph,
  weights: Weights,
  { description, precision }: FloatTfliteOptions,
): Uint8Array {
  const graph = pairwiseSums(network)
  const level = levelsOf(graph, scheduleOf(graph))
  const writer = new Writer(weights, precision)
  const { builder } = writer
  const given = builder.computed('input', withBatch(level.tensors[level.input]!.shape))
  const raw = writer.level(level, '', given)
  return encodeTflite(builder.build(description, given, builder.reshaped(raw, withBatch(level.outputShape), 'output')))
}

class Writer {
  readonly builder = new TfliteBuilder()
  readonly #weights: Weights
  readonly #precision: FloatTfliteOptions['precision']

  constructor(weights: Weights, precision: FloatTfliteOptions['precision']) {
    this.#weights = weights
    this.#precision = precision
  }

  /** Writes the kernels of a network, or of one expert. Returns its output in the shape that its kernel gives it. */
  level(level: Level, prefix: string, entry: Operand): Operand {
    const operands = new Map<number, Operand>([[level.input, entry]])
    for (const kernel of level.kernels) {
      const name = `${prefix}${kernel.node.id}`
      const read = (operand: number, shape: Shape): Operand =>
        this.builder.reshaped(operands.get(kernel.inputs[operand]!)!, withBatch(shape), `${name}/operand${operand}`)
      const output = this.builder.computed(name, withBatch(kernel.node.shape))
      operands.set(kernel.output, output)
      const { kind } = trainableOp(kernel.node)
      if (kind === 'routedExperts') {
        const [features, gates] = kernel.inputShapes as readonly [Shape, Shape]
        this.#mixture(kernel, name, read(0, features), read(1, [sizeOf(gates)]), output)
      } else {
        const inputs = kernel.inputShapes.map((shape, i) => read(i, kind === 'dense' ? [sizeOf(shape)] : shape))
        const folded = () => foldWeights(kernel, this.#weights, prefix)
        const input = { builder: this.builder, kernel, inputs, output, name, folded }
        FLOAT_RULES[kind as keyof typeof FLOAT_RULES]({ ...input, storedKernel: this.#kernel, stored: this.#real })
      }
    }
    return operands.get(level.output)!
  }

  #real = (name: string, dims: readonly number[], data: Float32Array): Operand =>
    this.builder.stored({ name, dims, type: 'float32', data })

  #kernel = (name: string, dims: readonly number[], data: Float32Array): Operand => {
    if (this.#precision === 'float32') return this.#real(name, dims, data)
    const half = this.builder.stored({ name, dims, type: 'float16', data: toFloat16(data) })
    const real = this.builder.computed(`${name}/real`, dims)
    this.builder.operator('DEQUANTIZE', 3, [half], [real])
    return real
  }

  /** All experts run; those that were not chosen are weighted with 0, as in the int8 files. */
  #mixture(kernel: LevelKernel, name: string, features: Operand, gates: Operand, output: Operand): void {
    const { experts, topK } = kernel.node.op as OpOf<'routedExperts'>
    const { builder } = this
    const weights = chosenShares(builder, gates, topK, TIE, name)
    const shares = splitShares(builder, weights, output.dims, name)
    let sum: Operand | undefined
    for (const [i, share] of shares.entries()) {
      const path = `${name}/${i}`
      const result = builder.reshaped(this.level(kernel.body!, `${path}/`, features), output.dims, `${path}/result`)
      const part = experts === 1 ? output : builder.computed(`${path}/part`, output.dims)
      builder.operator('MUL', 1, [result, share], [part], OPTIONS.mul('none'))
      if (sum === undefined) sum = part
      else {
        const next = i === experts - 1 ? output : builder.computed(`${path}/sum`, output.dims)
        builder.operator('ADD', 1, [sum, part], [next], OPTIONS.add('none'))
        sum = next
      }
    }
  }
}
