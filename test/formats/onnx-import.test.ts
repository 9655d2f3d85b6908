import test from 'ava'
import { OnnxEmitter } from '../../evaluators/training/onnx/emitter.ts'
import { emitRoutedExperts } from '../../evaluators/training/onnx/inference-experts.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { countMacs, countParams, weightSpecs } from '../../network/measure.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { nestedExperts } from '../export/networks.ts'
import { bytes, floats, ints, list, node, onnxFile } from './onnx-file.ts'

const imported = (...file: Parameters<typeof onnxFile>) => importOnnx(onnxFile(...file))
const kernels = (graph: NetworkGraph): readonly string[] => scheduleOf(graph).kernels.map(({ kind }) => kind)
const kinds = (graph: NetworkGraph): readonly string[] => graph.nodes.map(({ op }) => op.kind)

test('our own exports read back with the same MACs, parameters and kernels, whatever they do to the sample first', async (t) => {
  const space = await loadSpace('mobilenet')
  const task = { inputShape: [32, 32, 3], classCount: 10 }
  const genes = geneOperations(space.genes(task))
  const random = randomStream(3, 'onnx-import')
  for (let i = 0; i < 12; i++) {
    const graph = space.decode(genes.sample(random), task)
    const weights = new Map(weightSpecs(graph).map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]))
    const preparation = {
      inputShape: i % 2 === 0 ? graph.nodes[0]!.shape : [40, 28, 3],
      mean: [1, 2, 3],
      standardDeviation: [4, 5, 6],
      roundResized: true,
    }
    const again = importOnnx(buildInferenceGraph(graph, weights, { batch: 'batch', preparation }))
    t.is(countMacs(again.graph), countMacs(graph))
    t.is(countParams(again.graph), countParams(graph))
    t.is(again.dataType, 'float32')
    t.deepEqual(kernels(again.graph), kernels(graph))
    t.deepEqual(again.graph.nodes[0]!.shape, graph.nodes[0]!.shape)
  }
})

test('exported experts read back as the file computes them: all of them, with all their parameters', async (t) => {
  const space = await loadSpace('moe')
  const task = { inputShape: [16, 16, 3], classCount: 4 }
  const genes = geneOperations(space.genes(task))
  const graph = space.decode(genes.sample(randomStream(1, 'moe')), task)
  t.true(graph.nodes.some(({ op }) => op.kind === 'routedExperts'))
  const weights = new Map(weightSpecs(graph).map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]))
  const again = importOnnx(buildInferenceGraph(graph, weights, { batch: 1 }))
  t.is(countParams(again.graph), countParams(graph))
  t.true(countMacs(again.graph) > countMacs(graph))
  const routed = graph.nodes.flatMap(({ op }) => (op.kind === 'routedExperts' ? [op] : []))
  const largest = routed.reduce((a, b) => (b.experts > a.experts ? b : a))
  t.deepEqual(again.routing, { experts: largest.experts, topK: largest.topK })
})

/** A network as `frugal export` writes it to `model.onnx`. */
function exported(graph: NetworkGraph): Uint8Array {
  const inputShape = graph.nodes[0]!.shape
  const weights = new Map(weightSpecs(graph).map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]))
  const channels = Array<number>(inputShape.at(-1)!).fill(2)
  const preparation = { inputShape, mean: channels, standardDeviation: channels, roundResized: true }
  return buildInferenceGraph(graph, weights, { batch: 'batch', preparation, routed: true })
}

