import test from 'ava'
import { readFloatOnnx } from '../../export/convert/read-onnx-float.ts'
import { UserError } from '../../lib/errors.ts'
import { difference } from './onnx-difference.ts'
import { OnnxWriter } from './onnx-writer.ts'

/** Files in which channels change places, as converters from Keras write them. */

const toFirst = (w: OnnxWriter, x: string) => w.node('Transpose', [x], { perm: [0n, 3n, 1n, 2n] })
const toLast = (w: OnnxWriter, x: string) => w.node('Transpose', [x], { perm: [0n, 2n, 3n, 1n] })
const half = { kernel_shape: [2n, 2n], strides: [2n, 2n] }

function list(w: OnnxWriter, ...values: readonly number[]): string {
  const name = `w${w.initializers.size}`
  w.initializers.set(name, { type: 'int64', dims: [values.length], data: BigInt64Array.from(values.map(BigInt)) })
  return name
}

const same = [1n, 1n, 1n, 1n]
/** A convolution between two transposes, on a map with the channels last. */
const convLast = (w: OnnxWriter, x: string, dims: readonly number[]) => toLast(w, w.conv(toFirst(w, x), dims, 1n, same))

test('channels last outside and between, first in convolutions', async (t) => {
  const w = new OnnxWriter()
  const raw = w.node('Mul', [w.node('Sub', ['image', w.stored([3])]), w.shapeless(0.5)])
  const first = w.node('Add', [w.node('Relu', [convLast(w, raw, [4, 3, 3, 3])]), w.stored([1, 1, 1, 4])])
  const second = w.node('Mul', [convLast(w, first, [4, 4, 3, 3]), w.stored([4], 0.3, 1)])
  const sum = w.node('Add', [first, second])
  const squeezed = w.node('ReduceMean', [sum], { axes: [1n, 2n], keepdims: 1n })
  const scaled = w.node('Mul', [sum, w.node('Sigmoid', [squeezed])])
  const joined = w.node('Concat', [scaled, sum], { axis: -1n })
  const pooled = toLast(w, w.node('MaxPool', [toFirst(w, joined)], half))
  const flat = w.node('Reshape', [pooled, list(w, -1, 4 * 3 * 8)])
  const hidden = w.node('Relu', [w.node('Add', [w.node('MatMul', [flat, w.stored([96, 6])]), w.stored([6])])])
  const normal = w.node('BatchNormalization', [
    hidden,
    w.stored([6], 0.1, 1),
    w.stored([6]),
    w.stored([6]),
    w.stored([6], 0.05, 1),
  ])
  const both = w.node('Concat', [w.node('Mul', [normal, w.stored([6])]), hidden], { axis: 1n })
  const bytes = w.file(w.node('Softmax', [both], { axis: -1n }), ['n', 8, 6, 3], ['n', 12])
  t.deepEqual(readFloatOnnx(bytes).graph.nodes[0]!.shape, [8, 6, 3])
  t.true((await difference(bytes)) < 1e-5)
})

test('a map with the channels last as result, and one channel that needs no moving', async (t) => {
  const w = new OnnxWriter()
  const image = w.node('Reshape', ['image', list(w, -1, 1, 8, 6)])
  const bytes = w.file(toLast(w, w.conv(image, [4, 1, 3, 3], 1n, same)), ['n', 8, 6, 1], ['n', 8, 6, 4])
  const { graph, ends } = readFloatOnnx(bytes)
  t.deepEqual(graph.nodes[0]!.shape, [8, 6, 1])
  t.like(ends, { inputLast: true, outputLast: true })
  t.true((await difference(bytes)) < 1e-5)
})

test('constants beside a flattened map are counted as the file counts them', async (t) => {
  const w = new OnnxWriter()
  const flat = w.node('Flatten', [w.conv('image', [4, 3, 3, 3], 1n, same)])
  const scaled = w.node('Div', [w.node('Add', [flat, w.stored([80])]), w.stored([80], 0.1, 2)])
  const turned = w.node('Sub', [w.stored([80]), scaled])
  const bytes = w.file(w.node('MatMul', [turned, w.stored([80, 5])]), [1, 3, 4, 5], [1, 5])
  t.true((await difference(bytes)) < 1e-5)
})

test('a sequence with the channels last', async (t) => {
  const w = new OnnxWriter()
  const turned = w.node('Transpose', ['image'], { perm: [0n, 2n, 1n] })
  const conv = w.node('Conv', [turned, w.stored([6, 3, 5]), w.stored([6])], { pads: [2n, 2n] })
  const back = w.node('Add', [w.node('Transpose', [conv], { perm: [0n, 2n, 1n] }), w.stored([6])])
  const mean = w.node('ReduceMean', [back], { axes: [1n], keepdims: 0n })
  const bytes = w.file(w.node('MatMul', [mean, w.stored([6, 4])]), [1, 16, 3], [1, 4])
  t.deepEqual(readFloatOnnx(bytes).graph.nodes[0]!.shape, [1, 16, 3])
  t.true((await difference(bytes)) < 1e-5)
})

test('what would move elements is refused in one sentence', (t) => {
  const refused = (message: RegExp, make: (w: OnnxWriter) => string) => {
    const w = new OnnxWriter()
    t.throws(() => readFloatOnnx(w.file(make(w), [1, 3, 4, 5], [1, 3])), { instanceOf: UserError, message })
  }
  refused(/^node 0 \(Transpose\): it moves other axes/, (w) =>
    w.node('Transpose', ['image'], { perm: [0n, 1n, 3n, 2n] }),
  )
  refused(/^node 1 \(Conv\): .* its input has them last/, (w) =>
    w.conv(toLast(w, 'image'), [2, 4, 1, 1], 1n, [0n, 0n, 0n, 0n]),
  )
  refused(/^node 1 \(Add\): its operands have their axes in different orders/, (w) =>
    w.node('Add', ['image', toLast(w, 'image')]),
  )
  refused(/^node 0 \(Reshape\): it makes 4×5×3 of a map with the channels first/, (w) =>
    w.node('Reshape', ['image', list(w, 1, 4, 5, 3)]),
  )
  refused(/^node 0 \(Add\): its stored operand has the shape 5; one value, or one a channel, is/, (w) =>
    w.node('Add', ['image', w.stored([5])]),
  )
  refused(/flattened map with the channels first/, (w) => w.node('Flatten', ['image']))
  refused(/divides by a computed value/, (w) => w.node('Div', ['image', w.node('Relu', ['image'])]))
})
