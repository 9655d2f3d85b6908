import test from 'ava'
import { isKernelNetwork, kernelFile } from '../../cli/actions/onnx-kernels.ts'
import { timeOnnx } from '../../cli/actions/onnx-timer.ts'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import { emptyFacts, readFacts } from '../../hardware-profiles/features.ts'
import { type MicroBenchmark, microBenchmarks } from '../../hardware-profiles/host/micro-benchmarks.ts'
import { streamingNetworks } from '../../hardware-profiles/host/weight-stream.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph } from '../../network/types.ts'

const written = microBenchmarks().filter(({ build }) => isKernelNetwork(build(2)))
const KINDS: ReadonlySet<string> = new Set([
  'conv2d',
  'depthwiseConv2d',
  'transposeConv2d',
  'unary',
  'softmax',
  'custom',
])

/** What a kernel's price depends on, of all kernels with weights and functions. */
function factsOf(graph: NetworkGraph): readonly string[] {
  const { kernels } = scheduleOf(graph)
  return kernels.flatMap((kernel) => {
    if (!KINDS.has(kernel.kind)) return []
    const facts = emptyFacts()
    readFacts(kernel, facts)
    const { kind, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, dilation, macs } = facts
    if (kind === 'custom') return [`${kind} ${[inHeight, inChannels, outChannels, facts.kernelHeight, macs]}`]
    const window = [facts.kernelHeight, facts.kernelWidth, facts.strideHeight, facts.strideWidth]
    return [`${kind} ${[inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, dilation, macs, ...window]}`]
  })
}

test('what is timed is what is priced: files of kernels, read again, hold the kernels of the network', (t) => {
  const external = (): never => t.fail('nothing lies outside of the file') as never
  const small = written.filter(({ build }) => factsOf(build(2)).every((text) => !/\d{8}/.test(text)))
  t.true(small.length > 100)
  for (const { name, build } of small) {
    const graph = build(2)
    const again = importOnnx(kernelFile(graph), { shapes: new Map(), external }).graph
    t.deepEqual(factsOf(again), factsOf(graph), name)
  }
})

test('every sort of kernel is written that networks of search spaces do not have', (t) => {
  const named = (part: string): MicroBenchmark | undefined => written.find(({ name }) => name.includes(part))
  for (const part of [
    'groups',
    'dilation',
    '1x5/1 1x128',
    'transposeConv2d',
    'LSTM',
    'GRU',
    'RNN',
    'norm 64x128',
    'norm of a sum 64x128',
    'maxPool 1x4 1x250',
    'unary tanh',
    'unary elu',
    'unary softplus',
    'softmax 49x49',
  ]) {
    t.truthy(named(part), part)
  }
  t.true(streamingNetworks().every(isKernelNetwork))
  const b = new GraphBuilder()
  t.false(isKernelNetwork(b.build(b.dense(b.input([8]), 4))))
})

test('onnxruntime runs them', async (t) => {
  for (const part of [
    '14x14x64-64, 4 groups',
    '8x8x32-32, dilation 2',
    '1x3/1 1x64x32',
    '3x3/2 8x8x32-8',
    'GRU 16x16',
    'norm of a sum 16x64',
    'averagePool 1x2',
    'RNN 16x16',
    'softplus 8x8',
    'softmax 49x49',
  ]) {
    const graph = written.find(({ name }) => name.includes(part))!.build(2)
    const { leastMs, medianMs } = await timeOnnx(kernelFile(graph), graph, 1)
    t.true(leastMs > 0 && medianMs >= leastMs && medianMs < 1000, part)
  }
})