test('experts that run as routed read back as architecture.json has them, and cost the same on every device', async (t) => {
  const space = await loadSpace('moe')
  const task = { inputShape: [32, 32, 3], classCount: 10 }
  const genes = geneOperations(space.genes(task))
  const random = randomStream(11, 'routed')
  const models = ['stm32f446-tflm-cmsisnn', 'stm32h747-xcubeai10', 'stm32n6-neuralart', 'titan-rtx', 'h100'].map((id) =>
    createCostModel(loadProfile(id)),
  )
  const graphs = Array.from({ length: 40 }, () => space.decode(genes.sample(random), task))
    .filter(({ nodes }) => nodes.some(({ op }) => op.kind === 'routedExperts'))
    .slice(0, 10)
  t.is(graphs.length, 10)
  // Both of two experts need no branches.
  const every = ({ nodes }: NetworkGraph): boolean =>
    nodes.some(({ op }) => op.kind === 'routedExperts' && op.topK === 2 && op.experts === 2)
  t.true(graphs.some(every))
  for (const graph of [...graphs, nestedExperts()]) {
    const { graph: again, routing, dataType } = importOnnx(exported(graph))
    t.is(routing, undefined)
    t.is(dataType, 'float32')
    t.is(countMacs(again), countMacs(graph))
    t.is(countParams(again), countParams(graph))
    t.deepEqual(kernels(again), kernels(graph))
    const routed = (of: NetworkGraph) =>
      of.nodes.flatMap(({ op }) => (op.kind === 'routedExperts' ? [[op.topK, op.experts]] : []))
    t.deepEqual(routed(again), routed(graph))
    for (const model of models) t.deepEqual(model.price(again), model.price(graph))
  }
})

/** Two of three experts of one layer each, written by `frugal export`'s own steps. */
function threeExperts(layer: (emitter: OnnxEmitter, expert: number, x: string) => string): Uint8Array {
  const emitter = new OnnxEmitter()
  const features = emitter.input('features', 'float32', ['batch', 4, 5, 5])
  const pooled = emitter.node('GlobalAveragePool', [features])
  const weights = emitter.initializer('router', { type: 'float32', dims: [3, 4], data: new Float32Array(12) })
  const scores = emitter.node('Gemm', [emitter.reshape(pooled, [-1, 4]), weights], { attributes: { transB: 1n } })
  const gates = emitter.node('Softmax', [scores], { attributes: { axis: 1n } })
  const mixture = { experts: 3, topK: 2, features, gates, shape: [5, 5, 4] }
  const y = emitRoutedExperts(emitter, { ...mixture, body: (expert, x) => layer(emitter, expert, x) })
  emitter.output('y', 'float32', ['batch', 4, 5, 5], y)
  return emitter.encode('g')
}

/** The same bytes with another operator of the same length. */
function renamed(file: Uint8Array, opType: string, to: string): Uint8Array {
  const text = Buffer.from(file).toString('latin1')
  return Uint8Array.from(Buffer.from(text.replaceAll(opType, to), 'latin1'))
}

test('what only resembles routed experts is not taken for them', (t) => {
  const same = threeExperts((emitter, _expert, x) => emitter.node('Relu', [x]))
  t.deepEqual(
    importOnnx(same).graph.nodes.flatMap(({ op }) => (op.kind === 'routedExperts' ? [op.topK] : [])),
    [2],
  )
  const different = threeExperts((emitter, expert, x) => emitter.node(expert === 1 ? 'Sigmoid' : 'Relu', [x]))
  const others = [
    ['OneHot', 'OneHut'],
    ['CumSum', 'CumSin'],
    ['Compress', 'Compact_'],
    ['GatherElements', 'GatherElemenTs'],
    ['ConstantOfShape', 'ConstantOfSharp'],
  ].map(([opType, to]) => renamed(same, opType!, to!))
  for (const file of [different, ...others]) {
    t.throws(() => importOnnx(file), { instanceOf: UserError, message: /^node \d+ \(\w+\): / })
  }
  t.throws(() => importOnnx(different), { message: /\(If\): .* only routed experts as frugal export writes them/ })
})

test('a network without experts has no routing', (t) => {
  const relu = imported(['n', 3, 8, 10], [node('Relu', ['x'], 'y', {})], {})
  t.is(relu.routing, undefined)
})

test('channels first becomes channels last without a kernel; padding like SAME stays, other padding is a kernel', (t) => {
  const conv = (pads: readonly bigint[], strides: readonly bigint[]) =>
    imported(['n', 3, 8, 10], [node('Conv', ['x', 'w', 'b'], 'y', { pads, strides })], {
      w: floats(4, 3, 3, 3),
      b: floats(4),
    }).graph
  const same = conv(ints(1, 1, 1, 1), ints(2, 2))
  t.deepEqual(
    same.nodes.map(({ shape }) => shape),
    [
      [8, 10, 3],
      [4, 5, 4],
    ],
  )
  t.like(same.nodes[1]!.op, { kind: 'conv2d', padding: 'same', bias: true })
  t.is(countMacs(same), 4 * 5 * 4 * 27)
  const odd = conv(ints(2, 2, 2, 2), ints(1, 1))
  t.deepEqual(kinds(odd), ['input', 'pad', 'conv2d'])
  t.deepEqual(odd.nodes[2]!.shape, [10, 12, 4])
  t.like(conv(ints(0, 0, 0, 0), ints(1, 1)).nodes[1]!.op, { padding: 'valid' })
})

