import test from 'ava'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { compareOutputs } from '../../export/compare-outputs.ts'
import { type OnnxArithmetic, writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { quantiseValue } from '../../export/quantise/fixed-point.ts'
import { GraphBuilder } from '../../network/build.ts'
import { sizeOf } from '../../network/shapes.ts'
import { everyKind, nestedExperts, type QuantisedCase, quantisedCase } from './networks.ts'

/** What ONNX Runtime makes of the int8 samples' real values, in the output's int8. */
async function inOnnxRuntime(
  { network, inputs, count }: QuantisedCase,
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

test('ONNX Runtime gives what the integer reference gives', async (t) => {
  const quantised = await quantisedCase(blocks(), 1, 200)
  const { differing, most } = compareOutputs(quantised.outputs, await inOnnxRuntime(quantised))
  t.true(differing <= 0.001 * quantised.outputs.length && most <= 1, `${differing} differ, by ${most}`)
})

test('every kind and mixtures are near it, but where a router between equals takes another expert', async (t) => {
  for (const graph of [everyKind({ experts: true }), nestedExperts()]) {
    const quantised = await quantisedCase(graph, 2)
    const outputs = await inOnnxRuntime(quantised)
    const far = outputs.filter((value, i) => Math.abs(value - quantised.outputs[i]!) > 2).length
    t.true(far <= 0.05 * outputs.length, `${far} of ${outputs.length} are more than 2 quanta off`)
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
