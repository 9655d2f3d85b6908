import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { parseInputShapes } from '../../formats/import/input-shapes.ts'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import type { OnnxSubgraph } from '../../formats/onnx/model.ts'
import { ProtobufWriter } from '../../formats/onnx/protobuf.ts'
import { readModel } from '../../formats/read-model.ts'
import { UserError } from '../../lib/errors.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { bytes, floats, ints, list, node, onnxFile, scalar } from './onnx-file.ts'

/** What exporters of PyTorch and tools behind them write. */

const imported = (...file: Parameters<typeof onnxFile>) => importOnnx(onnxFile(...file))
const kernels = (graph: NetworkGraph): readonly string[] => scheduleOf(graph).kernels.map(({ kind }) => kind)
const functionsOf = (graph: NetworkGraph): readonly string[] =>
  graph.nodes.flatMap(({ op }) => (op.kind === 'unary' ? [op.function] : op.kind === 'custom' ? [op.name] : []))

/** Fields of a message one behind the other are one message. */
const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

/** A FunctionProto with a Conv whose strides the call gives, then what `activation` names. */
function functionField(name: string, activation: string): Uint8Array {
  const attribute = (writer: ProtobufWriter): void =>
    void writer.message(5, (entry) => entry.text(1, 'strides').integer(20, 7).text(21, 'step'))
  return new ProtobufWriter()
    .message(25, (f) => {
      f.text(1, name).text(4, 'a').text(4, 'k').text(5, 'b').text(6, 'step').text(10, 'own')
      f.message(7, (n) => {
        n.text(1, 'a').text(1, 'k').text(2, 't').text(4, 'Conv')
        attribute(n)
      })
      f.message(7, (n) =>
        n
          .text(1, 't')
          .text(2, 'b')
          .text(4, activation)
          .text(7, activation === name ? 'own' : ''),
      )
    })
    .finish()
}

test('operators that the file defines are read as it defines them, with the attributes of their calls', (t) => {
  const file = onnxFile(
    [1, 3, 8, 8],
    [
      node('block', ['x', 'w'], 't', { step: ints(2, 2) }, 'own'),
      node('block', ['t', 'v'], 'y', { step: ints(1, 1) }, 'own'),
    ],
    { w: floats(4, 3, 1, 1), v: floats(5, 4, 1, 1) },
  )
  const { graph } = importOnnx(joined(file, functionField('block', 'Relu')))
  t.deepEqual(kernels(graph), ['conv2d', 'conv2d'])
  t.deepEqual(graph.nodes.at(-1)!.shape, [4, 4, 5])
  const endless = () => importOnnx(joined(file, functionField('block', 'block')))
  t.throws(endless, { instanceOf: UserError, message: /function 'block' calls itself/ })
})

test('functions that call others twice, and these others, end in a sentence', (t) => {
  const call = (i: number) => (n: ProtobufWriter) =>
    void n.text(1, 'a').text(2, `r${i}`).text(4, `f${i}`).text(7, 'own')
  const functions = Array.from({ length: 25 }, (_, i) =>
    new ProtobufWriter()
      .message(25, (f) => {
        f.text(1, `f${i}`).text(4, 'a').text(10, 'own')
        if (i < 24) f.message(7, call(i + 1)).message(7, call(i + 1))
      })
      .finish(),
  )
  const file = onnxFile([1, 4], [node('f0', ['x'], 't', {}, 'own'), node('Relu', ['x'], 'y')])
  const message = /calls its functions more than 50000 times/
  t.throws(() => importOnnx(joined(file, ...functions)), { instanceOf: UserError, message })
})

