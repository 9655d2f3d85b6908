/** Writes small TFLite files for tests: the fields of the public schema by number, one table after the other. */

export type FlatField =
  | { readonly int8: number }
  | { readonly int32: number }
  | { readonly float32: number }
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
  | { readonly int32s: readonly number[] }
  | { readonly float32s: readonly number[] }
  | { readonly int64s: readonly number[] }
  | { readonly table: FlatFields }
  | { readonly tables: readonly FlatFields[] }
export type FlatFields = Readonly<Record<number, FlatField>>

class FlatWriter {
  readonly #bytes: number[] = []

  finish = (): Uint8Array => Uint8Array.from(this.#bytes)

  #put(at: number, width: 2 | 4, value: number): void {
    for (let i = 0; i < width; i++) this.#bytes[at + i] = (value >>> (8 * i)) & 255
  }

  #append(values: { readonly buffer: ArrayBufferLike }): void {
    this.#bytes.push(...new Uint8Array(values.buffer))
  }

  root(fields: FlatFields, identifier: string): void {
    this.#bytes.push(0, 0, 0, 0, ...Buffer.from(identifier, 'latin1'))
    this.#put(0, 4, this.#table(fields))
  }

  #table(fields: FlatFields): number {
    const numbers = Object.keys(fields).map(Number)
    const slots = Math.max(-1, ...numbers) + 1
    const vtable = this.#bytes.length
    for (let i = 0; i < 4 + 2 * slots + 4 + 4 * numbers.length; i++) this.#bytes.push(0)
    const table = vtable + 4 + 2 * slots
    this.#put(vtable, 2, 4 + 2 * slots)
    this.#put(vtable + 2, 2, 4 + 4 * numbers.length)
    this.#put(table, 4, table - vtable)
    numbers.forEach((number, i) => {
      const at = table + 4 + 4 * i
      this.#put(vtable + 4 + 2 * number, 2, at - table)
      this.#value(at, fields[number]!)
    })
    return table
  }

  #value(at: number, field: FlatField): void {
    if ('int8' in field) this.#bytes[at] = field.int8 & 255
    else if ('int32' in field) this.#put(at, 4, field.int32)
    else if ('float32' in field) this.#put(at, 4, new Uint32Array(Float32Array.of(field.float32).buffer)[0]!)
    else if ('table' in field) this.#put(at, 4, this.#table(field.table) - at)
    else {
      const start = this.#bytes.length
      this.#put(at, 4, start - at)
      this.#bytes.push(0, 0, 0, 0)
      this.#put(start, 4, this.#items(field, start + 4))
    }
  }

  /** Appends a list and returns its length. */
  #items(field: FlatField, start: number): number {
    if ('tables' in field) {
      for (const _ of field.tables) this.#bytes.push(0, 0, 0, 0)
      field.tables.forEach((fields, i) => {
        const at = start + 4 * i
        this.#put(at, 4, this.#table(fields) - at)
      })
      return field.tables.length
    }
    const bytes = 'text' in field ? Buffer.from(field.text) : 'bytes' in field ? field.bytes : undefined
    if (bytes !== undefined) {
      for (const byte of bytes) this.#bytes.push(byte)
      return bytes.length
    }
    if ('int32s' in field) this.#append(Int32Array.from(field.int32s))
    else if ('float32s' in field) this.#append(Float32Array.from(field.float32s))
    else if ('int64s' in field) this.#append(BigInt64Array.from(field.int64s.map(BigInt)))
    return Object.values(field)[0]!.length
  }
}

export const FLOAT32 = 0
export const INT32 = 2
export const INT16 = 7
export const INT8 = 9

export interface TestTensor {
  readonly dims: readonly number[]
  readonly type?: number
  /** Stored integers of four bytes, bytes as they are, or `weights` for zeros. */
  readonly data?: readonly number[] | Uint8Array | 'weights'
  readonly scales?: readonly number[]
  /** Dimensions with −1 for open ones. */
  readonly signature?: readonly number[]
}

/** A subgraph that an operator of the main one runs. */
export interface TestSubgraph {
  readonly tensors: readonly TestTensor[]
  readonly operators: readonly TestOperator[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}

export interface TestOperator {
  readonly code: number
  readonly custom?: string
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly options?: FlatFields
}

/** A TFLite file with a main subgraph, and those that it calls. */
export function tfliteFile(
  tensors: readonly TestTensor[],
  operators: readonly TestOperator[],
  inputs: readonly number[],
  outputs: readonly number[],
  called: readonly TestSubgraph[] = [],
): Uint8Array {
  const graphs = [{ tensors, operators, inputs, outputs }, ...called]
  const elements = (dims: readonly number[]): number => dims.reduce((product, length) => product * length, 1)
  const buffers: FlatFields[] = [{}]
  const tensorTable = ({ dims, type = INT8, data, scales, signature }: TestTensor, i: number): FlatFields => {
    if (data !== undefined) {
      const stored = data === 'weights' ? new Uint8Array(elements(dims)) : data
      const bytes = stored instanceof Uint8Array ? stored : new Uint8Array(Int32Array.from(stored).buffer)
      buffers.push({ 0: { bytes } })
    }
    return {
      0: { int32s: dims },
      1: { int8: type },
      2: { int32: data === undefined ? 0 : buffers.length - 1 },
      3: { text: `tensor ${i}` },
      ...(scales && { 4: { table: { 2: { float32s: scales }, 3: { int64s: scales.map(() => 3) }, 6: { int32: 3 } } } }),
      ...(signature && { 7: { int32s: signature } }),
    }
  }
  const all = graphs.flatMap((graph) => graph.operators)
  const writer = new FlatWriter()
  writer.root(
    {
      0: { int32: 3 },
      1: {
        tables: all.map(({ code, custom }) => ({
          0: { int8: Math.min(code, 127) },
          ...(custom === undefined ? {} : { 1: { text: custom } }),
          3: { int32: code },
        })),
      },
      2: {
        tables: graphs.map((graph) => ({
          0: { tables: graph.tensors.map(tensorTable) },
          1: { int32s: graph.inputs },
          2: { int32s: graph.outputs },
          3: {
            tables: graph.operators.map((operator) => ({
              0: { int32: all.indexOf(operator) },
              1: { int32s: operator.inputs },
              2: { int32s: operator.outputs },
              ...(operator.options && { 4: { table: operator.options } }),
            })),
          },
        })),
      },
      4: { tables: buffers },
    },
    'TFL3',
  )
  return writer.finish()
}
