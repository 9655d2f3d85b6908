import test from 'ava'
import { decodeTensors, encodeTensors } from '../../formats/safetensors/safetensors.ts'
import { UserError } from '../../lib/errors.ts'

const tensors = new Map([
  ['conv/kernel', { shape: [2, 1, 3], data: Float32Array.of(1, -2, 3.5, Number.MIN_VALUE, 1e-45, -0) }],
  ['7', { shape: [], data: Float32Array.of(Math.PI) }],
  ['ünïcode "quoted"', { shape: [0], data: new Float32Array(0) }],
])

/** A file with this header and some bytes of data. */
function fileOf(header: string, dataBytes = 16): Uint8Array {
  const text = new TextEncoder().encode(header)
  const file = new Uint8Array(8 + text.length + dataBytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  return file
}

test('what was written is read back, bit for bit, and the same tensors give the same bytes', (t) => {
  const file = encodeTensors({ tensors, metadata: { format: 'test', state: '{"a":1}' } })
  const read = decodeTensors(file)
  t.is(read.tensors.size, tensors.size)
  for (const [name, tensor] of tensors) t.deepEqual(read.tensors.get(name), tensor, name)
  t.deepEqual(read.metadata, { format: 'test', state: '{"a":1}' })
  t.deepEqual(encodeTensors({ tensors, metadata: { format: 'test', state: '{"a":1}' } }), file)
  t.is(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8, 0)
})

test('a file inside a larger buffer is read at its place', (t) => {
  const file = encodeTensors({ tensors, metadata: {} })
  const larger = new Uint8Array(file.length + 5)
  larger.set(file, 5)
  t.deepEqual(decodeTensors(larger.subarray(5)).tensors.get('7'), tensors.get('7'))
})

test('damaged and hostile files are refused in one sentence', (t) => {
  const entry = (changes: object) =>
    `{"a":${JSON.stringify({ dtype: 'F32', shape: [4], data_offsets: [0, 16], ...changes })}}`
  t.notThrows(() => decodeTensors(fileOf(entry({}))))
  const huge = fileOf('{}')
  huge.fill(255, 0, 8)
  const wrong: readonly [Uint8Array, RegExp][] = [
    [new Uint8Array(3), /header does not fit/],
    [huge, /header does not fit/],
    [fileOf('{'), /not JSON/],
    [fileOf('[]'), /no JSON object/],
    [fileOf(entry({ dtype: 'F16' })), /'a' is not of type F32/],
    [fileOf(entry({ shape: [5] })), /size of its shape/],
    [fileOf(entry({ shape: [-4] })), /lacks a shape/],
    [fileOf(entry({ data_offsets: [4, 20] })), /lie inside the file/],
    [fileOf(entry({ data_offsets: [0] })), /two offsets/],
    [fileOf('{"__metadata__":{"a":1}}'), /must hold texts/],
  ]
  for (const [file, message] of wrong) t.throws(() => decodeTensors(file), { instanceOf: UserError, message })
})
