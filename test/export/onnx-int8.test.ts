import test, { type ExecutionContext } from 'ava'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { compareOutputs } from '../../export/compare-outputs.ts'
import { type OnnxArithmetic, writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { agreeingProduct, agreeingSum } from '../../export/quantise/agreement.ts'
import { addOperands } from '../../export/quantise/elementwise.ts'
import { quantiseMultiplier, quantiseValue } from '../../export/quantise/fixed-point.ts'
import { meanFactor } from '../../export/quantise/kernels.ts'
import { UNIT_INTERVAL } from '../../export/quantise/lookup-tables.ts'
import { createInterpreter } from '../../export/quantise/reference/interpreter.ts'
import { referenceOutputs } from '../../export/quantise/run-reference.ts'
import { softmaxDifference } from '../../export/quantise/softmax.ts'
import type { Quantisation, QuantisedKernel, QuantisedNetwork } from '../../export/quantise/types.ts'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import { readOnnx } from '../../formats/onnx/read-onnx.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { everyKind, nestedExperts, opposedExperts, type QuantisedCase, quantisedCase } from './networks.ts'

/** What ONNX Runtime makes of the int8 samples' real values, in the output's int8. */
async function inOnnxRuntime(
  { network, inputs, count }: Pick<QuantisedCase, 'network' | 'inputs' | 'count'>,
  arithmetic: OnnxArithmetic = 'qdq',
): Promise<Int8Array> {
  const { shape, quantisation } = network.tensors[network.input]!
  const session = await InferenceSession.create(writeQdqModel(network, { arithmetic }), { logSeverityLevel: 3 })
  const real = Float32Array.from(inputs, (q) => quantisation.scale * (q - quantisation.zeroPoint))
  const { output } = await session.run({ input: new Tensor('float32', real, [count, ...shape]) })
  await session.release()
  const to = network.tensors[network.output]!.quantisation
  return Int8Array.from(output!.data as Float32Array, (value) => quantiseValue(value, to))
}

type KernelCommon = Pick<QuantisedKernel, 'id' | 'inputs' | 'output' | 'inputShapes' | 'outputShape'>

/** Convolutions, residuals, squeeze-and-excite and every activation: what search spaces are made of. */
function blocks() {
  const g = new GraphBuilder()
  const stem = g.activation(g.batchNorm(g.conv2d(g.input([13, 9, 3]), 8, { kernel: 3, stride: 2 })), 'relu6')
  const deep = g.activation(g.batchNorm(g.depthwiseConv2d(stem, { kernel: 5 })), 'hardSwish')
  const squeezed = g.activation(g.conv2d(g.globalAveragePool(deep, true), 4, { bias: true }), 'relu')
  const scaled = g.multiply(deep, g.activation(g.conv2d(squeezed, 8, { bias: true }), 'hardSigmoid'))
  const sum = g.activation(g.add(stem, g.batchNorm(g.conv2d(scaled, 8, {}))), 'relu')
  const gated = g.multiply(sum, g.activation(sum, 'sigmoid'))
  const most = g.maxPool(g.activation(gated, 'relu6'), { kernel: [3, 2], stride: 2 })
  const narrow = g.conv2d(g.node({ kind: 'concat' }, most, g.maxPool(sum, { kernel: 1, stride: 2 })), 6, {
    kernel: 2,
    padding: 'valid',
  })
  const flat = g.node({ kind: 'reshape', shape: [sizeOf(g.shape(narrow))] }, narrow)
  return g.build(g.dense(g.activation(g.dense(flat, 12), 'relu'), 5))
}

/** Kernels of other processors multiply and add in another order: there a few outputs may be a quantum off. */
function isReference(t: ExecutionContext, found: Int8Array, expected: Int8Array, what: string): void {
  const { differing, most } = compareOutputs(expected, found)
  if (process.arch === 'x64') t.is(differing, 0, `${what}: ${differing} differ, by ${most}`)
  else t.true(differing <= 0.001 * expected.length && most <= 1, `${what}: ${differing} differ, by ${most}`)
}

test('ONNX Runtime gives what the integer reference gives, with its own integer kernels', async (t) => {
  for (const [name, graph] of Object.entries({ blocks: blocks(), experts: everyKind({ experts: true }) })) {
    const quantised = await quantisedCase(graph, 1, 200)
    isReference(t, await inOnnxRuntime(quantised), quantised.outputs, name)
  }
})

/** A softmax of each pixel of a map. */
function segmented() {
  const g = new GraphBuilder()
  return g.build(g.activation(g.conv2d(g.input([5, 7, 3]), 6, { kernel: 3 }), 'softmax'))
}

test('a softmax is the reference’s too: of a vector, of each pixel, and where it chooses experts inside experts', async (t) => {
  for (const [name, graph] of Object.entries({ nested: nestedExperts(), segmented: segmented() })) {
    const quantised = await quantisedCase(graph, 2)
    isReference(t, await inOnnxRuntime(quantised), quantised.outputs, name)
    t.deepEqual(await inOnnxRuntime(quantised, 'integer'), quantised.outputs)
    const kinds = (network: NetworkGraph) => scheduleOf(network).kernels.map(({ kind }) => kind)
    t.deepEqual(kinds(importOnnx(writeQdqModel(quantised.network)).graph), kinds(graph), `${name} is read back`)
  }
})

test('what an expert adds is cut off to the int8 of the sum by itself, before it is added', async (t) => {
  const { graph, weights } = opposedExperts()
  const quantised = await quantisedCase(graph, 1, 100, 8, weights)
  t.deepEqual(await inOnnxRuntime(quantised, 'integer'), quantised.outputs)
  isReference(t, await inOnnxRuntime(quantised), quantised.outputs, 'QDQ')
})

test('a softmax of all lengths and of scales from flat to steep is exact to the bit', async (t) => {
  const random = randomStream(4, 'softmax')
  for (const length of [2, 3, 12, 255]) {
    for (const scale of [0.004, 0.06, 1]) {
      const tensor = (id: string, quantisation: Quantisation) => ({ id, shape: [length], quantisation })
      const kernel = { id: 'to', inputs: [0], output: 1, inputShapes: [[length]], outputShape: [length] }
      const network: QuantisedNetwork = {
        tensors: [tensor('from', { scale, zeroPoint: 3 }), tensor('to', UNIT_INTERVAL)],
        kernels: [{ kind: 'softmax', ...kernel, ...softmaxDifference(scale) }],
        ...{ input: 0, output: 1, outputShape: [length], calibration: 'minmax' },
        normalisation: { mean: [], standardDeviation: [] },
      }
      const count = 500
      const inputs = Int8Array.from({ length: count * length }, () => random.int(256) - 128)
      // All equal, and one that leaves nothing for the others.
      inputs.fill(-128, 0, length)
      inputs.fill(-128, length, 2 * length).set([127], length)
      const found = await inOnnxRuntime({ network, inputs, count })
      t.deepEqual(found, referenceOutputs(network, inputs, count), `${length} values in steps of ${scale}`)
    }
  }
})

/** Two maps of one value a pixel, from the two channels of one that comes in, and a kernel on both. */
function onTwo(
  [a, b, to]: readonly [Quantisation, Quantisation, Quantisation],
  kernel: (common: KernelCommon) => QuantisedKernel,
): QuantisedNetwork {
  const side = 256
  const shape = [side, side, 1]
  const input = { scale: 1, zeroPoint: 0 }
  const one = quantiseMultiplier(1)
  const channel = (quantisation: Quantisation, weights: Int8Array, output: number): QuantisedKernel => ({
    kind: 'conv2d',
    id: `channel${output}`,
    ...{ inputs: [0], output, inputShapes: [[side, side, 2]], outputShape: shape },
    ...{ kernel: [1, 1], stride: [1, 1], padding: 'valid', padTop: 0, padLeft: 0, weights },
    weightScales: Float32Array.of(quantisation.scale),
    bias: Int32Array.of(-quantisation.zeroPoint),
    ...{ multipliers: Int32Array.of(one.multiplier), shifts: Int32Array.of(one.shift) },
    ...{ clamp: [-128, 127], activation: 'none' },
  })
  return {
    tensors: [
      { id: 'input', shape: [side, side, 2], quantisation: input },
      { id: 'a', shape, quantisation: a },
      { id: 'b', shape, quantisation: b },
      { id: 'to', shape, quantisation: to },
    ],
    kernels: [
      channel(a, Int8Array.of(1, 0), 1),
      channel(b, Int8Array.of(0, 1), 2),
      kernel({ id: 'last', inputs: [1, 2], output: 3, inputShapes: [shape, shape], outputShape: shape }),
    ],
    ...{ input: 0, output: 3, outputShape: shape, calibration: 'minmax' },
    normalisation: { mean: [0, 0], standardDeviation: [1, 1] },
  }
}

test('sums and products of all pairs of int8 values, with scales as a file may have them', async (t) => {
  const inputs = Int8Array.from({ length: 2 * 65536 }, (_, i) =>
    i % 2 === 0 ? (i >> 9) - 128 : ((i >> 1) & 255) - 128,
  )
  const random = randomStream(8, 'pairs')
  const draw = (low: number): Quantisation => ({
    scale: Math.fround(low * 8 ** random.float()),
    zeroPoint: random.int(256) - 128,
  })
  for (let i = 0; i < 6; i++) {
    const [a, b] = [draw(0.01), draw(0.01)]
    // As a file may have them, with exact halves, and as they are chosen here.
    const chosen = i % 3 === 2
    const wantedSum = { scale: i % 3 === 1 ? 2 * a.scale : Math.fround(0.8 * (a.scale + b.scale)), zeroPoint: 3 }
    const wantedProduct = { scale: Math.fround(a.scale * b.scale * (i % 3 === 1 ? 64 : 70)), zeroPoint: -5 }
    const sum = chosen ? agreeingSum([a, b], wantedSum) : wantedSum
    const product = chosen ? agreeingProduct([a, b], wantedProduct) : wantedProduct
    const others = { clamp: [-128, 127], activation: 'none' } as const
    for (const network of [
      onTwo([a, b, sum], (common) => ({
        kind: 'add',
        ...common,
        ...addOperands([a.scale, b.scale], sum.scale),
        ...others,
      })),
      onTwo([a, b, product], (common) => ({
        kind: 'multiply',
        ...common,
        result: quantiseMultiplier((a.scale * b.scale) / product.scale),
      })),
    ]) {
      const outputs = createInterpreter(network)(inputs)
      isReference(t, await inOnnxRuntime({ network, inputs, count: 1 }), outputs, `${network.kernels[2]!.kind} ${i}`)
      const { nodes } = readOnnx(writeQdqModel(network))
      const tables = nodes.filter(({ opType }) => opType === 'GatherElements').length
      t.is(tables, chosen ? 0 : 1)
    }
  }
})

test('a mean that ONNX Runtime would round otherwise is computed in integers', async (t) => {
  const shape = [8, 8, 4]
  for (const scale of [1, 0.7]) {
    const [from, to] = [
      { scale: 1, zeroPoint: -128 },
      { scale, zeroPoint: -128 },
    ]
    const kernel = { id: 'mean', inputs: [0], output: 1, inputShapes: [shape], outputShape: [4] }
    const network: QuantisedNetwork = {
      tensors: [
        { id: 'input', shape, quantisation: from },
        { id: 'mean', shape: [4], quantisation: to },
      ],
      kernels: [{ kind: 'globalAveragePool', ...kernel, result: meanFactor(1 / scale, 64) }],
      ...{ input: 0, output: 1, outputShape: [4], calibration: 'minmax' },
      normalisation: { mean: [0, 0, 0, 0], standardDeviation: [1, 1, 1, 1] },
    }
    const random = randomStream(2, 'mean')
    const inputs = Int8Array.from({ length: 300 * 256 }, () => random.int(256) - 128)
    const run = createInterpreter(network)
    const outputs = Int8Array.from({ length: 300 * 4 })
    for (let i = 0; i < 300; i++) outputs.set(run(inputs.subarray(i * 256, (i + 1) * 256)), i * 4)
    isReference(t, await inOnnxRuntime({ network, inputs, count: 300 }), outputs, `mean in ${scale}`)
  }
})

test('integer operators give the reference’s outputs bit for bit, mixtures too', async (t) => {
  for (const [graph, count] of [
    [blocks(), 200],
    [everyKind({ experts: true }), 100],
  ] as const) {
    const quantised = await quantisedCase(graph, 3, count)
    t.deepEqual(await inOnnxRuntime(quantised, 'integer'), quantised.outputs)
  }
})

test('the same network gives the same bytes', async (t) => {
  const { network } = await quantisedCase(nestedExperts(), 2, 10)
  t.deepEqual(writeQdqModel(network), writeQdqModel(network))
})
