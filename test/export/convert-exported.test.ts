import { mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { convertModel } from '../../export/convert/convert-model.ts'
import { readFloatOnnx } from '../../export/convert/read-onnx-float.ts'
import { withEmbeddedWeights } from '../../formats/onnx/embed-weights.ts'
import { ProtobufWriter } from '../../formats/onnx/protobuf.ts'
import { externalData } from '../../formats/read-model.ts'
import { UserError } from '../../lib/errors.ts'
import { difference } from './onnx-difference.ts'
import { OnnxWriter } from './onnx-writer.ts'

/** Files as exporters of PyTorch write them, converted and compared with what ONNX Runtime makes of them. */

const square = (name: string, ...lengths: readonly number[]) => ({ [name]: lengths.map(BigInt) })
const window = (kernel: number, stride: number, pad: number) => ({
  ...square('kernel_shape', kernel, kernel),
  ...square('strides', stride, stride),
  ...square('pads', pad, pad, pad, pad),
})

/** A convolution, then a pool on a map of this size. */
function pooled(opType: string, size: number, attributes: Parameters<OnnxWriter['node']>[2]): Uint8Array {
  const w = new OnnxWriter()
  const map = w.conv('image', [4, 3, 3, 3], 1n, [1n, 1n, 1n, 1n])
  return w.file(w.node(opType, [map], attributes), ['n', 3, size, size], ['n', 4, 'h', 'w'])
}

const pools: readonly (readonly [string, string, readonly number[], Parameters<OnnxWriter['node']>[2]])[] = [
  ['maxima with a rim on both sides, as in ResNet', 'MaxPool', [8, 9], window(3, 2, 1)],
  ['maxima of five with a rim', 'MaxPool', [9, 10], window(5, 2, 2)],
  ['maxima rounded up, as in GoogLeNet', 'MaxPool', [8, 9], { ...window(3, 2, 0), ceil_mode: 1n }],
  ['averages that count zeros, as in Inception', 'AveragePool', [8], { ...window(3, 1, 1), count_include_pad: 1n }],
  ['averages that count zeros, two apart', 'AveragePool', [9], { ...window(3, 2, 1), count_include_pad: 1n }],
]
for (const [what, opType, sizes, attributes] of pools) {
  test(`${what}: the outputs of ONNX Runtime`, async (t) => {
    for (const size of sizes) t.true((await difference(pooled(opType, size, attributes))) < 1e-5, `${size}`)
  })
}

test('a sequence is a map of one row', async (t) => {
  const w = new OnnxWriter()
  const conv = (x: string, dims: readonly number[], attributes: Parameters<OnnxWriter['node']>[2]) =>
    w.node('Conv', [x, w.stored(dims), w.stored([dims[0]!])], attributes)
  const first = w.node('Relu', [conv('image', [6, 3, 5], { pads: [2n, 2n] })])
  const half = w.node('MaxPool', [first], { kernel_shape: [2n], strides: [2n] })
  const deep = conv(half, [6, 1, 3], { pads: [2n, 2n], dilations: [2n], group: 6n })
  const flat = w.node('Flatten', [w.node('Mul', [deep, w.stored([6, 1])])])
  const output = w.node('Gemm', [flat, w.stored([4, 48]), w.stored([4])], { transB: 1n })
  const bytes = w.file(output, [1, 3, 16], [1, 4])
  t.deepEqual(readFloatOnnx(bytes).graph.nodes[0]!.shape, [1, 16, 3])
  t.true((await difference(bytes)) < 1e-5)
})

test('constants as nodes, activations in arithmetic and casts in any order', async (t) => {
  const w = new OnnxWriter()
  const map = w.conv('half', [4, 3, 1, 1], 1n, [0n, 0n, 0n, 0n])
  const three = w.node('Constant', [], { value: { type: 'float32', dims: [], data: Float32Array.of(3) } })
  const cut = w.node('Clip', [w.node('Add', [map, three]), w.shapeless(0), w.shapeless(6)])
  const output = w.node('Div', [w.node('Mul', [map, cut]), w.shapeless(6)])
  w.nodes.push({ opType: 'Cast', domain: '', name: '', inputs: ['image'], outputs: ['half'], attributes: { to: 1n } })
  const bytes = w.file(output, [1, 3, 4, 4], [1, 4, 4, 4])
  const { graph } = readFloatOnnx(bytes)
  t.deepEqual(
    graph.nodes.map(({ op }) => op.kind),
    ['input', 'conv2d', 'hardSwish'],
  )
})

test('maxima with a rim are the same in int8: TFLite, ONNX and C are compared', async (t) => {
  const dataset = await loadDataset('builtin', { seed: 1 })
  const [height, width, channels] = dataset.inputShape as readonly [number, number, number]
  const w = new OnnxWriter()
  const map = w.node('Relu', [w.conv('image', [4, channels, 3, 3], 1n, [1n, 1n, 1n, 1n])])
  const most = w.node('GlobalAveragePool', [w.node('MaxPool', [map], window(3, 2, 1))])
  const output = w.node('Gemm', [w.node('Flatten', [most]), w.stored([5, 4]), w.stored([5])], { transB: 1n })
  const { findings } = await convertModel({
    bytes: w.file(output, [1, channels, height, width], [1, 5]),
    kind: 'onnx',
    formats: ['tflite', 'onnx-integer'],
    name: 'rim',
    verify: true,
    data: { dataset, normalisation: 'data' },
  })
  t.true(findings.filter((line) => /bit for bit|not verified|NOT/i.test(line)).length >= 2, findings.join('\n'))
})

test('weights in a file beside the model are put inside it', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-embed-'))
  const data = Float32Array.of(1, 2, 3, 4, 5, 6)
  writeFileSync(path.join(folder, 'w.bin'), new Uint8Array(data.buffer))
  const entry = (key: string, value: string) => (message: ProtobufWriter) => void message.text(1, key).text(2, value)
  const value = (name: string, length: number) => (message: ProtobufWriter) =>
    void message
      .text(1, name)
      .message(2, (type) =>
        type.message(1, (tensor) =>
          tensor
            .integer(1, 1)
            .message(2, (shape) => shape.message(1, (d) => d.integer(1, 1)).message(1, (d) => d.integer(1, length))),
        ),
      )
  const bytes = new ProtobufWriter()
    .integer(1, 8)
    .message(7, (graph) => {
      graph.message(1, (n) => n.text(1, 'x').text(1, 'w').text(2, 'y').text(4, 'MatMul')).text(2, 'g')
      graph.message(5, (tensor) => {
        tensor.integer(1, 3).integer(1, 2).integer(2, 1).text(8, 'w').integer(14, 1)
        tensor.message(13, entry('location', 'w.bin'))
      })
      graph.message(11, value('x', 3)).message(12, value('y', 2))
    })
    .message(8, (opset) => opset.text(1, '').integer(2, 17))
    .finish()
  const external = externalData(path.join(folder, 'model.onnx'))
  t.throws(() => readFloatOnnx(bytes).weights, { instanceOf: UserError, message: /beside the file/ })
  const whole = withEmbeddedWeights(bytes, external, 1000)
  t.true((await difference(whole)) < 1e-6)
  const most = { instanceOf: UserError, message: /more than 10 bytes/ }
  t.throws(() => withEmbeddedWeights(bytes, external, 10), most)
})
