import { type OnnxFile, readGraph } from '../../formats/onnx/read-onnx.ts'
import { UserError } from '../../lib/errors.ts'
import { fromFloat16 } from '../../lib/float16.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import { type Affine, FloatBuilder, type FloatValue } from './float-builder.ts'

/** A computed value. Maps are `[height, width, channels]` here and channels first in the file, where it is not said otherwise. */
export interface OnnxValue extends FloatValue {
  /** The file's map has the channels last too. */
  readonly last?: true
  /** The map whose elements a vector holds, in our order of them: the file's has the channels first. */
  readonly flattened?: Shape
  /** Of a dense kernel: an addition behind it goes into it. */
  readonly bias?: Float32Array
  /** Of a scale and a shift for each channel: others behind them go into them. */
  readonly affine?: Affine
  readonly isSoftmax?: true
}

/** Collects what the nodes of an ONNX file compute. */
export class OnnxFloatImport extends FloatBuilder {
  readonly #file: OnnxFile
  readonly #values = new Map<string, OnnxValue>()
  /** Results of nodes that only pass on what is stored. */
  readonly #aliases = new Map<string, string>()
  #readers: ReadonlyMap<string, number> | undefined

  /** Axes of maps in the file: 4, or 3 where they are sequences. */
  readonly rank: number

  constructor(file: OnnxFile, rank: number) {
    super()
    this.#file = file
    this.rank = rank
  }

  give = (name: string, value: OnnxValue): void => void this.#values.set(name, value)
  alias = (from: string, to: string): void => void this.#aliases.set(to, this.#nameOf(from))
  #nameOf = (name: string): string => this.#aliases.get(name) ?? name

  isStored = (name: string): boolean => this.#file.initializers.has(this.#nameOf(name))

  /** @throws UserError when nothing gives the value. */
  value(name: string): OnnxValue {
    const value = this.#values.get(name)
    if (value !== undefined) return value
    throw new UserError(
      this.isStored(name)
        ? `operand '${name}' is stored, which is not converted`
        : `it reads '${name}', which nothing gives`,
    )
  }

  dimsOf(name: string): readonly number[] {
    const stored = this.#file.initializers.get(this.#nameOf(name))
    if (stored === undefined) throw new UserError(`operand '${name}' is not stored in the file`)
    return stored.dims
  }

  /** Stored float32 or float16 values. @throws UserError for anything else. */
  stored(name: string): Float32Array {
    const tensor = this.#file.initializers.get(this.#nameOf(name))
    const { type, dims, bytes, values } = tensor ?? { type: 'other', dims: [] }
    const count = sizeOf(dims)
    if (type === 'float32' && values !== undefined) return Float32Array.from(values)
    const width = type === 'float32' ? 4 : 2
    if ((type !== 'float32' && type !== 'float16') || bytes?.length !== count * width)
      throw new UserError(`operand '${name}' is no stored float32 or float16 in one piece`)
    const aligned = Uint8Array.from(bytes).buffer
    return type === 'float32' ? new Float32Array(aligned) : fromFloat16(new Uint16Array(aligned))
  }

  /** How many operands of nodes a value is, those inside of branches too. */
  readers(name: string): number {
    this.#readers ??= countReaders(this.#file)
    return this.#readers.get(name) ?? 0
  }

  /** Stored whole numbers of a small tensor; undefined for anything else. */
  integers = (name: string): readonly number[] | undefined => this.#file.initializers.get(this.#nameOf(name))?.values
}

function countReaders(file: OnnxFile): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  const open = [file]
  for (let graph = open.pop(); graph !== undefined; graph = open.pop()) {
    for (const { inputs, graphs } of graph.nodes) {
      for (const name of inputs) counts.set(name, (counts.get(name) ?? 0) + 1)
      for (const bytes of graphs.values()) open.push(readGraph(bytes, graph))
    }
  }
  return counts
}