test('depthwise, grouped and one-dimensional convolutions', (t) => {
  const { graph } = imported(
    [1, 4, 16],
    [
      node('Conv', ['x', 'a'], 'p', { group: 4n, pads: ints(1, 1) }),
      node('Conv', ['p', 'b'], 'q', { group: 2n, dilations: ints(2) }),
      node('GlobalAveragePool', ['q'], 'y'),
    ],
    { a: floats(8, 1, 3), b: floats(6, 4, 3) },
  )
  t.like(graph.nodes.find(({ op }) => op.kind === 'depthwiseConv2d')!.op, { multiplier: 2, kernel: [1, 3] })
  t.like(graph.nodes.find(({ op }) => op.kind === 'conv2d')!.op, { groups: 2, dilation: [1, 2] })
  t.is(countMacs(graph), 16 * 8 * 3 + 12 * 6 * 4 * 3)
})

test('a shuffle of channels is one transpose, flattening none', (t) => {
  const { graph } = imported(
    [1, 8, 4, 4],
    [
      node('Conv', ['x', 'w'], 'a'),
      node('Shape', ['a'], 's'),
      node('Constant', [], 'tail', { value: list(2, 4, 4, 4) }),
      node('Slice', ['s', 'zero', 'one'], 'batch'),
      node('Concat', ['batch', 'tail'], 'wanted', { axis: 0n }),
      node('Reshape', ['a', 'wanted'], 'b'),
      node('Transpose', ['b'], 'c', { perm: ints(0, 2, 1, 3, 4) }),
      node('Reshape', ['c', 'back'], 'd'),
      node('Conv', ['d', 'w'], 'e'),
      node('Flatten', ['e'], 'f'),
      node('Gemm', ['f', 'g'], 'y', { transB: 1n }),
    ],
    { w: floats(8, 8, 1, 1), zero: list(0), one: list(1), back: list(0, -1, 4, 4), g: floats(5, 128) },
  )
  t.deepEqual(kernels(graph), ['conv2d', 'transpose', 'conv2d', 'dense'])
  t.like(graph.nodes.find(({ op }) => op.kind === 'transpose')!.op, { order: [0, 1, 3, 2] })
})

test('quantise-dequantise pairs are no kernels, quantised operators are their plain ones', (t) => {
  const qdq = imported(
    ['n', 3, 4, 4],
    [
      node('QuantizeLinear', ['x', 's', 'z'], 'xq'),
      node('DequantizeLinear', ['xq', 's', 'z'], 'xd'),
      node('DequantizeLinear', ['w', 's', 'z'], 'wd'),
      node('Conv', ['xd', 'wd'], 'c'),
      node('Relu', ['c'], 'r'),
      node('QuantizeLinear', ['r', 's', 'z'], 'rq'),
      node('DequantizeLinear', ['rq', 's', 'z'], 'y'),
    ],
    { w: bytes(2, 3, 1, 1), s: floats(), z: bytes() },
  )
  t.deepEqual(kinds(qdq.graph), ['input', 'conv2d', 'relu'])
  t.is(qdq.dataType, 'int8')
  const linear = imported(
    ['n', 3, 4, 4],
    [
      node('QuantizeLinear', ['x', 's', 'z'], 'xq'),
      node('QLinearConv', ['xq', 's', 'z', 'w', 's', 'z', 's', 'z'], 'c'),
      node('QLinearAdd', ['c', 's', 'z', 'c', 's', 'z', 's', 'z'], 'a'),
      node('QLinearGlobalAveragePool', ['a', 's', 'z', 's', 'z'], 'p', { channels_last: 0n }),
      node('Flatten', ['p'], 'f'),
      node('QLinearMatMul', ['f', 's', 'z', 'm', 's', 'z', 's', 'z'], 'g'),
      node('DequantizeLinear', ['g', 's', 'z'], 'y'),
    ],
    { w: bytes(2, 3, 1, 1), m: bytes(2, 5), s: floats(), z: bytes() },
  )
  t.deepEqual(kernels(linear.graph), ['quantize', 'conv2d', 'add', 'globalAveragePool', 'dense', 'dequantize'])
  t.is(linear.dataType, 'int8')
})

