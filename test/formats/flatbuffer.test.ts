import test from 'ava'
import { FlatTable } from '../../formats/tflite/flatbuffer.ts'
import { UserError } from '../../lib/errors.ts'

const VTABLE = 8
const TABLE = 24
const VALUE = 40

/**
 * A file whose root table has three fields: 0 at byte 28, 1 left out, 2 at byte 32. What they hold begins at byte 40.
 * @param length of the file
 */
function file(length: number, write: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, TABLE, true)
  bytes.set(new TextEncoder().encode('TFL3'), 4)
  for (const [i, value] of [4 + 2 * 3, 16, 4, 0, 8].entries()) view.setUint16(VTABLE + 2 * i, value, true)
  view.setInt32(TABLE, TABLE - VTABLE, true)
  write(view)
  return bytes
}

const root = (bytes: Uint8Array) => FlatTable.root(bytes, 'TFL3')
const refused = { instanceOf: UserError, message: /^the file is damaged: .*; copy or export it again$/ }

/** A vector of so many entries that field 2 points to. */
const vector = (length: number) => (view: DataView) => {
  view.setUint32(32, VALUE - 32, true)
  view.setUint32(VALUE, length, true)
  for (let at = VALUE + 4; at + 8 <= view.byteLength; at += 8) view.setBigInt64(at, -5n, true)
}

test('numbers, and what stands for those left out or not known to the file', (t) => {
  const table = root(
    file(VALUE, (view) => {
      view.setInt32(28, -7, true)
      view.setFloat32(32, 1.5, true)
    }),
  )
  t.is(table.position, TABLE)
  t.deepEqual(
    [table.int32(0, 9), table.uint32(0, 9), table.int8(0, 9), table.float32(2, 9)],
    [-7, 2 ** 32 - 7, -7, 1.5],
  )
  t.deepEqual([table.bool(0), table.bool(1), table.bool(1, true), table.bool(3, true)], [true, false, true, true])
  for (const field of [1, 3, 100]) {
    t.deepEqual(
      [table.int8(field, 9), table.int32(field, 9), table.uint32(field, 9), table.float32(field, 9)],
      [9, 9, 9, 9],
    )
    t.deepEqual([table.table(field), table.target(field), table.text(field)], [undefined, undefined, ''])
    t.deepEqual([table.int32s(field, 0), table.int64s(field, 0), table.tables(field, 0)], [[], [], []])
  }
})

test('vectors, texts and tables are found where they are pointed to', (t) => {
  const table = root(file(VALUE + 4 + 16, vector(2)))
  t.is(table.target(2), VALUE)
  t.deepEqual(table.int64s(2, 2), [-5, -5])
  t.deepEqual(table.int32s(2, 2), [-5, -1])
  t.deepEqual([...table.bytes(2)], [0xfb, 0xff])
  const text = file(VALUE + 4 + 5, vector(5))
  text.set(new TextEncoder().encode('conv1'), VALUE + 4)
  t.is(root(text).text(2), 'conv1')
  const own = root(file(VALUE, (view) => view.setInt32(28, TABLE - 28, true)))
  t.throws(() => own.table(0), refused, 'no table lies before the file begins or beyond its end')
  const nested = file(VALUE + 8, (view) => {
    view.setUint32(28, VALUE - 28, true)
    view.setInt32(VALUE, VALUE - VTABLE, true)
    view.setInt32(VALUE + 4, 77, true)
  })
  t.is(root(nested).table(0)!.int32(0, 0), 77)
  t.is(root(nested).table(0)!.position, VALUE)
})

test('a file cut anywhere is damaged, and read as before where nothing of it is missing', (t) => {
  const cases: readonly (readonly [string, number, (view: DataView) => void, (table: FlatTable) => unknown])[] = [
    ['int8', 29, (view) => view.setInt8(28, 3), (table) => table.int8(0, 9)],
    ['int32', 32, (view) => view.setInt32(28, 3, true), (table) => table.int32(0, 9)],
    ['float32', 36, (view) => view.setFloat32(32, 3, true), (table) => table.float32(2, 9)],
    ['bytes', VALUE + 4 + 3, vector(3), (table) => [...table.bytes(2)]],
    ['int32s', VALUE + 4 + 12, vector(3), (table) => table.int32s(2, 3)],
    ['float32s', VALUE + 4 + 12, vector(3), (table) => table.float32s(2, 3)],
    ['int64s', VALUE + 4 + 24, vector(3), (table) => table.int64s(2, 3)],
  ]
  for (const [name, length, write, read] of cases) {
    const whole = file(VALUE + 64, write)
    const expected = read(root(whole))
    for (let end = 0; end <= whole.length; end++) {
      const cut = whole.slice(0, end)
      if (end >= length) t.deepEqual(read(root(cut)), expected, `${name} of ${end} bytes`)
      else t.throws(() => read(root(cut)), refused, `${name} of ${end} bytes`)
    }
  }
})

test('wrong identifiers, lists of fields and places are refused', (t) => {
  t.throws(() => FlatTable.root(file(VALUE), 'TFL4'), { instanceOf: UserError, message: /its identifier is not TFL4/ })
  t.throws(() => root(file(VALUE, (view) => view.setUint16(VTABLE, 3, true))), {
    instanceOf: UserError,
    message: /no list of fields/,
  })
  t.is(root(file(VALUE, (view) => view.setUint16(VTABLE, 4, true))).int32(0, 9), 9, 'a list of no fields')
  t.throws(() => root(file(VALUE, (view) => view.setInt32(TABLE, TABLE + 1, true))), refused, 'fields before the file')
  t.throws(() => root(file(VALUE, (view) => view.setUint32(0, 0xffffffff, true))), refused)
})

test('lists are read up to the length asked for, and not a thousand times over', (t) => {
  const table = root(file(VALUE + 4 + 24, vector(3)))
  t.is(table.int32s(2, 3).length, 3)
  t.throws(() => table.int32s(2, 2), {
    instanceOf: UserError,
    message: /a list has 3 entries where at most 2 are read/,
  })
  const large = root(file(VALUE + 4 + 80_000, vector(20_000)))
  t.throws(
    () => {
      for (let i = 0; i < 8; i++) large.int32s(2, 20_000)
    },
    { instanceOf: UserError, message: /its lists overlap/ },
  )
  // As many letters and entries as the file has bytes, and 65,536 more.
  const once = root(file(VALUE + 4 + 80_000, vector(20_000)))
  for (let i = 0; i < 7; i++) t.is(once.int32s(2, 20_000).length, 20_000)
  const longest = root(file(VALUE + 4 + 65_536, vector(65_536)))
  t.true(longest.text(2).length > 0)
  const longer = root(file(VALUE + 4 + 65_537, vector(65_537)))
  t.throws(() => longer.text(2), { instanceOf: UserError, message: /a name has 65537 bytes/ })
})
