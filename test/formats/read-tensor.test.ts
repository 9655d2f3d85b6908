import test from 'ava'
import { ProtobufWriter } from '../../formats/onnx/protobuf.ts'
import { NO_EXTERNAL, type ReadExternal, readTensor } from '../../formats/onnx/read-tensor.ts'
import { UserError } from '../../lib/errors.ts'

const bytesOf = ({ buffer }: { readonly buffer: ArrayBufferLike }) => new Uint8Array(buffer)

/** A tensor's name, type and lengths; what holds its values follows. */
function tensor(type: number, dims: readonly number[]): ProtobufWriter {
  const writer = new ProtobufWriter()
  for (const length of dims) writer.integer(1, length)
  return writer.integer(2, type).text(8, 'w')
}
const read = (writer: ProtobufWriter, external: ReadExternal = NO_EXTERNAL) =>
  readTensor(writer.finish(), external).tensor

test('values of every type as they lie in the file, little-endian', (t) => {
  for (const [number, type, raw, expected] of [
    [1, 'float32', Float32Array.of(1.5, -2), [1.5, -2]],
    [2, 'uint8', Uint8Array.of(1, 255), [1, 255]],
    [3, 'int8', Int8Array.of(1, -1), [1, -1]],
    [5, 'int16', Int16Array.of(1, -300), [1, -300]],
    [6, 'int32', Int32Array.of(1, -70_000), [1, -70_000]],
    [7, 'int64', BigInt64Array.of(1n, -5_000_000_000n), [1, -5_000_000_000]],
    [9, 'bool', Uint8Array.of(0, 1), [0, 1]],
    [10, 'float16', Uint16Array.of(0x3c00, 0xc100), [1, -2.5]],
    [11, 'float64', Float64Array.of(0.1, -2), [0.1, -2]],
    [21, 'uint4', Uint8Array.of(0x21), undefined],
    [22, 'int4', Uint8Array.of(0x21), undefined],
    [16, 'other', Uint16Array.of(1, 2), undefined],
  ] as const) {
    const found = read(tensor(number, [2]).bytes(9, bytesOf(raw)))
    t.deepEqual([found.type, found.dims, found.values], [type, [2], expected], type)
    t.deepEqual(found.bytes, bytesOf(raw))
  }
  t.is(read(tensor(1, [2]).bytes(9, new Uint8Array(7))).values, undefined, 'of another size')
  t.deepEqual(read(tensor(6, []).bytes(9, bytesOf(Int32Array.of(7)))).values, [7], 'one number without axes')
})

test('values listed one by one', (t) => {
  const floats = Float32Array.of(1.5, -2)
  const found = read(tensor(1, [2]).bytes(4, bytesOf(floats)))
  t.deepEqual(found.values, [1.5, -2])
  t.deepEqual(found.bytes, bytesOf(floats), 'which is how they would lie in the file')
  t.deepEqual(read(tensor(1, [2]).float32(4, 1.5).float32(4, -2)).values, [1.5, -2], 'a field for each')
  t.deepEqual(read(tensor(6, [3]).bytes(5, Uint8Array.of(1, 2, 3))).values, [1, 2, 3])
  const integers = read(tensor(7, [2]).integer(7, -4).integer(7, 300))
  t.deepEqual([integers.values, integers.bytes], [[-4, 300], undefined])
  t.is(read(tensor(7, [1]).integer(7, 4)).bytes, undefined, 'a varint is not how it would lie in the file')
  t.deepEqual(read(tensor(11, [2]).bytes(10, bytesOf(Float64Array.of(0.1, -2)))).values, [0.1, -2])
  // Half floats are listed as their bits: 1 and −2.5.
  t.deepEqual(read(tensor(10, [2]).integer(5, 0x3c00).integer(5, 0xc100)).values, [1, -2.5])
  t.is(read(tensor(7, [3]).integer(7, 1)).values, undefined, 'fewer than there should be')
})

test('weights are not read: values of up to 1,024 only', (t) => {
  const of = (count: number) => read(tensor(1, [count]).bytes(9, bytesOf(new Float32Array(count).fill(3)))).values
  t.is(of(1024)!.length, 1024)
  t.is(of(1025), undefined)
  const listed = (count: number) => read(tensor(1, [count]).bytes(4, bytesOf(new Float32Array(count).fill(3)))).values
  t.is(listed(1024)!.length, 1024)
  t.is(listed(1025), undefined)
})

test('lengths that no tensor has are refused', (t) => {
  t.throws(() => read(tensor(1, [2, -1])), {
    instanceOf: UserError,
    message: /stored tensor 'w' has a negative length/,
  })
  t.notThrows(() => read(tensor(1, new Array<number>(16).fill(1))))
  t.throws(() => read(tensor(1, new Array<number>(17).fill(1))), {
    instanceOf: UserError,
    message: /a stored tensor has more than 16 axes/,
  })
})

const place = (places: Readonly<Record<string, string>>, type = 1, dims: readonly number[] = [2]) => {
  const writer = tensor(type, dims).integer(14, 1)
  for (const [key, value] of Object.entries(places)) {
    writer.bytes(13, new ProtobufWriter().text(1, key).text(2, value).finish())
  }
  return writer
}

test('a tensor beside the model is read where the model says, as long as it is', (t) => {
  const asked: unknown[] = []
  const external: ReadExternal = (location, offset, length) => {
    asked.push([location, offset, length])
    return bytesOf(Float32Array.of(1.5, -2))
  }
  const found = read(place({ location: 'w.bin', offset: '16', length: '8' }), external)
  t.deepEqual([found.values, asked], [[1.5, -2], [['w.bin', 16, 8]]])
  t.deepEqual(found.bytes, bytesOf(Float32Array.of(1.5, -2)))
  asked.length = 0
  t.deepEqual(read(place({ location: 'w.bin' }), external).values, [1.5, -2])
  t.deepEqual(asked, [['w.bin', 0, 8]], 'without a length that of its values')
  asked.length = 0
  const large = read(place({ location: 'w.bin', offset: '4' }, 1, [1025]), external)
  t.deepEqual([large.values, asked], [undefined, []], 'weights only when somebody wants them')
  t.is(large.bytes!.length, 8)
  t.deepEqual(asked, [['w.bin', 4, 4100]])
  asked.length = 0
  // A type of unknown width: to the end of the file, and only when wanted.
  t.deepEqual([read(place({ location: 'w.bin' }, 16), external).bytes!.length, asked], [8, [['w.bin', 0, undefined]]])
  t.throws(() => read(place({ location: 'w.bin' })), {
    instanceOf: UserError,
    message: /lie in 'w.bin', beside the file/,
  })
})

test('a place that is not said in whole numbers is refused', (t) => {
  for (const places of [
    {},
    { location: 'w.bin', offset: '-1' },
    { location: 'w.bin', offset: '1.5' },
    { location: 'w.bin', length: 'all' },
    { location: 'w.bin', length: '1e30' },
  ]) {
    t.throws(() => read(place(places), () => new Uint8Array(8)), {
      instanceOf: UserError,
      message: /stored tensor 'w' lies in another file, and where is not said in whole numbers/,
    })
  }
})
