/** Members of a table by field number; those with their default value are left out by the caller. */
export type FlatFields = Readonly<Record<number, FlatValue>>

/** What a field of a FlatBuffers table may hold. */
export type FlatValue =
  | { readonly type: 'int8' | 'uint8' | 'int32' | 'uint32' | 'float32'; readonly value: number }
  | FlatObject

/** What lies elsewhere in the file and is pointed to. */
export type FlatObject =
  | { readonly type: 'table'; readonly fields: FlatFields }
  | { readonly type: 'tables'; readonly tables: readonly (FlatFields | Foreign)[] }
  | Foreign
  | { readonly type: 'text'; readonly text: string }
  /** `align`: of the first byte, from the start of the file. */
  | { readonly type: 'bytes'; readonly bytes: Uint8Array; readonly align: number }
  | { readonly type: 'int32s' | 'float32s' | 'int64s'; readonly values: ArrayLike<number> }

/** An object of the file that is appended to the new one: where it starts there. */
export interface Foreign {
  readonly type: 'foreign'
  readonly position: number
}

export const int8 = (value: number): FlatValue => ({ type: 'int8', value })
export const uint8 = (value: number): FlatValue => ({ type: 'uint8', value })
export const int32 = (value: number): FlatValue => ({ type: 'int32', value })
export const uint32 = (value: number): FlatValue => ({ type: 'uint32', value })
export const float32 = (value: number): FlatValue => ({ type: 'float32', value })
export const table = (fields: FlatFields): FlatObject => ({ type: 'table', fields })
export const tables = (list: readonly (FlatFields | Foreign)[]): FlatObject => ({ type: 'tables', tables: list })
export const text = (value: string): FlatObject => ({ type: 'text', text: value })
export const int32s = (values: ArrayLike<number>): FlatObject => ({ type: 'int32s', values })
export const float32s = (values: ArrayLike<number>): FlatObject => ({ type: 'float32s', values })
export const int64s = (values: ArrayLike<number>): FlatObject => ({ type: 'int64s', values })

const INLINE_BYTES = { int8: 1, uint8: 1, int32: 4, uint32: 4, float32: 4 } as const
const isInline = (value: FlatValue): value is Extract<FlatValue, { readonly value: number }> => 'value' in value
const isForeign = (entry: FlatFields | Foreign): entry is Foreign => 'type' in entry
const ELEMENT_BYTES = { int32s: 4, float32s: 4, int64s: 8 } as const

/**
 * Writes a FlatBuffers file (format of the public FlatBuffers "internals" document): every object comes after the one
 * that points to it, so that one pass suffices. The same tree gives the same bytes.
 * @param appended a FlatBuffers file whose objects may be pointed to; it is copied behind the new objects.
 */
export function writeFlatbuffer(
  root: FlatFields,
  identifier: string,
  appended: Uint8Array = new Uint8Array(),
): Uint8Array {
  const writer = new Writer()
  writer.header(identifier)
  writer.attach(0, table(root))
  return writer.finish(appended)
}

/** What is appended stays aligned as it was. */
const APPENDED_ALIGNMENT = 64

class Writer {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  readonly #foreign: { readonly at: number; readonly position: number }[] = []