test('products: a bias behind them, several rows, two computed matrices', (t) => {
  const { graph } = imported(
    [1, 6, 8],
    [
      node('MatMul', ['x', 'w'], 'a'),
      node('Add', ['a', 'b'], 'q'),
      node('Transpose', ['q'], 'k', { perm: ints(0, 2, 1) }),
      node('MatMul', ['q', 'k'], 'scores'),
      node('Softmax', ['scores'], 'p', { axis: -1n }),
      node('MatMul', ['p', 'q'], 'z'),
      node('ReduceMean', ['z'], 'y', { axes: ints(1), keepdims: 0n }),
    ],
    { w: floats(8, 4), b: floats(4) },
  )
  t.is(countParams(graph), 8 * 4 + 4)
  t.is(countMacs(graph), 6 * 8 * 4 + 6 * 6 * 4 + 6 * 6 * 4)
  t.deepEqual(kernels(graph), ['conv2d', 'transpose', 'matmul', 'softmax', 'matmul', 'reduce'])
})

test('clips, slices, splits, concatenations and resizes keep their axes under channels last', (t) => {
  const { graph } = imported(
    [1, 6, 4, 4],
    [
      node('Conv', ['x', 'w'], 'a'),
      node('Clip', ['a', 'low', 'high'], 'b'),
      node('Split', ['b', 'parts'], ['c', 'd'], { axis: 1n }),
      node('Slice', ['c', 'one', 'three', 'two'], 'e'),
      node('Resize', ['e', '', '', 'sizes'], 'f', { mode: 'linear' }),
      node('Resize', ['d', '', '', 'wide'], 'g'),
      node('Concat', ['f', 'g'], 'h', { axis: 1n }),
      node('Pad', ['h', 'pads'], 'y'),
    ],
    {
      ...{ w: floats(6, 6, 1, 1), low: { ...floats(1), dims: [] }, parts: list(2, 4), one: list(1), three: list(3) },
      ...{ two: list(2), sizes: list(1, 2, 8, 8), wide: list(1, 4, 8, 8), pads: list(0, 0, 0, 1, 0, 0, 0, 1) },
      high: { type: 'float32', dims: [], data: Float32Array.of(6) },
    },
  )
  t.deepEqual(kernels(graph), ['conv2d', 'split', 'slice', 'resize', 'resize', 'concat', 'pad'])
  t.true(kinds(graph).includes('relu6'))
  t.deepEqual(graph.nodes.at(-1)!.shape, [8, 10, 6])
})

test('stored values are flattened at their axis and rounded with halves to even', (t) => {
  const { graph } = imported(
    [1, 4],
    [node('Flatten', ['w'], 'flat', { axis: 2n }), node('MatMul', ['x', 'flat'], 'y')],
    { w: floats(2, 2, 3) },
  )
  t.deepEqual(graph.nodes.at(-1)!.shape, [3])
  const lengths = { type: 'float32', dims: [3], data: Float32Array.of(1, 2.5, 1.5) } as const
  const rounded = imported(
    [1, 4],
    [
      node('Round', ['lengths'], 'r'),
      node('Cast', ['r'], 'shape', { to: 7n }),
      node('Relu', ['x'], 'z'),
      node('Reshape', ['z', 'shape'], 'y'),
    ],
    { lengths },
  )
  t.is(sizeOf(rounded.graph.nodes.at(-1)!.shape), 4)
})

