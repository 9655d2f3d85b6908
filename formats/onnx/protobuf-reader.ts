import { UserError } from '../../lib/errors.ts'

const broken = (what: string): UserError => new UserError(`the file is damaged: ${what}; copy or export it again`)

/** One field of a message: a number, or the bytes of a text, list or nested message. */
export interface ProtobufField {
  readonly number: number
  /** Value of a number field; NaN for bytes. */
  readonly value: number
  /** View of the file; empty for numbers. */
  readonly bytes: Uint8Array
}

const NO_BYTES = new Uint8Array()

interface Varint {
  readonly value: number
  readonly end: number
}

/** A varint as a signed 64-bit integer; beyond 2⁵³ it loses its last digits. */
function readVarint(bytes: Uint8Array, start: number): Varint {
  let low = 0
  let high = 0
  for (let i = 0; i < 10; i++) {
    const byte = bytes[start + i]
    if (byte === undefined) throw broken('it ends inside a number')
    const part = byte & 127
    if (i < 4) low += part * 2 ** (7 * i)
    else if (i === 4) {
      low += (part & 15) * 2 ** 28
      high += part >> 4
    } else high += part * 2 ** (7 * i - 32)
    if (byte < 128) return { value: ((high % 2 ** 32) | 0) * 2 ** 32 + low, end: start + i + 1 }
  }
  throw broken('a number has more than ten bytes')
}

/** The fields of a message one after the other. @throws UserError where the bytes are no message. */
export function* protobufFields(bytes: Uint8Array): Generator<ProtobufField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < bytes.length) {
    const tag = readVarint(bytes, at)
    at = tag.end
    const number = Math.floor(tag.value / 8)
    const wire = tag.value & 7
    if (number < 1) throw broken('it has a field without a number')
    if (wire === 0) {
      const { value, end } = readVarint(bytes, at)
      at = end
      yield { number, value, bytes: NO_BYTES }
    } else if (wire === 2) {
      const { value: length, end } = readVarint(bytes, at)
      if (length < 0 || end + length > bytes.length) throw broken(`a field of ${length} bytes goes beyond its end`)
      at = end + length
      yield { number, value: Number.NaN, bytes: bytes.subarray(end, at) }
    } else if (wire === 5 || wire === 1) {
      const width = wire === 5 ? 4 : 8
      if (at + width > bytes.length) throw broken('it ends inside a number')
      const value = wire === 5 ? view.getFloat32(at, true) : view.getFloat64(at, true)
      at += width
      yield { number, value, bytes: NO_BYTES }
    } else {
      throw broken(`it has a field of the unknown wire type ${wire}`)
    }
  }
}

/** The integers of a repeated field, written one by one or packed. @param most more are refused */
export function integersOfField({ value, bytes }: ProtobufField, most: number): readonly number[] {
  if (!Number.isNaN(value)) return [value]
  const values: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const { value: item, end } = readVarint(bytes, at)
    values.push(item)
    at = end
    if (values.length > most) throw broken(`a list has more than ${most} entries`)
  }
  return values
}

/** The floats of a repeated field, written one by one or packed. */
export function floatsOfField({ value, bytes }: ProtobufField, most: number): readonly number[] {
  if (!Number.isNaN(value)) return [value]
  if (bytes.length > 4 * most) throw broken(`a list has more than ${most} entries`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => view.getFloat32(4 * i, true))
}

const MAX_TEXT_BYTES = 65_536

export function textOfField({ bytes }: ProtobufField): string {
  if (bytes.length > MAX_TEXT_BYTES) throw broken(`a name has ${bytes.length} bytes`)
  return new TextDecoder().decode(bytes)
}
