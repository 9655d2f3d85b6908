import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { floatChecks } from '../../export/convert/convert-float.ts'
import { convertModel } from '../../export/convert/convert-model.ts'
import { FLOAT_WRITERS } from '../../export/convert/float-writers.ts'
import { readFloatOnnx } from '../../export/convert/read-onnx-float.ts'
import { foldNetwork } from '../../export/fold-network.ts'
import { writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { preparationOf } from '../../export/preparation.ts'
import { writeFloatTflite } from '../../export/tflite/float-model.ts'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { refusedWhenDamaged } from './damage.ts'
import { everyKind, nestedExperts, plausibleWeights, quantisedCase } from './networks.ts'
import { difference } from './onnx-difference.ts'

/** Files that `frugal export` writes, read by `frugal convert`. */

const preparationFor = (graph: NetworkGraph) => {
  const inputShape = graph.nodes[0]!.shape
  const each = (value: number) => Array<number>(inputShape[2]!).fill(value)
  return { inputShape, mean: each(0.3), standardDeviation: each(0.7), roundResized: true }
}

async function sampled(space: string, count: number, inputShape: readonly number[]): Promise<readonly NetworkGraph[]> {
  const { decode, genes } = await loadSpace(space)
  const task = { inputShape, classCount: 4 }
  const operations = geneOperations(genes(task))
  const random = randomStream(5, 'round trip')
  return Array.from({ length: count }, () => decode(operations.sample(random), task))
}

const hasExperts = ({ nodes }: NetworkGraph): boolean => nodes.some(({ op }) => op.kind === 'routedExperts')

test('float files that read raw samples, experts that run as routed included, compute the same when they are read', async (t) => {
  const graphs = [
    ...(await sampled('mobilenet', 1, [16, 16, 3])),
    ...(await sampled('moe', 1, [16, 16, 1])),
    everyKind({ experts: true }),
    nestedExperts(),
  ]
  t.is(graphs.filter(hasExperts).length, 3)
  for (const [i, graph] of graphs.entries()) {
    const weights = plausibleWeights(graph, i)
    const options = { batch: 'batch', preparation: preparationFor(graph), routed: true } as const
    const bytes = buildInferenceGraph(graph, weights, options)
    t.is(hasExperts(readFloatOnnx(bytes).graph), hasExperts(graph))
    t.true((await difference(bytes)) < 1e-5, `${i}`)
    const folded = foldNetwork(graph, weights)
    const half = buildInferenceGraph(folded.graph, folded.weights, { ...options, float16: true })
    t.true((await difference(half)) < 0.02, `${i} in float16`)
  }
})

test('a file of experts is converted to TFLite, int8 and ONNX, which is read once more', async (t) => {
  const dataset = await loadDataset('builtin', { seed: 1 })
  const g = new GraphBuilder()
  const x = g.activation(g.conv2d(g.input(dataset.inputShape), 4, { kernel: 3, stride: 2, bias: true }), 'relu')
  const b = new GraphBuilder()
  const body = b.build(b.conv2d(b.input(g.shape(x)), 4, { bias: true }))
  const gates = g.activation(g.dense(g.globalAveragePool(x), 3), 'softmax')
  const graph = g.build(g.dense(g.globalAveragePool(g.routedExperts(x, gates, 2, body)), 10))
  const bytes = buildInferenceGraph(graph, plausibleWeights(graph, 3), {
    batch: 'batch',
    preparation: preparationOf(dataset),
    routed: true,
  })
  const common = { kind: 'onnx', name: 'experts', verify: true } as const
  const { files, findings } = await convertModel({
    ...{ ...common, bytes, formats: ['onnx', 'tflite-float32', 'onnx-integer'] },
    data: { dataset, normalisation: 'raw' },
  })
  t.true(
    findings.some((line) => /integer.onnx .* outputs are the reference’s bit for bit/.test(line)),
    findings.join(),
  )
  const again = await convertModel({ ...common, bytes: files.get('model.onnx') as Uint8Array, formats: ['onnx'] })
  t.regex(again.findings[0]!, /differ from those of the original in ONNX Runtime by at most/)
})

const refused = (t: { throws: (f: () => unknown, e: object) => unknown }, bytes: Uint8Array, message: RegExp) =>
  t.throws(() => readFloatOnnx(bytes), { instanceOf: UserError, message })

test('what cannot be converted is told with what to give instead', async (t) => {
  const graph = everyKind({ experts: false })
  const weights = plausibleWeights(graph, 1)
  const preparation = { ...preparationFor(graph), inputShape: [22, 18, 3] }
  refused(
    t,
    buildInferenceGraph(graph, weights, { batch: 'batch', preparation }),
    /^node \d+ \(MatMul\): it resizes maps by a stored matrix, .*; give what frugal export --format tflite /,
  )
  for (const bits of [8, 4] as const) {
    const { network } = await quantisedCase(graph, 2, 2, bits)
    for (const arithmetic of ['qdq', 'integer'] as const)
      refused(
        t,
        writeQdqModel(network, { arithmetic, preparation: preparationFor(graph) }),
        /in int8.*; give the .tflite/,
      )
    const convert = convertModel({
      bytes: writeTflite(network, { description: '', interface: 'int8' }),
      ...{ kind: 'tflite', formats: ['tflite'], name: 'n', verify: false },
    })
    if (bits === 8) await t.notThrowsAsync(convert)
    else await t.throwsAsync(convert, { instanceOf: UserError, message: /have 4 bits, which is not converted: give / })
  }
})

test('a TFLite file that chooses among experts is refused with what to give instead', async (t) => {
  const message = /\(GREATER_EQUAL\): it compares values, as a choice among experts does, .*; give the float .onnx/
  const graph = nestedExperts()
  const { network } = await quantisedCase(graph, 2, 2)
  const common = { kind: 'tflite', name: 'n', verify: false } as const
  const int8 = writeTflite(network, { description: '', interface: 'int8' })
  await t.throwsAsync(convertModel({ ...common, bytes: int8, formats: ['c'] }), { instanceOf: UserError, message })
  const float = writeFloatTflite(graph, plausibleWeights(graph, 1), { description: '', precision: 'float32' })
  await t.throwsAsync(convertModel({ ...common, bytes: float, formats: ['onnx'] }), { instanceOf: UserError, message })
})

test('experts with other gates than a softmax are refused', (t) => {
  const shape = [4, 4, 3]
  const b = new GraphBuilder()
  const body = b.build(b.conv2d(b.input(shape), 3, { bias: true }))
  const g = new GraphBuilder()
  const x = g.input(shape)
  const gates = g.activation(g.dense(g.globalAveragePool(x), 3), 'relu')
  const graph = g.build(g.routedExperts(x, gates, 2, body))
  const bytes = buildInferenceGraph(graph, plausibleWeights(graph, 1), { batch: 'batch', routed: true })
  refused(t, bytes, /no softmax: shares of any others may divide by 0/)
})

test('damaged files of experts are refused or read, never a crash', (t) => {
  const graph = nestedExperts()
  const options = { batch: 'batch', preparation: preparationFor(graph), routed: true } as const
  const bytes = buildInferenceGraph(graph, plausibleWeights(graph, 1), options)
  const place = (random: RandomStream, length: number): number =>
    random.int(2) === 0 ? random.int(6000) : random.int(length)
  const refusals = refusedWhenDamaged(bytes, readFloatOnnx, { seed: 3, bytes: 3, place })
  t.true(refusals > 100, `${refusals} refused`)
})

test('in float16 one sample may go to other experts, in float32 none may', async (t) => {
  const graph = nestedExperts()
  const weights = plausibleWeights(graph, 1)
  const bytes = buildInferenceGraph(graph, weights, { batch: 'batch', routed: true })
  const read = readFloatOnnx(bytes)
  const checks = await floatChecks(read, { bytes, kind: 'onnx' }, undefined)
  const moved = (samples: number) => {
    const expected = Float32Array.from(checks.expected)
    const width = expected.length / checks.count
    for (let sample = 0; sample < samples; sample++) expected[sample * width]! += 1
    return expected
  }
  const write = (samples: number, isHalf: boolean) =>
    FLOAT_WRITERS.onnx({ ...read, title: '', checks: { ...checks, isHalf, expected: moved(samples) } })
  const { findings } = await write(1, true)
  t.regex(findings[0]!, / but for 1 that went to other experts; /)
  await t.throwsAsync(write(1, false), { instanceOf: OperationalError, message: /differ/ })
  await t.throwsAsync(write(2, true), { instanceOf: OperationalError, message: /differ/ })
})
