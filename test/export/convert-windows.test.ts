import test from 'ava'
import { compareOutputs } from '../../export/compare-outputs.ts'
import { convertModel } from '../../export/convert/convert-model.ts'
import { readQuantisedTflite } from '../../export/convert/read-quantised.ts'
import { spreadFilters } from '../../export/convert/spread-filters.ts'
import { findLiteRt, LITERT_MISSING } from '../../export/litert/run-litert.ts'
import { runInLiteRt } from '../../export/litert/verify-litert.ts'
import { createInterpreter } from '../../export/quantise/reference/interpreter.ts'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { int32 } from '../../formats/tflite/flatbuffer-writer.ts'
import { withFloatInterface } from '../../formats/tflite/float-interface.ts'
import { OPTIONS } from '../../formats/tflite/options.ts'
import { encodeTflite, type WrittenOperator, type WrittenTensor } from '../../formats/tflite/write-tflite.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { sizeOf } from '../../network/shapes.ts'

const liteRt = findLiteRt()
const withLiteRt = liteRt === undefined ? test.skip : test
const note = liteRt === undefined ? ` (${LITERT_MISSING})` : ''

interface Layer {
  readonly weights: readonly [number, number, number, number]
  readonly depthwise?: boolean
  readonly dilation?: number
  readonly stride?: number
  readonly padding?: 'same' | 'valid'
  readonly scale: number
}

/** Writes files as other tools do: PADs, uint8 outside or within, dilation, groups, several filters a channel. */
class FileWriter {
  readonly tensors: WrittenTensor[] = []
  readonly operators: WrittenOperator[] = []
  readonly #random = randomStream(6, 'file')
  readonly #unsigned: boolean

  constructor(unsigned = false) {
    this.#unsigned = unsigned
  }

  tensor(dims: readonly number[], scale: number, zeroPoint: number, unsigned = this.#unsigned): number {
    const zero = unsigned ? zeroPoint + 128 : zeroPoint
    const type = unsigned ? 'uint8' : 'int8'
    const quantisation = { scales: [Math.fround(scale)], zeroPoints: [zero] }
    return this.tensors.push({ name: `t${this.tensors.length}`, dims, type, quantisation }) - 1
  }

  operator(name: string, inputs: readonly number[], output: number, options?: WrittenOperator['options']): number {
    this.operators.push({ name, version: 3, inputs, outputs: [output], ...(options === undefined ? {} : { options }) })
    return output
  }

  integers(values: readonly number[], dims: readonly number[]): number {
    return this.tensors.push({ name: 'i', dims, type: 'int32', data: Int32Array.from(values) }) - 1
  }

  constant(values: readonly number[], scale: number, zeroPoint: number): number {
    const at = this.tensor([values.length], scale, zeroPoint, false)
    this.tensors[at] = { ...this.tensors[at]!, data: Int8Array.from(values) }
    return at
  }

  pad(x: number, top: number, bottom: number, left: number, right: number): number {
    const { dims, quantisation } = this.tensors[x]!
    const result = this.tensors.push({
      name: `t${this.tensors.length}`,
      dims: [1, dims[1]! + top + bottom, dims[2]! + left + right, dims[3]!],
      type: this.tensors[x]!.type,
      quantisation: quantisation!,
    })
    return this.operator('PAD', [x, this.integers([0, 0, top, bottom, left, right, 0, 0], [4, 2])], result - 1)
  }