test('a Constant node counts as a stored tensor, and lengths computed from shapes as fixed ones', (t) => {
  const { graph } = imported(
    ['batch', 4, 6, 6],
    [
      node('Constant', [], 'w', { value: floats(8, 4, 3, 3) }),
      node('Conv', ['x', 'w'], 'c'),
      node('Shape', ['c'], 's'),
      node('Gather', ['s', 'zero'], 'n'),
      node('Unsqueeze', ['n', 'axes'], 'n1'),
      node('Constant', [], 'rest', { value_ints: ints(-1) }),
      node('Concat', ['n1', 'rest'], 'target', { axis: 0n }),
      node('Reshape', ['c', 'target'], 'flat'),
      node('Gemm', ['flat', 'g'], 'y'),
    ],
    { zero: { ...list(0), dims: [] }, axes: list(0), g: floats(128, 3) },
  )
  t.deepEqual(kernels(graph), ['conv2d', 'dense'])
  t.is(countParams(graph), 8 * 4 * 9 + 128 * 3)
})

test('interpolation with a target computed from the shape of another map', (t) => {
  const { graph } = imported(
    [1, 4, 6, 6],
    [
      node('MaxPool', ['x'], 'p', { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
      node('Shape', ['x'], 's'),
      node('Slice', ['s', 'two', 'four', 'axis'], 'hw'),
      node('Cast', ['hw'], 'real', { to: 1n }),
      node('Mul', ['real', 'half'], 'halves'),
      node('Floor', ['halves'], 'floors'),
      node('Cast', ['floors'], 'whole', { to: 7n }),
      node('Shape', ['p'], 'ps'),
      node('Slice', ['ps', 'axis', 'two', 'axis'], 'nc'),
      node('Concat', ['nc', 'whole'], 'sizes', { axis: 0n }),
      node('Resize', ['p', '', '', 'sizes'], 'y', { mode: 'linear' }),
    ],
    { two: list(2), four: list(4), axis: list(0), half: scalar(1.5) },
  )
  t.deepEqual(graph.nodes.at(-1)!.shape, [9, 9, 4])
})

const branch = (graphName: string, opType: string): OnnxSubgraph => ({
  graphName,
  nodes: [node(opType, ['c'], graphName)],
  initializers: new Map(),
  inputs: [],
  outputs: [{ name: graphName, type: 'float32', dims: ['n'] }],
})

test('of a branch whose condition is known, only what it takes is priced', (t) => {
  const nodes = (condition: string) => [
    node('Relu', ['x'], 'c'),
    node('Shape', ['c'], 's'),
    node('Equal', ['s', 'four'], 'flags'),
    node('Squeeze', ['flags'], 'known'),
    node('ReduceMax', ['x'], 'computed', { keepdims: 0n }),
    node('If', [condition], 'y', { then_branch: branch('yes', 'Tanh'), else_branch: branch('no', 'Sigmoid') }),
  ]
  t.deepEqual(kernels(imported([4], nodes('known'), { four: list(4) }).graph), ['relu', 'unary'])
  t.deepEqual(kernels(imported([4], nodes('known'), { four: list(5) }).graph), ['relu', 'sigmoid'])
  const open = () => imported([4], nodes('computed'), { four: list(4) })
  t.throws(open, { instanceOf: UserError, message: /decided while the network runs/ })
})

test('activations written out in arithmetic are the operators they stand for', (t) => {
  const stored = { three: scalar(3), low: scalar(0), high: scalar(6), six: scalar(6), half: scalar(0.5) }
  const more = { root: scalar(Math.SQRT2), one: scalar(1), w: floats(4, 3, 1, 1) }
  const hard = [
    node('Conv', ['x', 'w'], 'c'),
    node('Add', ['c', 'three'], 'a'),
    node('Clip', ['a', 'low', 'high'], 'b'),
  ]
  const written: readonly (readonly [string, ReturnType<typeof node>[]])[] = [
    ['hardSwish', [...hard, node('Mul', ['c', 'b'], 'm'), node('Div', ['m', 'six'], 'y')]],
    ['hardSwish', [...hard, node('Div', ['b', 'six'], 'm'), node('Mul', ['m', 'c'], 'y')]],
    ['hardSigmoid', [...hard, node('Div', ['b', 'six'], 'y')]],
    [
      'hardSwish',
      [hard[0]!, node('HardSigmoid', ['c'], 's', { alpha: 1 / 6, beta: 0.5 }), node('Mul', ['c', 's'], 'y')],
    ],
    [
      'unary',
      [
        hard[0]!,
        ...[node('Div', ['c', 'root'], 'd'), node('Erf', ['d'], 'e'), node('Add', ['e', 'one'], 'p')],
        ...[node('Mul', ['c', 'p'], 'm'), node('Mul', ['m', 'half'], 'y')],
      ],
    ],
    [
      'unary',
      [
        hard[0]!,
        ...[node('Div', ['c', 'root'], 'd'), node('Erf', ['d'], 'e'), node('Add', ['e', 'one'], 'p')],
        ...[node('Mul', ['c', 'half'], 'm'), node('Mul', ['m', 'p'], 'y')],
      ],
    ],
  ]
  for (const [kind, nodes] of written) {
    const { graph } = imported([1, 3, 2, 2], nodes, { ...stored, ...more })
    t.deepEqual(kernels(graph), ['conv2d', kind])
    if (kind === 'unary') t.deepEqual(functionsOf(graph), ['gelu'])
  }
  // What something else reads too stays.
  const read = [...hard, node('Div', ['b', 'six'], 's'), node('Mul', ['c', 's'], 'm'), node('Add', ['m', 'b'], 'y')]
  t.true(kernels(imported([1, 3, 2, 2], read, { ...stored, ...more }).graph).length > 3)
})

test('transposed convolutions in groups, volumes, sums of products: MACs and shapes', (t) => {
  const transposed = imported(
    [1, 8, 5, 5],
    [node('ConvTranspose', ['x', 'w'], 'y', { group: 4n, strides: ints(2, 2), pads: ints(1, 1, 1, 1) })],
    { w: floats(8, 3, 4, 4) },
  ).graph
  t.deepEqual(transposed.nodes.at(-1)!.shape, [10, 10, 12])
  t.is(countMacs(transposed), 5 * 5 * 8 * 3 * 16)
  t.is(countParams(transposed), 8 * 3 * 16)
  const volume = imported(
    [1, 2, 6, 6, 6],
    [
      node('Conv', ['x', 'w'], 'a', { strides: ints(2, 2, 2), pads: ints(1, 1, 1, 1, 1, 1) }),
      node('MaxPool', ['a'], 'y', { kernel_shape: ints(3, 3, 3) }),
    ],
    { w: floats(4, 2, 3, 3, 3) },
  ).graph
  t.deepEqual(volume.nodes.at(-1)!.shape, [4, 1, 1, 1])
  t.is(countMacs(volume), 4 * 27 * 2 * 27)
  const product = imported(
    [1, 3, 4],
    [node('Relu', ['x'], 'a'), node('Einsum', ['a', 'a'], 'y', { equation: 'bij,bkj->bik' })],
  ).graph
  t.deepEqual(product.nodes.at(-1)!.shape, [3, 3])
  t.is(countMacs(product), 3 * 3 * 4)
})

test('nodes in the wrong order are put right, as tools for half precision leave them', (t) => {
  const nodes = [node('Conv', ['half', 'w'], 'a'), node('Relu', ['a'], 'y'), node('Cast', ['x'], 'half', { to: 10n })]
  t.deepEqual(kernels(imported([1, 3, 4, 4], nodes, { w: floats(2, 3, 1, 1) }).graph), ['conv2d'])
  const circle = [node('Relu', ['b'], 'a'), node('Relu', ['a'], 'b'), node('Add', ['a', 'x'], 'y')]
  t.throws(() => imported([1, 4], circle), { instanceOf: UserError, message: /read each other in a circle/ })
  const itself = [node('Add', ['x', 'y'], 'y')]
  t.throws(() => imported([1, 4], itself), { instanceOf: UserError, message: /read each other in a circle/ })
})

const quantisation = { s: scalar(0.5), z: { ...floats(1), dims: [] } }

test('files that ONNX Runtime has optimised: products with the channels last', (t) => {
  const conv = (operand: string, kernel: string, output: string) =>
    node('QLinearConv', [operand, 's', 'z', kernel, 's', 'z', 's', 'z'], output, { channels_last: 1n }, 'com.microsoft')
  const { graph } = imported(
    [1, 3, 8, 6],
    [
      node('QuantizeLinear', ['x', 's', 'z'], 'q'),
      node('Transpose', ['q'], 'n', { perm: ints(0, 2, 3, 1) }),
      conv('n', 'w', 'a'),
      conv('a', 'v', 'b'),
      node('Transpose', ['b'], 'c', { perm: ints(0, 3, 1, 2) }),
      node('DequantizeLinear', ['c', 's', 'z'], 'y'),
    ],
    { ...quantisation, w: bytes(4, 3, 3, 3), v: bytes(5, 4, 1, 1) },
  )
  t.deepEqual(
    kernels(graph).filter((kind) => kind !== 'quantize' && kind !== 'dequantize'),
    ['conv2d', 'conv2d'],
  )
  t.is(countMacs(graph), 6 * 4 * (4 * 27 + 5 * 4))
})

test('dynamic quantisation is no kernel: products in int8, with their biases', (t) => {
  const { graph, dataType } = imported(
    [1, 3, 8, 8],
    [
      node('Relu', ['x'], 'r'),
      node('DynamicQuantizeLinear', ['r'], ['q', 'qs', 'qz']),
      node('Mul', ['qs', 's'], 'f'),
      node('ConvInteger', ['q', 'w', 'qz', 'z'], 'i'),
      node('Cast', ['i'], 'real', { to: 1n }),
      node('Mul', ['real', 'f'], 'p'),
      node('Reshape', ['b', 'shape'], 'bias'),
      node('Add', ['p', 'bias'], 'c'),
      node('Relu', ['c'], 'y'),
    ],
    { ...quantisation, w: bytes(4, 3, 3, 3), b: floats(4), shape: list(1, 4, 1, 1) },
  )
  t.deepEqual(kernels(graph), ['relu', 'conv2d'])
  t.is(countParams(graph), 4 * 27 + 4)
  t.is(dataType, 'int8')
})

test('recurrent layers count their products, whichever way their matrices are turned', (t) => {
  const lstm = (opType: string, ...sizes: readonly (readonly number[])[]) =>
    imported([5, 1, 3], [node(opType, ['x', 'w', 'r'], ['y', '', ''], { hidden_size: 4n })], {
      w: floats(...sizes[0]!),
      r: floats(...sizes[1]!),
    }).graph
  for (const graph of [lstm('LSTM', [1, 16, 3], [1, 16, 4]), lstm('DynamicQuantizeLSTM', [1, 3, 16], [1, 4, 16])]) {
    t.is(countMacs(graph), 5 * (16 * 3 + 16 * 4))
    t.is(countParams(graph), 16 * 3 + 16 * 4)
    const layer = graph.nodes.find(({ op }) => op.kind === 'custom')!.op
    t.like(layer, { steps: { count: 5, products: 1, width: 16, passes: 1, elements: 16 } })
  }
})

test('an image without a batch gets one inside the network', (t) => {
  const nodes = [node('Unsqueeze', ['x', 'axes'], 'a'), node('Conv', ['a', 'w'], 'y')]
  const { graph } = imported([3, 8, 6], nodes, { axes: list(0), w: floats(2, 3, 1, 1) })
  t.is(countMacs(graph), 8 * 6 * 2 * 3)
})

test('bounds in half precision are read: a clip to 0 and 6 stays a relu6', (t) => {
  const half = (bits: number) => ({ type: 'float16' as const, dims: [], data: Uint16Array.of(bits) })
  const { graph } = imported([1, 4], [node('Clip', ['x', 'low', 'high'], 'y')], { low: half(0), high: half(0x4600) })
  t.deepEqual(kernels(graph), ['relu6'])
})

test('lengths that a file leaves open can be given', (t) => {
  const file = onnxFile(['n', 3, 'h', 'w'], [node('Conv', ['x', 'k'], 'y')], { k: floats(2, 3, 1, 1) })
  const shapes = (...texts: string[]) => ({ shapes: parseInputShapes(texts) })
  for (const text of ['1x3x6x4', 'x=1,3,6,4', '3×6×4'])
    t.deepEqual(importOnnx(file, shapes(text)).graph.nodes.at(-1)!.shape, [6, 4, 2])
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['1x4x6x4', /is \?×3×\?×\? in the file, which 1×4×6×4 does not fit/],
    ['1x3x6', /does not fit/],
    ['image=1x3x6x4', /names 'image'; the inputs are 'x'/],
  ]
  for (const [text, message] of wrong)
    t.throws(() => importOnnx(file, shapes(text)), { instanceOf: UserError, message })
  t.throws(() => importOnnx(file), { instanceOf: UserError, message: /such as --input-shape 1x3x224x224/ })
  for (const text of ['', '1x0x2', '1x-3', 'x=', '1x2.5', '9999999999'])
    t.throws(() => parseInputShapes([text]), { instanceOf: UserError, message: /whole lengths from 1/ })
  t.throws(() => parseInputShapes(['1x2', '1x3']), { instanceOf: UserError, message: /two shapes/ })
})

/** A file whose reshape target lies in another file. */
function fileWithTarget(location: string, offset: string, length: string): Uint8Array {
  const entry = (key: string, value: string) => (message: ProtobufWriter) => void message.text(1, key).text(2, value)
  const x = (value: ProtobufWriter) => (name: string) =>
    value
      .text(1, name)
      .message(2, (type) =>
        type.message(1, (tensor) =>
          tensor.integer(1, 1).message(2, (shape) => shape.message(1, (dim) => dim.integer(1, 6))),
        ),
      )
  return new ProtobufWriter()
    .message(7, (graph) => {
      graph.message(1, (relu) => relu.text(1, 'x').text(2, 'a').text(4, 'Relu'))
      graph.message(1, (reshape) => reshape.text(1, 'a').text(1, 'target').text(2, 'r').text(4, 'Reshape'))
      graph.message(1, (tanh) => tanh.text(1, 'r').text(2, 'y').text(4, 'Tanh'))
      graph.message(5, (tensor) => {
        tensor.integer(1, 2).integer(2, 7).text(8, 'target').integer(14, 1)
        tensor.message(13, entry('location', location)).message(13, entry('offset', offset))
        tensor.message(13, entry('length', length))
      })
      graph.message(11, (value) => x(value)('x')).message(12, (value) => x(value)('y'))
    })
    .finish()
}

test('weights in a file beside the model are read, and none outside of its folder', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-external-'))
  mkdirSync(path.join(folder, 'in'))
  const data = new Uint8Array(BigInt64Array.of(0n, 2n, 3n).buffer)
  writeFileSync(path.join(folder, 'in', 'weights.bin'), data)
  writeFileSync(path.join(folder, 'outside.bin'), data)
  const read = (...place: Parameters<typeof fileWithTarget>) => {
    writeFileSync(path.join(folder, 'in', 'model.onnx'), fileWithTarget(...place))
    return readModel(path.join(folder, 'in', 'model.onnx'))
  }
  t.deepEqual(read('weights.bin', '8', '16').graph.nodes.at(-1)!.shape, [2, 3])
  const wrong: readonly (readonly [Parameters<typeof fileWithTarget>, RegExp])[] = [
    [['../outside.bin', '8', '16'], /leaves the folder/],
    [['/etc/passwd', '0', '16'], /leaves the folder/],
    [['none.bin', '0', '16'], /not beside it: copy both files together/],
    [['weights.bin', '16', '16'], /has 24 bytes, where 16 from 16/],
    [['weights.bin', '-8', '16'], /not said in whole numbers/],
    [['weights.bin', '8', '1e30'], /not said in whole numbers/],
  ]
  for (const [place, message] of wrong) t.throws(() => read(...place), { instanceOf: UserError, message })
})
