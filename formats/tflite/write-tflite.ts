import {
  type FlatFields,
  float32s,
  int8,
  int32,
  int32s,
  int64s,
  table,
  tables,
  text,
  uint8,
  uint32,
  writeFlatbuffer,
} from './flatbuffer-writer.ts'
import { TFLITE_IDENTIFIER } from './model.ts'
import { operatorCode } from './operator-names.ts'
import type { TfliteOptions } from './options.ts'

/** TensorType of the schema. */
const TYPES = { float32: 0, float16: 1, int32: 2, uint8: 3, bool: 6, int8: 9, int4: 17 } as const
export type WrittenType = keyof typeof TYPES

export interface WrittenTensor {
  readonly name: string
  readonly dims: readonly number[]
  readonly type: WrittenType
  /** Stored value, little-endian; left out for what is computed. Of float16 the bits, of int4 two in a byte. */
  readonly data?: Int8Array | Uint8Array | Uint16Array | Int32Array | Float32Array
  readonly quantisation?: {
    readonly scales: ArrayLike<number>
    readonly zeroPoints: ArrayLike<number>
    /** Axis of the scales where there are several. */
    readonly axis?: number
  }
}

export interface WrittenOperator {
  /** The schema's name of a built-in operator. */
  readonly name: string
  /** The operator's version, as the runtime that knows these types of operands counts it. */
  readonly version: number
  /** Positions of tensors. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly options?: TfliteOptions
}

export interface WrittenModel {
  readonly description: string
  readonly tensors: readonly WrittenTensor[]
  readonly operators: readonly WrittenOperator[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}

const SCHEMA_VERSION = 3
/** Codes that do not fit the schema's first field for them have this there. */
const PLACEHOLDER_CODE = 127
/** Stored values are used in place, by kernels that read 16 bytes at a time. */
const DATA_ALIGNMENT = 16

/** Serialises a network as a TFLite file (field numbers of the public schema, version 3). The same model gives the same bytes. */
export function encodeTflite(model: WrittenModel): Uint8Array {
  const codes = new Map<string, { readonly position: number; readonly fields: FlatFields }>()
  const opcodeOf = ({ name, version }: WrittenOperator): number => {
    const key = `${name}/${version}`
    let known = codes.get(key)
    if (known === undefined) {
      const code = operatorCode(name)
      const fields = { 0: int8(Math.min(code, PLACEHOLDER_CODE)), 2: int32(version), 3: int32(code) }
      known = { position: codes.size, fields }
      codes.set(key, known)
    }
    return known.position
  }
  // Buffer 0 is empty: that of everything that is computed.
  const buffers: FlatFields[] = [{}]
  const tensorTables = model.tensors.map((tensor) => tensorFields(tensor, buffers))
  const operatorTables = model.operators.map(
    (operator): FlatFields => ({
      0: uint32(opcodeOf(operator)),
      1: int32s(operator.inputs),
      2: int32s(operator.outputs),
      ...(operator.options === undefined ? {} : { 3: uint8(operator.options.type), 4: table(operator.options.fields) }),
    }),
  )
  const subgraph: FlatFields = {
    0: tables(tensorTables),
    1: int32s(model.inputs),
    2: int32s(model.outputs),
    3: tables(operatorTables),
    4: text('main'),
  }
  return writeFlatbuffer(
    {
      0: uint32(SCHEMA_VERSION),
      1: tables([...codes.values()].map(({ fields }) => fields)),
      2: tables([subgraph]),
      3: text(model.description),
      4: tables(buffers),
    },
    TFLITE_IDENTIFIER,
  )
}

function tensorFields({ name, dims, type, data, quantisation }: WrittenTensor, buffers: FlatFields[]): FlatFields {
  let buffer = 0
  if (data !== undefined) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    buffer = buffers.push({ 0: { type: 'bytes', bytes, align: DATA_ALIGNMENT } }) - 1
  }
  return {
    0: int32s(dims),
    1: int8(TYPES[type]),
    2: uint32(buffer),
    3: text(name),
    ...(quantisation === undefined
      ? {}
      : {
          4: table({
            2: float32s(quantisation.scales),
            3: int64s(quantisation.zeroPoints),
            6: int32(quantisation.axis ?? 0),
          }),
        }),
  }
}