  convolution(x: number, layer: Layer): number {
    const { weights: dims, depthwise = false, dilation = 1, stride = 1, padding = 'same', scale } = layer
    const filters = depthwise ? dims[3] : dims[0]
    const size = dims.reduce((a, b) => a * b)
    const input = this.tensors[x]!
    const signed = Int8Array.from({ length: size }, () => this.#random.int(255) - 127)
    const stored: WrittenTensor = this.#unsigned
      ? {
          name: 'w',
          dims,
          type: 'uint8',
          data: Uint8Array.from(signed, (value) => value + 128),
          quantisation: { scales: [0.01], zeroPoints: [128] },
        }
      : {
          name: 'w',
          dims,
          type: 'int8',
          data: signed,
          quantisation: {
            scales: Float32Array.from({ length: filters }, (_, i) => 0.0041 + 0.00137 * (i % 5)),
            zeroPoints: new Array<number>(filters).fill(0),
            axis: depthwise ? 3 : 0,
          },
        }
    const weights = this.tensors.push(stored) - 1
    // XNNPACK wants the scales of biases too.
    const entry = input.quantisation!.scales[0]!
    const bias = this.tensors.push({
      name: 'b',
      dims: [filters],
      type: 'int32',
      data: Int32Array.from({ length: filters }, () => this.#random.int(2001) - 1000),
      quantisation: {
        scales: Float32Array.from(stored.quantisation!.scales, (own) => own * entry),
        zeroPoints: new Array<number>(stored.quantisation!.scales.length).fill(0),
        axis: 0,
      },
    })
    const side = (length: number, kernel: number): number =>
      padding === 'same' ? Math.ceil(length / stride) : Math.floor((length - (kernel - 1) * dilation - 1) / stride) + 1
    const [, height, width] = input.dims as [number, number, number, number]
    const result = this.tensor([1, side(height, dims[1]), side(width, dims[2]), filters], scale, 3)
    const window = { padding, stride: [stride, stride], activation: 'none' } as const
    const plain = depthwise ? OPTIONS.depthwiseConv2d(window) : OPTIONS.conv2d(window)
    const [first, second] = depthwise ? [5, 6] : [4, 5]
    const multiplier = depthwise ? { 3: int32(filters / input.dims[3]!) } : {}
    const options = {
      ...plain,
      fields: { ...plain.fields, ...multiplier, [first]: int32(dilation), [second]: int32(dilation) },
    }
    return this.operator(depthwise ? 'DEPTHWISE_CONV_2D' : 'CONV_2D', [x, weights, bias - 1], result, options)
  }

  file(input: number, output: number): Uint8Array {
    const { tensors, operators } = this
    return encodeTflite({ description: '', tensors, operators, inputs: [input], outputs: [output] })
  }
}

/** PADs as SAME, as no SAME, and before a pool; dilation; groups; two filters a channel; the maximum of a map. */
function windows(): Uint8Array {
  const w = new FileWriter()
  const outside = w.tensor([1, 12, 10, 2], 0.05, -1, true)
  const input = w.operator('QUANTIZE', [outside], w.tensor([1, 12, 10, 2], 0.05, -1))
  const same = w.convolution(w.pad(input, 0, 1, 0, 1), {
    weights: [8, 3, 3, 2],
    stride: 2,
    padding: 'valid',
    scale: 0.1,
  })
  const lopsided = w.convolution(w.pad(same, 1, 1, 2, 1), {
    weights: [1, 3, 4, 8],
    depthwise: true,
    padding: 'valid',
    scale: 0.2113,
  })
  const wide = w.pad(lopsided, 2, 2, 1, 3)
  const large = w.convolution(wide, { weights: [8, 1, 1, 8], padding: 'valid', scale: 0.4171 })
  const dilated = w.convolution(large, { weights: [8, 3, 3, 8], dilation: 2, scale: 1.2731 })
  const grouped = w.convolution(dilated, { weights: [12, 3, 3, 4], scale: 2.5377 })
  const twice = w.convolution(grouped, { weights: [1, 3, 3, 24], depthwise: true, dilation: 2, scale: 4.1239 })
  const most = w.tensor([1, 24], 4.1239, 3)
  w.operator('REDUCE_MAX', [twice, w.integers([1, 2], [2])], most, OPTIONS.reducer(false))
  return w.file(outside, most)
}

const file = windows()
const { network, graph } = readQuantisedTflite(file)
const COUNT = 40
const random = randomStream(9, 'samples')
const inputs = Int8Array.from(
  { length: COUNT * sizeOf(network.tensors[network.input]!.shape) },
  () => random.int(256) - 128,
)

function reference(of = network): Int8Array {
  const run = createInterpreter(of)
  const size = inputs.length / COUNT
  return Int8Array.from(
    Array.from({ length: COUNT }, (_, i) => [...run(inputs.subarray(i * size, (i + 1) * size))]).flat(),
  )
}

test('a PAD is part of a convolution where SAME has its shape, and a step of its own elsewhere', (t) => {
  const kinds = network.kernels.map(({ kind }) => kind)
  t.deepEqual(kinds, [
    'conv2d',
    'depthwiseConv2d',
    'depthwiseConv2d',
    'conv2d',
    'conv2d',
    'conv2d',
    'conv2d',
    'maxPool',
  ])
  const [first, second, third] = network.kernels
  t.like(first, { kind: 'conv2d', padding: 'same', padTop: 0, padLeft: 0 })
  t.like(second, { kind: 'depthwiseConv2d', padding: 'valid', padTop: 1, padLeft: 2, outputShape: [6, 5, 8] })
  t.like(third, { kernel: [1, 1], padTop: 2, padLeft: 1, outputShape: [10, 9, 8] }, 'a PAD of its own')
  t.is(graph.nodes.filter(({ op }) => op.kind === 'pad').length, 1)
})

withLiteRt(`such a file, and what is written of it, gives what our reference gives${note}`, async (t) => {
  const original = await runInLiteRt(liteRt!, withFloatInterface(file), network, inputs)
  const written = writeTflite(network, { description: '', interface: 'float32' })
  t.is(compareOutputs(original, await runInLiteRt(liteRt!, written, network, inputs)).differing, 0)
  t.is(compareOutputs(original, reference()).differing, 0)
  t.true(new Set(original).size > 20, 'outputs say something')
})

test('in ONNX and in C too', async (t) => {
  const { files, findings } = await convertModel({
    bytes: file,
    kind: 'tflite',
    formats: ['onnx-integer', 'c'],
    name: 'windows',
    verify: true,
  })
  t.true(files.has('c/model.c') && files.has('model_integer.onnx'))
  t.regex(findings[0]!, /onnxruntime, 128 random samples: all \d+ outputs are the reference’s bit for bit/)
})

withLiteRt(`a network in uint8 becomes one in int8 that gives the same${note}`, async (t) => {
  const w = new FileWriter(true)
  const input = w.tensor([1, 9, 9, 3], 0.05, 10)
  const output = w.convolution(w.convolution(input, { weights: [6, 3, 3, 3], scale: 0.1037 }), {
    weights: [1, 3, 3, 6],
    depthwise: true,
    scale: 0.2113,
  })
  const bytes = w.file(input, output)
  const { network: read } = readQuantisedTflite(bytes)
  t.deepEqual(read.tensors[read.input]!.quantisation, { scale: Math.fround(0.05), zeroPoint: 10 })
  const samples = inputs.subarray(0, 9 * 9 * 3 * 4)
  const original = await runInLiteRt(liteRt!, withFloatInterface(bytes), read, samples)
  const size = 9 * 9 * 3
  const run = createInterpreter(read)
  const own = Array.from({ length: 4 }, (_, i) => [...run(samples.subarray(i * size, (i + 1) * size))]).flat()
  t.true(compareOutputs(original, Int8Array.from(own)).most <= 1)
})

test('an operand of a sum or a product may be stored: one value, or one for each channel', async (t) => {
  const w = new FileWriter()
  const shape = [1, 9, 7, 5]
  const channels = [-90, -40, 10, 60, 110]
  const input = w.tensor(shape, 0.05, 4)
  const scaled = w.tensor(shape, 0.0371, -20)
  w.operator('MUL', [input, w.constant(channels, 0.0091, -128)], scaled, OPTIONS.mul('none'))
  const shifted = w.tensor(shape, 0.041, -70)
  w.operator('ADD', [w.constant(channels, 0.0133, 39), scaled], shifted, OPTIONS.add('relu'))
  const moved = w.tensor(shape, 0.0393, -100)
  w.operator('ADD', [shifted, w.constant([7], 0.1, 0)], moved, OPTIONS.add('none'))
  const bytes = w.file(input, moved)
  const { network: read } = readQuantisedTflite(bytes)
  t.deepEqual(
    read.kernels.map(({ kind }) => kind),
    ['depthwiseConv2d', 'multiply', 'depthwiseConv2d', 'add', 'depthwiseConv2d', 'add'],
  )
  const size = sizeOf(shape)
  const run = createInterpreter(read)
  const samples = Array.from({ length: 8 }, (_, i) => inputs.subarray(i * size, (i + 1) * size))
  const own = Int8Array.from(samples.flatMap((sample) => [...run(sample)]))
  // What the file says, in real numbers.
  const real = [...inputs.subarray(0, 8 * size)].map((q, i) => {
    const k = channels[i % 5]!
    const product = Math.min(Math.max(0.05 * (q - 4) * 0.0091 * (k + 128), 0.0371 * -108), 0.0371 * 147)
    const sum = Math.max(product + 0.0133 * (k - 39), 0)
    return Math.min(sum, 0.041 * 197) + 0.7
  })
  t.true(real.every((value, i) => Math.abs(Math.min(value / 0.0393 - 100, 127) - own[i]!) <= 2))
  t.true(new Set(own).size > 100)
  if (liteRt !== undefined) {
    const original = await runInLiteRt(liteRt, withFloatInterface(bytes), read, inputs.subarray(0, 8 * size))
    t.deepEqual(original, own)
  }
  const { findings } = await convertModel({
    bytes,
    kind: 'tflite',
    formats: ['onnx-int8'],
    name: 'x',
    verify: true,
  })
  t.regex(findings[0]!, /onnxruntime, 128 random samples: all \d+ outputs are the reference’s bit for bit/)
})

test('a vector too has stored operands', async (t) => {
  const w = new FileWriter()
  const features = [-90, 10, 110]
  const input = w.tensor([1, 3], 0.05, 4)
  const scaled = w.tensor([1, 3], 0.0371, -20)
  w.operator('MUL', [input, w.constant(features, 0.0091, -128)], scaled, OPTIONS.mul('none'))
  const moved = w.tensor([1, 3], 0.0411, -70)
  w.operator('ADD', [scaled, w.constant(features, 0.0133, 39)], moved, OPTIONS.add('none'))
  const bytes = w.file(input, moved)
  const { network: read } = readQuantisedTflite(bytes)
  const run = createInterpreter(read)
  const samples = inputs.subarray(0, 3 * 32)
  const own = Array.from({ length: 32 }, (_, i) => [...run(samples.subarray(3 * i, 3 * i + 3))]).flat()
  const real = [...samples].map((q, i) => {
    const k = features[i % 3]!
    const product = Math.min(Math.max(0.05 * (q - 4) * 0.0091 * (k + 128), 0.0371 * -108), 0.0371 * 147)
    return Math.min(Math.max((product + 0.0133 * (k - 39)) / 0.0411 - 70, -128), 127)
  })
  t.true(real.every((value, i) => Math.abs(value - own[i]!) <= 2))
  t.true(new Set(own).size > 20)
  const { findings } = await convertModel({
    bytes,
    kind: 'tflite',
    formats: ['tflite', 'onnx-int8'],
    name: 'x',
    verify: true,
  })
  t.regex(findings.at(-1)!, /onnxruntime, 128 random samples: all 384 outputs are the reference’s bit for bit/)
})

test('stored operands of other shapes are refused', (t) => {
  const w = new FileWriter()
  const [input, sum] = [w.tensor([1, 4, 4, 3], 0.1, 0), w.tensor([1, 4, 4, 3], 0.1, 0)]
  w.operator('ADD', [input, w.constant([1, 2], 0.1, 0)], sum, OPTIONS.add('none'))
  t.throws(() => readQuantisedTflite(w.file(input, sum)), {
    instanceOf: UserError,
    message:
      /^operator 0 \(ADD\): its stored operand 't2' has 2 values; one, or one for each of the 3 channels of a map, is converted/,
  })
})

test('filters that are spread compute as they are stored; too large ones are refused', (t) => {
  const stored = Int8Array.from({ length: 2 * 4 }, (_, i) => i + 1)
  const sizes = { count: 4, kernel: [2, 1], dilation: [2, 1], channels: 2, own: 1 } as const
  const { depthwise, values } = spreadFilters(stored, { ...sizes, layout: 'taps' })
  t.false(depthwise)
  // Filters 0 and 1 see channel 0, 2 and 3 channel 1; the middle row is empty.
  t.deepEqual([...values.subarray(0, 6)], [1, 0, 0, 0, 5, 0])
  t.deepEqual([...values.subarray(12, 18)], [0, 3, 0, 0, 0, 7])
  const huge = { count: 4096, kernel: [3, 3], dilation: [1, 1], channels: 4096, own: 4, layout: 'filters' } as const
  t.throws(() => spreadFilters(new Int8Array(0), huge), { instanceOf: UserError, message: /weights; at most/ })
})
