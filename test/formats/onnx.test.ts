import test from 'ava'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { encodeModel, type OnnxModel } from '../../formats/onnx/model.ts'
import { ProtobufWriter } from '../../formats/onnx/protobuf.ts'

const model: OnnxModel = {
  producer: 'frugal',
  producerVersion: 'test',
  opsets: { '': 17 },
  graphName: 'affine',
  nodes: [
    {
      opType: 'Gemm',
      domain: '',
      name: 'product',
      inputs: ['x', 'weights', 'offset'],
      outputs: ['z'],
      attributes: { alpha: 0.5, transB: 1n },
    },
    { opType: 'Concat', domain: '', name: 'both', inputs: ['z', 'x'], outputs: ['zx'], attributes: { axis: 1n } },
    {
      opType: 'Transpose',
      domain: '',
      name: 'turned',
      inputs: ['zx'],
      outputs: ['y'],
      attributes: { perm: [1n, 0n] },
    },
  ],
  initializers: new Map([
    ['weights', { type: 'float32', dims: [2, 3], data: Float32Array.of(1, 2, 3, -1, 0.25, 1e-3) }],
    ['offset', { type: 'float32', dims: [2], data: Float32Array.of(10, -20) }],
  ]),
  inputs: [{ name: 'x', type: 'float32', dims: ['batch', 3] }],
  outputs: [{ name: 'y', type: 'float32', dims: [5, 'batch'] }],
  metadata: { task: 'digits' },
}

test('a written model runs in onnxruntime and computes what it says', async (t) => {
  const session = await InferenceSession.create(encodeModel(model))
  const x = new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])
  const { y } = await session.run({ x })
  t.deepEqual(y!.dims, [5, 2])
  const expected = [17, 26, -20.249, -21.372, 1, 4, 2, 5, 3, 6]
  for (const [index, value] of (y!.data as Float32Array).entries()) {
    t.true(Math.abs(value - expected[index]!) < 1e-3, `${index}: ${value}`)
  }
  await session.release()
})

test('symbolic dimensions are free', async (t) => {
  const session = await InferenceSession.create(encodeModel(model))
  const { y } = await session.run({ x: new Tensor('float32', new Float32Array(21), [7, 3]) })
  t.deepEqual(y!.dims, [5, 7])
  await session.release()
})

test('equal models are equal bytes', (t) => {
  t.deepEqual(encodeModel(model), encodeModel({ ...model, initializers: new Map(model.initializers) }))
})

test('attributes of every form are read back by the runtime', async (t) => {
  const constants = [
    ['value_ints', [3n, -4n, 5_000_000_000n], 'int64', [3n, -4n, 5_000_000_000n]],
    ['value_floats', [0.5, -1.25], 'float32', [0.5, -1.25]],
    ['value', { type: 'int8', dims: [3], data: Int8Array.of(-128, 0, 127) }, 'int8', [-128, 0, 127]],
    ['value_int', -9n, 'int64', [-9n]],
    ['value_float', 0.75, 'float32', [0.75]],
  ] as const
  for (const [attribute, value, type, expected] of constants) {
    const node = { opType: 'Constant', domain: '', name: 'c', inputs: [], outputs: ['y'] }
    const rank = attribute === 'value_int' || attribute === 'value_float' ? [] : [expected.length]
    const session = await InferenceSession.create(
      encodeModel({
        ...model,
        nodes: [{ ...node, attributes: { [attribute]: value } }],
        initializers: new Map(),
        inputs: [],
        outputs: [{ name: 'y', type, dims: rank }],
      }),
    )
    const { y } = await session.run({})
    t.deepEqual([...(y!.data as Float32Array)] as unknown, [...expected], attribute)
    await session.release()
  }
})

test('the wire format is that of the protocol-buffers guide', (t) => {
  // The examples of https://protobuf.dev/programming-guides/encoding/
  t.deepEqual([...new ProtobufWriter().integer(1, 150).finish()], [0x08, 0x96, 0x01])
  t.deepEqual([...new ProtobufWriter().text(2, 'testing').finish()], [0x12, 0x07, ...Buffer.from('testing')])
  const nested = new ProtobufWriter().message(3, (message) => message.integer(1, 150))
  t.deepEqual([...nested.finish()], [0x1a, 0x03, 0x08, 0x96, 0x01])
  // Lengths of one byte and of two, around text of one byte a letter and of more.
  for (const text of ['', 'a'.repeat(127), 'a'.repeat(128), `${'a'.repeat(126)}é`, `${'a'.repeat(20_000)}日本`]) {
    const utf8 = Buffer.from(text)
    const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)])
    const inner = [0x0a, ...varint(utf8.length), ...utf8, 0x10, 0x01]
    const written = new ProtobufWriter().message(3, (message) => message.text(1, text).integer(2, 1)).integer(4, 5)
    t.deepEqual([...written.finish()], [0x1a, ...varint(inner.length), ...inner, 0x20, 0x05])
  }
  t.deepEqual([...new ProtobufWriter().integer(1, -2).finish()], [0x08, 0xfe, ...Array(8).fill(0xff), 0x01])
  t.deepEqual([...new ProtobufWriter().float32(1, 1).finish()], [0x0d, 0, 0, 0x80, 0x3f])
})
