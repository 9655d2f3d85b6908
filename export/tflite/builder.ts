import type { WrittenModel, WrittenOperator, WrittenTensor, WrittenType } from '../../formats/tflite/write-tflite.ts'
import { sameShape } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { Quantisation } from '../quantise/types.ts'

/** A tensor that is being written: its position and how its operators see it. */
export interface Operand {
  readonly position: number
  readonly dims: readonly number[]
  readonly quantisation?: Quantisation
}

/** Files have a batch axis in front. */
export const withBatch = (shape: Shape): readonly number[] => [1, ...shape]

const perTensor = ({ scale, zeroPoint }: Quantisation): NonNullable<WrittenTensor['quantisation']> => ({
  scales: [scale],
  zeroPoints: [zeroPoint],
})

/** Collects tensors and operators of a TFLite file. */
export class TfliteBuilder {
  readonly #tensors: WrittenTensor[] = []
  readonly #operators: WrittenOperator[] = []
  readonly #integers = new Map<string, number>()
  readonly #names = new Set<string>()

  #add(tensor: WrittenTensor): number {
    // Names need not be unique for runtimes; tools that list tensors by name are better off if they are.
    let name = tensor.name
    for (let i = 2; this.#names.has(name); i++) name = `${tensor.name}#${i}`
    this.#names.add(name)
    return this.#tensors.push({ ...tensor, name }) - 1
  }

  /** Something that is computed: int8 where it has a quantisation. */
  computed(name: string, dims: readonly number[], quantisation?: Quantisation, type: WrittenType = 'float32'): Operand {
    if (quantisation === undefined) return { position: this.#add({ name, dims, type }), dims }
    const position = this.#add({ name, dims, type: 'int8', quantisation: perTensor(quantisation) })
    return { position, dims, quantisation }
  }

  stored = (tensor: WrittenTensor): Operand => ({ position: this.#add(tensor), dims: tensor.dims })

  /** Shapes and axes: equal ones are stored once. */
  integers(values: readonly number[]): Operand {
    const key = values.join()
    const dims = [values.length]
    const position =
      this.#integers.get(key) ??
      this.#add({ name: `integers/${key}`, dims, type: 'int32', data: Int32Array.from(values) })
    this.#integers.set(key, position)
    return { position, dims }
  }

  operator(
    name: string,
    version: number,
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    options?: WrittenOperator['options'],
  ): void {
    this.#operators.push({
      name,
      version,
      inputs: inputs.map(({ position }) => position),
      outputs: outputs.map(({ position }) => position),
      ...(options === undefined ? {} : { options }),
    })
  }

  /** The same elements under other dimensions; nothing is written where they are equal. */
  reshaped(operand: Operand, dims: readonly number[], name: string): Operand {
    if (sameShape(operand.dims, dims)) return operand
    const { quantisation } = operand
    const result = this.computed(name, dims, quantisation)
    this.operator('RESHAPE', 1, [operand, this.integers(dims)], [result])
    return result
  }

  build = (description: string, input: Operand, output: Operand): WrittenModel => ({
    description,
    tensors: this.#tensors,
    operators: this.#operators,
    inputs: [input.position],
    outputs: [output.position],
  })
}
