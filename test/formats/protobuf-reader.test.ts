import test from 'ava'
import { floatsOfField, integersOfField, protobufFields, textOfField } from '../../formats/onnx/protobuf-reader.ts'
import { UserError } from '../../lib/errors.ts'

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const read = (bytes: Uint8Array) => [...protobufFields(bytes)]
const damaged = (what: RegExp) => ({
  instanceOf: UserError,
  message: new RegExp(`^the file is damaged: ${what.source}; copy or export it again$`),
})

test('fields of every wire type, byte by byte as the format has them', (t) => {
  const message = bytesOf('08ac02 12026162 1d0000c03f 2100000000000000c0 800105')
  t.deepEqual(
    read(message).map(({ number, value, bytes }) => [number, value, [...bytes]]),
    [
      [1, 300, []],
      [2, Number.NaN, [0x61, 0x62]],
      [3, 1.5, []],
      [4, -2, []],
      [16, 5, []],
    ],
  )
  // Cut between two fields it is a shorter message, cut elsewhere it is damaged.
  const ends = [0, 3, 7, 12, 21, 24]
  for (let end = 0; end <= message.length; end++) {
    const cut = message.slice(0, end)
    if (ends.includes(end)) t.is(read(cut).length, ends.indexOf(end))
    else t.throws(() => read(cut), damaged(/.*/), `${end} bytes`)
  }
})

test('integers of 64 bits with their signs', (t) => {
  const value = (hex: string) => read(bytesOf(`08${hex}`))[0]!.value
  t.deepEqual(['00', '7f', '8001', 'ffffff7f', '8080808001', 'ffffffff0f', '8080808010', '808080808001'].map(value), [
    0,
    127,
    128,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 35,
  ])
  t.is(value('ffffffffffffffffff01'), -1)
  t.is(value('808080808080808080 01'), -(2 ** 63))
  t.is(value('80808080f8ffffffff01'), -(2 ** 31))
  t.is(value('ffffffffffffff0f'), 2 ** 53 - 1)
})

test('what is no message is told apart', (t) => {
  for (const [hex, what] of [
    ['00', /it has a field without a number/],
    ['0b', /it has a field of the unknown wire type 3/],
    ['0e', /it has a field of the unknown wire type 6/],
    ['08ffffffffffffffffffff01', /a number has more than ten bytes/],
    ['08ff', /it ends inside a number/],
    ['0d0000c0', /it ends inside a number/],
    ['0900000000000000', /it ends inside a number/],
    ['12056162', /a field of 5 bytes goes beyond its end/],
    ['12ffffffffffffffffff01', /a field of -1 bytes goes beyond its end/],
  ] as const) {
    t.throws(() => read(bytesOf(hex)), damaged(what), hex)
  }
  t.is(read(bytesOf('1200'))[0]!.bytes.length, 0, 'an empty text')
})

test('lists are written one by one or packed, and end where they are told to', (t) => {
  const [one, packed] = read(bytesOf('0807 1203 01ac02'))
  t.deepEqual(integersOfField(one!, 0), [7])
  t.deepEqual(integersOfField(packed!, 2), [1, 300])
  t.throws(() => integersOfField(packed!, 1), damaged(/a list has more than 1 entries/))
  t.throws(() => integersOfField(read(bytesOf('120180'))[0]!, 2), damaged(/it ends inside a number/))
  const [float, floats] = read(bytesOf('0d0000c03f 1209 0000c03f 000000c0 00'))
  t.deepEqual(floatsOfField(float!, 0), [1.5])
  t.deepEqual(floatsOfField(floats!, 3), [1.5, -2], 'a rest of less than four bytes is no number')
  t.throws(() => floatsOfField(floats!, 2), damaged(/a list has more than 2 entries/))
  t.deepEqual(floatsOfField(read(bytesOf('1208 0000c03f 000000c0'))[0]!, 2), [1.5, -2])
})

test('names are texts of up to 65,536 bytes', (t) => {
  const named = (length: number) => ({ number: 1, value: Number.NaN, bytes: new Uint8Array(length).fill(97) })
  t.is(textOfField(named(65_536)).length, 65_536)
  t.throws(() => textOfField(named(65_537)), damaged(/a name has 65537 bytes/))
  t.is(textOfField(read(bytesOf('1203e282ac'))[0]!), '€')
})