const refused: readonly (readonly [string, RegExp, () => unknown])[] = [
  ['no ONNX file', /holds no network/, () => importOnnx(new Uint8Array())],
  ['text', /damaged|holds no network/, () => importOnnx(Buffer.from('hello, this is text'))],
  ['a cut file', /damaged/, () => importOnnx(onnxFile([1, 4], [node('Relu', ['x'], 'y')]).subarray(0, 40))],
  [
    'an open axis',
    /leaves the length of axis 2 open/,
    () => imported(['n', 3, 'height', 4], [node('Relu', ['x'], 'y')]),
  ],
  ['a batch', /holds 8 samples/, () => imported([8, 3, 4, 4], [node('Relu', ['x'], 'y')])],
  [
    'an operator that nobody knows',
    /node 0 \(constructor\): this operator is not known/,
    () => imported([1, 4], [node('constructor', ['x'], 'z'), node('Relu', ['z'], 'y')]),
  ],
  [
    'a value that nothing gives',
    /reads 'z', which nothing before it gives/,
    () => imported([1, 4], [node('Relu', ['z'], 'y')]),
  ],
  [
    'a kernel for other channels',
    /node 0 \(Conv\): its kernel is for 5 channels, the input has 3/,
    () => imported([1, 3, 4, 4], [node('Conv', ['x', 'w'], 'y')], { w: floats(2, 5, 1, 1) }),
  ],
  [
    'a shape known only at run time',
    /its lengths are not fixed in the file/,
    () => imported([1, 4], [node('Cast', ['x'], 's'), node('Relu', ['x'], 'z'), node('Reshape', ['z', 's'], 'y')]),
  ],
  [
    'an axis that is not there',
    /node 0 \(TopK\): its axis is 7, and there are 2/,
    () => imported([1, 4], [node('TopK', ['x', 'k'], ['y', 'i'], { axis: 7n })], { k: list(1) }),
  ],
  [
    'an axis of stored values that is not there',
    /node 0 \(Split\): its axis is -3, and there are 1/,
    () =>
      imported([1, 4], [node('Split', ['l'], ['a', 'b'], { axis: -3n }), node('Relu', ['x'], 'y')], { l: list(1, 2) }),
  ],
  [
    'repeats of axes that are not there',
    /node 0 \(Tile\): it repeats 1 axes 2, 2 times/,
    () => imported([1, 4], [node('Tile', ['l', 'r'], 'a'), node('Relu', ['x'], 'y')], { l: list(1, 2), r: list(2, 2) }),
  ],
  ...(['Add', 'Gather', 'Concat', 'Where', 'Cast'] as const).map(
    (opType) =>
      [
        `stored values whose ${opType} lacks an operand`,
        /operand \d is missing/,
        () => imported([1, 4], [node(opType, ['', 'l', 'l'], 'a'), node('Relu', ['x'], 'y')], { l: list(1, 2) }),
      ] as const,
  ),
]
for (const [what, message, run] of refused) {
  test(`${what} is refused in one sentence`, (t) => {
    const error = t.throws(run, { instanceOf: UserError, message })
    t.false(error!.message.includes('\n'))
  })
}

test('damaged files are refused or read, within a second', (t) => {
  const routed = threeExperts((emitter, _expert, x) => emitter.node('Relu', [x]))
  const plain = onnxFile(
    [1, 8, 4, 4],
    [
      node('Conv', ['x', 'w'], 'a', { pads: ints(1, 1, 1, 1) }),
      node('Reshape', ['a', 'shape'], 'b'),
      node('ConstantOfShape', ['shape'], 'fill'),
      node('Add', ['b', 'fill'], 'c'),
      node('Transpose', ['c'], 'd', { perm: ints(0, 2, 1, 3, 4) }),
      node('Flatten', ['d'], 'e'),
      node('Gemm', ['e', 'g'], 'y'),
    ],
    { w: floats(8, 8, 3, 3), shape: list(1, 2, 4, 4, 4), g: floats(128, 3) },
  )
  t.notThrows(() => importOnnx(plain))
  const random = randomStream(4, 'damage')
  let refusedCount = 0
  for (let i = 0; i < 4000; i++) {
    const original = i % 2 === 0 ? plain : routed
    const copy = Uint8Array.from(i % 5 === 0 ? original.subarray(0, random.int(original.length)) : original)
    for (let flips = 1 + random.int(6); flips > 0 && copy.length > 0; flips--) {
      copy[random.int(Math.min(copy.length, random.chance(0.7) && original === plain ? 600 : copy.length))] =
        random.int(256)
    }
    const start = performance.now()
    try {
      countParams(importOnnx(copy).graph)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      refusedCount++
    }
    t.true(performance.now() - start < 1000)
  }
  t.true(refusedCount > 1500, `${refusedCount} of 4000`)
})
