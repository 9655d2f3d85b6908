import { UserError } from '../../lib/errors.ts'

/** A file that is being read: its bytes, and how it is called in messages. */
interface Source {
  readonly view: DataView
  readonly bytes: Uint8Array
  /** List entries and letters that may still be read: lists that share their bytes a thousand times over are no real file. */
  budget: number
}

/** Text is only read for names; longer ones are a sign of a broken file. */
const MAX_TEXT_BYTES = 65_536

const broken = (what: string): UserError => new UserError(`the file is damaged: ${what}; copy or export it again`)

/**
 * One table of a FlatBuffers file, read in place. Every access is checked against the length of the file and every
 * vector against the bytes that are left, so a damaged or hostile file gives a UserError and never a large allocation.
 */
export class FlatTable {
  readonly #source: Source
  readonly #position: number
  readonly #vtable: number
  readonly #vtableBytes: number

  constructor(source: Source, position: number) {
    this.#source = source
    this.#position = position
    this.#vtable = position - this.#int32(position)
    this.#vtableBytes = this.#uint16(this.#vtable)
    if (this.#vtableBytes < 4) throw broken('a table has no list of fields')
  }

  /** Where the table starts in the file. */
  get position(): number {
    return this.#position
  }

  /** Where the vector, text or table of a field starts in the file; undefined when it is left out. */
  target(field: number): number | undefined {
    const at = this.#field(field)
    return at === undefined ? undefined : at + this.#uint32(at)
  }

  /** The root table. @throws UserError when the identifier (bytes 4 to 8) is another one. */
  static root(bytes: Uint8Array, identifier: string): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < 8) throw broken(`it has only ${bytes.length} bytes`)
    const found = String.fromCharCode(...bytes.subarray(4, 8))
    if (found !== identifier) throw broken(`its identifier is not ${identifier}`)
    return new FlatTable({ view, bytes, budget: 65_536 + bytes.length }, view.getUint32(0, true))
  }

  #check(position: number, length: number): void {
    if (position < 0 || position + length > this.#source.bytes.length) {
      throw broken(`it points to byte ${position} and has ${this.#source.bytes.length}`)
    }
  }

  #uint16(position: number): number {
    this.#check(position, 2)
    return this.#source.view.getUint16(position, true)
  }

  #int32(position: number): number {
    this.#check(position, 4)
    return this.#source.view.getInt32(position, true)
  }

  #uint32(position: number): number {
    this.#check(position, 4)
    return this.#source.view.getUint32(position, true)
  }

  /** Where a field's value lies; undefined when it is left out. */
  #field(field: number): number | undefined {
    const entry = 4 + 2 * field
    if (entry + 2 > this.#vtableBytes) return undefined
    const offset = this.#uint16(this.#vtable + entry)
    return offset === 0 ? undefined : this.#position + offset
  }

  int8(field: number, otherwise: number): number {
    const at = this.#field(field)
    if (at === undefined) return otherwise
    this.#check(at, 1)
    return this.#source.view.getInt8(at)
  }

  bool = (field: number, otherwise = false): boolean => this.int8(field, otherwise ? 1 : 0) !== 0

  int32(field: number, otherwise: number): number {
    const at = this.#field(field)
    return at === undefined ? otherwise : this.#int32(at)
  }

  uint32(field: number, otherwise: number): number {
    const at = this.#field(field)
    return at === undefined ? otherwise : this.#uint32(at)
  }

  float32(field: number, otherwise: number): number {
    const at = this.#field(field)
    if (at === undefined) return otherwise
    this.#check(at, 4)
    return this.#source.view.getFloat32(at, true)
  }

  table(field: number): FlatTable | undefined {
    const at = this.#field(field)
    return at === undefined ? undefined : new FlatTable(this.#source, at + this.#uint32(at))
  }

  text(field: number): string {
    const bytes = this.bytes(field)
    if (bytes.length > MAX_TEXT_BYTES) throw broken(`a name has ${bytes.length} bytes`)
    this.#spend(bytes.length)
    return new TextDecoder().decode(bytes)
  }

  /** A vector of bytes as a view of the file; empty when it is left out. */
  bytes(field: number): Uint8Array {
    const vector = this.#vector(field, 1)
    return this.#source.bytes.subarray(vector.start, vector.start + vector.length)
  }

  /** @param most longer vectors are refused before anything is read */
  int32s(field: number, most: number): readonly number[] {
    const { start, length } = this.#vector(field, 4, most)
    return Array.from({ length }, (_, i) => this.#int32(start + 4 * i))
  }

  float32s(field: number, most: number): readonly number[] {
    const { start, length } = this.#vector(field, 4, most)
    return Array.from({ length }, (_, i) => this.#source.view.getFloat32(start + 4 * i, true))
  }

  int64s(field: number, most: number): readonly number[] {
    const { start, length } = this.#vector(field, 8, most)
    return Array.from({ length }, (_, i) => Number(this.#source.view.getBigInt64(start + 8 * i, true)))
  }

  tables(field: number, most: number): readonly FlatTable[] {
    const { start, length } = this.#vector(field, 4, most)
    return Array.from({ length }, (_, i) => {
      const at = start + 4 * i
      return new FlatTable(this.#source, at + this.#uint32(at))
    })
  }

  #spend(entries: number): void {
    this.#source.budget -= entries
    if (this.#source.budget < 0) throw broken('its lists overlap')
  }

  #vector(field: number, elementBytes: number, most = Number.POSITIVE_INFINITY): { start: number; length: number } {
    const at = this.#field(field)
    if (at === undefined) return { start: 0, length: 0 }
    const start = at + this.#uint32(at)
    const length = this.#uint32(start)
    if (length > most) throw broken(`a list has ${length} entries where at most ${most} are read`)
    this.#check(start + 4, length * elementBytes)
    if (elementBytes > 1) this.#spend(length)
    return { start: start + 4, length }
  }
}
