import test from 'ava'
import { compareOutputs } from '../../export/compare-outputs.ts'
import { findPythonLiteRt, PYTHON_LITERT_MISSING, runInPythonLiteRt } from '../../export/litert/python-litert.ts'
import { findLiteRt, LITERT_MISSING, openLiteRt } from '../../export/litert/run-litert.ts'
import { runInLiteRt } from '../../export/litert/verify-litert.ts'
import type { QuantisedNetwork } from '../../export/quantise/types.ts'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { readTflite } from '../../formats/tflite/model.ts'
import { OperationalError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs } from '../../network/measure.ts'
import { everyKind, nestedExperts, quantisedCase } from './networks.ts'

const liteRt = findLiteRt()
const withLiteRt = liteRt === undefined ? test.skip : test
const note = liteRt === undefined ? ` (${LITERT_MISSING})` : ''
const python = await findPythonLiteRt()
const withPython = python === undefined ? test.skip : test
const pythonNote = python === undefined ? ` (${PYTHON_LITERT_MISSING})` : ''

/** Kinds that LiteRT computes as ours do: all but sigmoid, joins of other scales and mixtures. */
function exactKinds() {
  const g = new GraphBuilder()
  const stem = g.activation(g.batchNorm(g.conv2d(g.input([11, 9, 3]), 8, { kernel: 3, stride: 2 })), 'relu6')
  const deep = g.activation(g.batchNorm(g.depthwiseConv2d(stem, { kernel: 5 })), 'hardSwish')
  const squeezed = g.activation(g.conv2d(g.globalAveragePool(deep, true), 4, { bias: true }), 'relu')
  const scaled = g.multiply(deep, g.activation(g.conv2d(squeezed, 8, { bias: true }), 'hardSigmoid'))
  const sum = g.activation(g.add(stem, g.batchNorm(g.conv2d(scaled, 8, {}))), 'relu')
  const window = { kernel: [3, 2], stride: [2, 2], padding: 'same' } as const
  const most = g.node({ kind: 'maxPool', ...window }, sum)
  const mean = g.node({ kind: 'averagePool', ...window }, g.activation(g.multiply(sum, deep), 'relu6'))
  const joined = g.batchNorm(g.add(most, mean))
  const four = g.node({ kind: 'add' }, joined, most, mean, g.activation(joined, 'relu'))
  return g.build(g.dense(g.globalAveragePool(g.activation(four, 'relu6')), 5))
}

const options = { description: 'a test', interface: 'int8' } as const
const exact = await quantisedCase(exactKinds(), 1, 200)
const every = await quantisedCase(everyKind({ experts: true }), 1)
const nested = await quantisedCase(nestedExperts(), 2)

test('the file is read back as the network that was written', (t) => {
  for (const { graph, network } of [exact, every, nested]) {
    const bytes = writeTflite(network, options)
    const read = importTflite(bytes)
    t.is(read.dataType, 'int8')
    t.deepEqual(bytes, writeTflite(network, options), 'the same network gives the same bytes')
    const model = readTflite(bytes)
    const [input] = model.inputs.map((position) => model.tensors[position]!)
    const { scale, zeroPoint } = network.tensors[network.input]!.quantisation
    t.deepEqual(input!.quantisation!.scales, [scale])
    t.deepEqual(input!.quantisation!.zeroPoints, [zeroPoint])
    // Dense fallback: all experts run, not only those that are chosen.
    t.true(countMacs(read.graph) >= countMacs(graph))
  }
  t.is(importTflite(writeTflite(exact.network, options)).graph.nodes[0]!.op.kind, 'input')
})

test('stored values lie on 16 bytes, as fast kernels need', (t) => {
  const { tensors } = readTflite(writeTflite(every.network, options))
  const stored = tensors.filter(({ data }) => data.length > 0)
  t.true(stored.length > 20)
  for (const { data } of stored) t.is(data.byteOffset % 16, 0)
})

test('hostile names stay text', (t) => {
  const hostile = '../../x\0"\u{1F4A3}\ud800\n'
  const network: QuantisedNetwork = {
    ...exact.network,
    tensors: exact.network.tensors.map((tensor, i) => ({ ...tensor, id: `${hostile}${i}` })),
    kernels: exact.network.kernels.map((kernel) => ({ ...kernel, id: hostile })),
  }
  const { tensors, operators } = readTflite(writeTflite(network, options))
  t.is(operators.length, readTflite(writeTflite(exact.network, options)).operators.length)
  t.is(new Set(tensors.map(({ name }) => name)).size, tensors.length, 'names are told apart')
})

withPython(`LiteRT in Python gives what the integer reference gives${pythonNote}`, async (t) => {
  t.timeout(60_000)
  const outputs = await runInPythonLiteRt(python!, writeTflite(exact.network, options), exact.inputs)
  t.is(compareOutputs(exact.outputs, outputs).differing, 0)
})

withLiteRt(`LiteRT gives what the integer reference gives${note}`, async (t) => {
  for (const { network, inputs, outputs } of [exact, nested]) {
    const file = writeTflite(network, { description: '', interface: 'float32' })
    t.is(compareOutputs(outputs, await runInLiteRt(liteRt!, file, network, inputs)).differing, 0)
  }
})

withLiteRt(`LiteRT runs every kind of operator and mixtures of experts${note}`, async (t) => {
  for (const { network, inputs, outputs } of [exact, every, nested]) {
    const file = writeTflite(network, { description: '', interface: 'float32' })
    const found = await runInLiteRt(liteRt!, file, network, inputs)
    // Its fast kernels round by rules of their own, and a router between equals may then choose another expert.
    const far = outputs.filter((value, i) => Math.abs(value - found[i]!) > 4).length
    t.true(far <= 0.03 * outputs.length, `${far} of ${outputs.length} outputs are more than 4 quanta off`)
  }
})

withLiteRt(`a file that LiteRT refuses is one sentence${note}`, async (t) => {
  const broken = writeTflite(exact.network, { description: '', interface: 'float32' }).slice(0, 4000)
  t.is((globalThis as { ModuleFactory?: unknown }).ModuleFactory, undefined, 'its globals stay in its process')
  await t.throwsAsync(openLiteRt(liteRt!, broken), { instanceOf: OperationalError, message: /LiteRT does not run/ })
})
