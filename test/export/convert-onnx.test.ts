import test from 'ava'
import { floatChecks } from '../../export/convert/convert-float.ts'
import { convertModel } from '../../export/convert/convert-model.ts'
import { runFloat } from '../../export/convert/float-writers.ts'
import { readFloatOnnx } from '../../export/convert/read-onnx-float.ts'
import { UserError } from '../../lib/errors.ts'
import type { RandomStream } from '../../lib/random.ts'
import { refusedWhenDamaged } from './damage.ts'
import { OnnxWriter } from './onnx-writer.ts'

/** A network in PyTorch's manner: stride 2 with a rim on both sides, groups, dilation, squeeze-and-excite, a flattened map. */
function network(): Uint8Array {
  const w = new OnnxWriter()
  const stem = w.conv('image', [8, 3, 3, 3], 2n, [1n, 1n, 1n, 1n])
  const statistics = [w.stored([8], 0.1, 1), w.stored([8]), w.stored([8]), w.stored([8], 0.05, 1)]
  const normal = w.node('Relu', [w.node('BatchNormalization', [stem, ...statistics], { epsilon: 0.001 })])
  const depthwise = w.node('Clip', [
    w.conv(normal, [8, 1, 5, 5], 1n, [2n, 2n, 2n, 2n], { group: 8n }),
    w.shapeless(0),
    w.shapeless(6),
  ])
  const grouped = w.conv(depthwise, [8, 4, 3, 3], 1n, [2n, 2n, 2n, 2n], { group: 2n, dilations: [2n, 2n] })
  const pooled = w.node('GlobalAveragePool', [grouped])
  const gate = w.node('HardSigmoid', [w.conv(pooled, [8, 8, 1, 1], 1n, [0n, 0n, 0n, 0n])], { alpha: 1 / 6, beta: 0.5 })
  const sum = w.node('Sum', [w.node('Mul', [grouped, gate]), normal, depthwise])
  const wide = w.conv(sum, [6, 8, 7, 7], 2n, [3n, 3n, 3n, 3n])
  const most = w.node('MaxPool', [w.node('HardSwish', [wide])], { kernel_shape: [2n, 2n], strides: [2n, 2n] })
  const flat = w.node('Flatten', [most])
  const hidden = w.node('Relu', [w.node('Gemm', [flat, w.stored([10, 24]), w.stored([10])], { transB: 1n })])
  const product = w.node('MatMul', [hidden, w.stored([10, 4])])
  return w.file(w.node('Add', [product, w.stored([4])]), ['batch', 3, 16, 16], ['batch', 4])
}

const mostOff = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)

test('a float ONNX file is read as a network that gives what ONNX Runtime gives for the file', async (t) => {
  const bytes = network()
  const read = readFloatOnnx(bytes)
  const checks = await floatChecks(read, { bytes, kind: 'onnx' }, undefined)
  t.is(checks.expected.length, 32 * 4)
  const largest = Math.max(...checks.expected.map(Math.abs))
  t.true(largest > 0.5)
  t.true(mostOff(await runFloat(read, checks), checks.expected) < 1e-4 * largest)
  const [stem] = read.graph.nodes.filter(({ op }) => op.kind === 'conv2d')
  t.like(stem?.op, { kernel: [4, 4], padding: 'same' }, 'a rim on both sides is SAME of a larger window')
})

test('it is converted to TFLite and ONNX', async (t) => {
  const job = { bytes: network(), kind: 'onnx', formats: ['onnx', 'tflite-float32'], name: 'n', verify: true } as const
  const { files, findings } = await convertModel(job)
  t.deepEqual([...files.keys()], ['model.onnx', 'model_float32.tflite', 'README.md'])
  t.regex(
    findings[0]!,
    /model\.onnx on onnxruntime, 32 samples: outputs differ from those of the original in ONNX Runtime/,
  )
})

test('a file that ONNX Runtime refuses is refused in one sentence', async (t) => {
  const w = new OnnxWriter()
  const bytes = w.file(w.conv('image', [4, 2, 3, 3], 1n, [1n, 1n, 1n, 1n], { unheard: 1n }), [1, 2, 8, 8], [1, 4, 8, 8])
  t.notThrows(() => readFloatOnnx(bytes))
  const job = { bytes, kind: 'onnx', formats: ['onnx'], name: 'n', verify: true } as const
  const error = await t.throwsAsync(convertModel(job), { instanceOf: UserError })
  t.regex(error!.message, /^ONNX Runtime does not run the file: [^\n]*unheard[^\n]*$/)
})

test('what is not converted is said in one sentence', (t) => {
  const refused = (
    pattern: RegExp,
    make: (w: OnnxWriter) => string,
    dims: readonly (number | string)[] = [1, 2, 8, 8],
  ) => {
    const w = new OnnxWriter()
    t.throws(() => readFloatOnnx(w.file(make(w), dims, [1, 2])), { instanceOf: UserError, message: pattern })
  }
  refused(/node 0 \(Tanh\): it is not converted; these are: Conv, /, (w) => w.node('Tanh', ['image']))
  const pool = { kernel_shape: [3n, 3n], strides: [2n, 2n], pads: [1n, 1n, 1n, 1n] }
  refused(/pads by 1, 1, 1, 1 .* no pool with 3×3 windows 2×2 apart/, (w) => w.node('AveragePool', ['image'], pool))
  refused(/counts padding and has ceil_mode/, (w) =>
    w.node('AveragePool', ['image'], { ...pool, count_include_pad: 1n, ceil_mode: 1n }),
  )
  refused(/in int8, which is converted from .tflite only/, (w) => w.node('QuantizeLinear', ['image', w.shapeless(1)]))
  refused(/casts to int64/, (w) => w.node('Cast', ['image'], { to: 7n }))
  refused(/pads by 9, 9, 9, 9 .* neither SAME nor VALID/, (w) => w.conv('image', [2, 2, 3, 3], 1n, [9n, 9n, 9n, 9n]))
  refused(/input 'image' is float32 of shape/, (w) => w.node('Relu', ['image']), [1, 'rows', 8, 8])
  refused(/clips to 0 and 4/, (w) => w.node('Clip', ['image', w.shapeless(0), w.shapeless(4)]))
})

test('damaged files are refused or read, never a crash', (t) => {
  // Most of the file is weights; what describes the network lies at both ends.
  const place = (random: RandomStream, length: number): number =>
    random.int(2) === 0 ? random.int(1200) : length - 1 - random.int(600)
  const refused = refusedWhenDamaged(network(), readFloatOnnx, { seed: 2, bytes: 4, place })
  t.true(refused > 50, `${refused} refused`)
})
