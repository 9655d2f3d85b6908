import { UserError } from '../../lib/errors.ts'
import { fromFloat16 } from '../../lib/float16.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { ElementType } from '../import/imported-model.ts'
import { floatsOfField, integersOfField, type ProtobufField, protobufFields, textOfField } from './protobuf-reader.ts'

/** A tensor in the file, or one that follows from those. */
export interface StoredTensor {
  readonly type: ElementType
  readonly dims: readonly number[]
  /** The values of a small tensor, row-major; undefined for weights, whose values no price depends on. */
  readonly values: readonly number[] | undefined
  /** As it lies in the file or beside it, little-endian, where it is there in one piece; for those who need weights. */
  readonly bytes?: Uint8Array | undefined
}

/**
 * Reads `length` bytes (undefined: all) from `offset` of a file beside the model.
 * @throws UserError when the file is not there, lies elsewhere, or is shorter.
 */
export type ReadExternal = (location: string, offset: number, length: number | undefined) => Uint8Array

export const NO_EXTERNAL: ReadExternal = (location) => {
  throw new UserError(`its weights lie in '${location}', beside the file, which is not read here`)
}

/** TensorProto.DataType by number. */
const TYPES: Readonly<Record<number, ElementType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  21: 'uint4',
  22: 'int4',
}
export const elementTypeOf = (number: number): ElementType => TYPES[number] ?? 'other'

/** Bytes of an element, and how one is read. */
const ELEMENTS: Readonly<
  Partial<Record<ElementType, { readonly width: number; readonly at: (view: DataView, place: number) => number }>>
> = {
  float32: { width: 4, at: (view, place) => view.getFloat32(place, true) },
  float64: { width: 8, at: (view, place) => view.getFloat64(place, true) },
  float16: { width: 2, at: (view, place) => fromFloat16(Uint16Array.of(view.getUint16(place, true)))[0]! },
  int64: { width: 8, at: (view, place) => Number(view.getBigInt64(place, true)) },
  int32: { width: 4, at: (view, place) => view.getInt32(place, true) },
  int16: { width: 2, at: (view, place) => view.getInt16(place, true) },
  int8: { width: 1, at: (view, place) => view.getInt8(place) },
  uint8: { width: 1, at: (view, place) => view.getUint8(place) },
  bool: { width: 1, at: (view, place) => view.getUint8(place) },
}

const MAX_RANK = 16
/** Longer tensors are weights: their values are never read. */
export const MAX_VALUES = 1024
const MAX_VALUE_BYTES = 8 * MAX_VALUES
const EXTERNAL = 1
/** Fields with numbers one by one: float_data, int32_data, int64_data, double_data. */
const LISTED: ReadonlySet<number> = new Set([4, 5, 7, 10])

/** Reads a TensorProto. @throws UserError when it is damaged. */
export function readTensor(bytes: Uint8Array, external: ReadExternal): { name: string; tensor: StoredTensor } {
  let name = ''
  let type: ElementType = 'other'
  let raw: Uint8Array | undefined
  let outside = false
  const dims: number[] = []
  const listed: ProtobufField[] = []
  const places = new Map<string, string>()
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) {
      dims.push(...integersOfField(field, MAX_RANK))
      if (dims.length > MAX_RANK) throw new UserError(`a stored tensor has more than ${MAX_RANK} axes`)
    } else if (field.number === 2) type = elementTypeOf(field.value)
    else if (field.number === 8) name = textOfField(field)
    else if (field.number === 9) raw = field.bytes
    else if (field.number === 13) readPlace(field.bytes, places)
    else if (field.number === 14) outside = field.value === EXTERNAL
    else if (LISTED.has(field.number) && listed.length <= MAX_VALUES) listed.push(field)
  }
  if (dims.some((length) => length < 0)) throw new UserError(`stored tensor '${name}' has a negative length`)
  if (outside) return { name, tensor: externalTensor(name, type, dims, places, external) }
  const inFile = raw ?? (type === 'float32' && listed.length === 1 ? listed[0]!.bytes : undefined)
  return { name, tensor: { type, dims, values: valuesOf(type, dims, raw, listed), bytes: inFile } }
}

/** An entry of external_data. */
function readPlace(bytes: Uint8Array, places: Map<string, string>): void {
  const text: Record<number, string> = {}
  for (const field of protobufFields(bytes)) text[field.number] = textOfField(field)
  places.set(text[1] ?? '', text[2] ?? '')
}

/** A tensor in a file beside the model: large ones are read when somebody asks for their bytes. */
function externalTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  places: ReadonlyMap<string, string>,
  external: ReadExternal,
): StoredTensor {
  const location = places.get('location') ?? ''
  const [offset, length] = ['offset', 'length'].map((key) => places.get(key)).map((text) => text && Number(text))
  if (location === '' || [offset, length].some((value) => value !== undefined && !isLength(value))) {
    throw new UserError(`stored tensor '${name}' lies in another file, and where is not said in whole numbers`)
  }
  const width = ELEMENTS[type]?.width
  const known = length === undefined || length === '' ? width && width * sizeOf(dims) : length
  const read = (): Uint8Array =>
    external(location, Number(offset ?? 0), known === undefined ? undefined : Number(known))
  return {
    type,
    dims,
    // Of another size it would be nothing that can be read as these values.
    values:
      sizeOf(dims) <= MAX_VALUES && Number(known) <= MAX_VALUE_BYTES ? valuesOf(type, dims, read(), []) : undefined,
    get bytes() {
      return read()
    },
  }
}

const isLength = (value: number | string): boolean => Number.isSafeInteger(value) && Number(value) >= 0

function valuesOf(
  type: ElementType,
  dims: readonly number[],
  raw: Uint8Array | undefined,
  listed: readonly ProtobufField[],
): readonly number[] | undefined {
  const count = sizeOf(dims)
  if (count > MAX_VALUES) return undefined
  const element = ELEMENTS[type]
  if (raw === undefined) return listedValues(type, count, listed)
  if (element === undefined || raw.length !== count * element.width) return undefined
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  return Array.from({ length: count }, (_, i) => element.at(view, element.width * i))
}

function listedValues(
  type: ElementType,
  count: number,
  listed: readonly ProtobufField[],
): readonly number[] | undefined {
  const values = listed.flatMap((field) => {
    if (field.number === 4) return floatsOfField(field, MAX_VALUES)
    return field.number === 10 ? doublesOfField(field) : integersOfField(field, MAX_VALUES)
  })
  if (values.length !== count) return undefined
  // Half floats are listed as their bits.
  return type === 'float16' ? Array.from(fromFloat16(Uint16Array.from(values))) : values
}

function doublesOfField({ value, bytes }: ProtobufField): readonly number[] {
  if (!Number.isNaN(value)) return [value]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = Math.min(Math.floor(bytes.length / 8), MAX_VALUES + 1)
  return Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true))
}
