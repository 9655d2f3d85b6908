import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { asExecuted } from '../../cli/actions/host-integers.ts'
import { canQuantise, quantisedFile } from '../../cli/actions/onnx-quantised.ts'
import { timeOnnx } from '../../cli/actions/onnx-timer.ts'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { int8Benchmarks } from '../../hardware-profiles/host/int8-benchmarks.ts'
import { CHECK_NETWORKS } from '../../hardware-profiles/host/measure-host.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { temporaryFolder } from './run-frugal.ts'

/** A convolution, a function without an integer kernel, and a dense layer. */
function small(): NetworkGraph {
  const b = new GraphBuilder()
  const x = b.activation(b.conv2d(b.input([16, 16, 4]), 16, { kernel: 3, bias: true }), 'relu')
  const y = b.activation(b.depthwiseConv2d(x, { kernel: 3, bias: true }), 'hardSwish')
  return b.build(b.dense(b.globalAveragePool(b.add(x, y)), 10))
}

test('every benchmark and every check network can be written in int8, and is read as what it was', (t) => {
  const networks = [...int8Benchmarks().map(({ build }) => build(2)), ...CHECK_NETWORKS.map(caseNetwork)]
  t.true(networks.every(canQuantise))
  for (const weights of ['int8', 'uint8'] as const) {
    const { graph, dataType } = importOnnx(quantisedFile(small(), weights))
    t.is(dataType, weights)
    t.is(countMacs(graph), countMacs(small()))
  }
  const b = new GraphBuilder()
  t.false(canQuantise(b.build(b.node({ kind: 'unary', function: 'tanh' }, b.input([8])))))
})

test('onnxruntime runs products in integers, and what has no integer kernel between two conversions', async (t) => {
  for (const weights of ['int8', 'uint8'] as const) {
    const file = path.join(temporaryFolder(t), 'model.onnx')
    const bytes = quantisedFile(small(), weights)
    t.true((await timeOnnx(bytes, small(), 1)).leastMs > 0)
    writeFileSync(file, bytes)
    const { graph, integers } = (await asExecuted(file, new Map()))!
    const kinds = (inIntegers: boolean): readonly string[] =>
      graph.nodes.flatMap(({ id, op }) => (integers!.nodes.has(id) === inIntegers ? [op.kind] : []))
    t.true(integers!.computes)
    for (const kind of ['conv2d', 'depthwiseConv2d', 'add', 'globalAveragePool', 'dense', 'quantize', 'dequantize'])
      t.true(kinds(true).includes(kind), kind)
    t.true(kinds(false).some((kind) => kind === 'hardSwish' || kind === 'hardSigmoid'))
    t.is(countMacs(graph), countMacs(small()))
    t.is(integers!.dequantised.size, 0)
  }
})

test('weights that a float convolution reads in int8 are turned into real numbers in every inference', async (t) => {
  const file = path.join(temporaryFolder(t), 'model.onnx')
  const b = new GraphBuilder()
  const graph = b.build(b.conv2d(b.input([16, 16, 4]), 16, { kernel: 3 }))
  // Without the conversions around it the convolution stays in float.
  const bytes = quantisedFile(graph, 'int8', { values: 'float32' })
  writeFileSync(file, bytes)
  const { integers, graph: executed } = (await asExecuted(file, new Map()))!
  t.false(integers!.computes)
  t.deepEqual(
    executed.nodes.flatMap(({ id, op }) => (integers!.dequantised.has(id) ? [op.kind] : [])),
    ['conv2d'],
  )
  t.is(countMacs(executed), countMacs(graph))
})

test('what onnxruntime cannot load is not read as executed', async (t) => {
  const file = path.join(temporaryFolder(t), 'model.onnx')
  writeFileSync(file, quantisedFile(small(), 'int8').subarray(0, 900))
  t.is(await asExecuted(file, new Map()), undefined)
})