  finish(appended: Uint8Array): Uint8Array {
    if (appended.length === 0) return this.#bytes.slice(0, this.#length)
    const base = this.#take(appended.length, APPENDED_ALIGNMENT)
    this.#bytes.set(appended, base)
    for (const { at, position } of this.#foreign) this.point(at, base + position)
    return this.#bytes.slice(0, this.#length)
  }

  /** Writes what the offset at `at` points to. */
  attach(at: number, object: FlatObject): void {
    if (object.type === 'foreign') this.#foreign.push({ at, position: object.position })
    else this.point(at, this.object(object))
  }

  header(identifier: string): void {
    const at = this.#take(8, 4)
    this.#bytes.set(new TextEncoder().encode(identifier), at + 4)
  }

  /** Sets the offset at `at` so that it points to `target`. */
  point = (at: number, target: number): void => this.#view.setUint32(at, target - at, true)

  object(object: Exclude<FlatObject, Foreign>): number {
    switch (object.type) {
      case 'table':
        return this.#table(object.fields)
      case 'tables': {
        const start = this.#vector(object.tables.length, 4, 4)
        for (const [i, entry] of object.tables.entries()) {
          this.attach(start + 4 + 4 * i, isForeign(entry) ? entry : table(entry))
        }
        return start
      }
      case 'text': {
        const bytes = new TextEncoder().encode(object.text)
        const start = this.#vector(bytes.length, 1, 4)
        this.#bytes.set(bytes, start + 4)
        // A string ends in a zero that its length does not count.
        this.#take(1, 1)
        return start
      }
      case 'bytes': {
        const start = this.#vector(object.bytes.length, 1, object.align)
        this.#bytes.set(object.bytes, start + 4)
        return start
      }
      default:
        return this.#numbers(object.type, object.values)
    }
  }

  #numbers(type: keyof typeof ELEMENT_BYTES, values: ArrayLike<number>): number {
    const width = ELEMENT_BYTES[type]
    const start = this.#vector(values.length, width, width)
    for (let i = 0; i < values.length; i++) {
      const at = start + 4 + i * width
      if (type === 'int32s') this.#view.setInt32(at, values[i]!, true)
      else if (type === 'float32s') this.#view.setFloat32(at, values[i]!, true)
      else this.#view.setBigInt64(at, BigInt(values[i]!), true)
    }
    return start
  }

  /** The list of offsets lies right before the table; wide fields come first, so that there are no gaps. */
  #table(fields: FlatFields): number {
    const slots = Object.entries(fields).map(([slot, value]) => ({ slot: Number(slot), value }))
    const count = slots.reduce((most, { slot }) => Math.max(most, slot + 1), 0)
    const widthOf = (value: FlatValue): number => (isInline(value) ? INLINE_BYTES[value.type] : 4)
    slots.sort((a, b) => widthOf(b.value) - widthOf(a.value) || a.slot - b.slot)
    const listBytes = 4 + 2 * count
    const tableBytes = slots.reduce((sum, { value }) => sum + widthOf(value), 4)
    const list = this.#take(listBytes + tableBytes, 4, listBytes)
    const start = list + listBytes
    this.#view.setUint16(list, listBytes, true)
    this.#view.setUint16(list + 2, tableBytes, true)
    this.#view.setInt32(start, start - list, true)
    let offset = 4
    const pointers: { readonly at: number; readonly object: FlatObject }[] = []
    for (const { slot, value } of slots) {
      this.#view.setUint16(list + 4 + 2 * slot, offset, true)
      if (isInline(value)) this.#inline(start + offset, value)
      else pointers.push({ at: start + offset, object: value })
      offset += widthOf(value)
    }
    for (const { at, object } of pointers) this.attach(at, object)
    return start
  }

  #inline(at: number, { type, value }: Extract<FlatValue, { readonly value: number }>): void {
    if (type === 'int8') this.#view.setInt8(at, value)
    else if (type === 'uint8') this.#view.setUint8(at, value)
    else if (type === 'int32') this.#view.setInt32(at, value, true)
    else if (type === 'uint32') this.#view.setUint32(at, value, true)
    else this.#view.setFloat32(at, value, true)
  }

  /** Room for a length and its elements; returns where the length lies. */
  #vector(length: number, elementBytes: number, align: number): number {
    const start = this.#take(4 + length * elementBytes, Math.max(align, 4), 4)
    this.#view.setUint32(start, length, true)
    return start
  }

  /** Reserves zeroed bytes so that the byte `lead` after the first is aligned. Returns where they start. */
  #take(count: number, align: number, lead = 0): number {
    const start = Math.ceil((this.#length + lead) / align) * align - lead
    const end = start + count
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = end
    return start
  }
}
