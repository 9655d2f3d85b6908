import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import type { ExportContext } from '../../export/formats/format.ts'
import { onnxFormat } from '../../export/formats/onnx.ts'
import { writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { verifyOnnx } from '../../export/verify.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Shape } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { everyKind, nestedExperts, plausibleWeights, quantisedCase } from './networks.ts'

const inputShapeOf = (graph: NetworkGraph): Shape => graph.nodes.find(({ op }) => op.kind === 'input')!.shape

function samplesFor(graph: NetworkGraph, count: number): Tensor {
  const random = randomStream(count, 'routed-onnx')
  const shape = inputShapeOf(graph)
  const data = Float32Array.from({ length: count * sizeOf(shape) }, () => random.normal())
  return new Tensor('float32', data, [count, ...shape])
}

async function outputsOf(model: Uint8Array, inputs: readonly Tensor[]): Promise<readonly Float32Array[]> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 3, intraOpNumThreads: 1 })
  const outputs: Float32Array[] = []
  for (const input of inputs) outputs.push((await session.run({ input }))['output']!.data as Float32Array)
  await session.release()
  return outputs
}

const outputOf = async (model: Uint8Array, input: Tensor): Promise<Float32Array> =>
  (await outputsOf(model, [input]))[0]!

async function mixturesOfTheSpace(): Promise<readonly NetworkGraph[]> {
  const space = await loadSpace('moe')
  const task = { inputShape: [16, 16, 1], classCount: 10 }
  const genes = geneOperations(space.genes(task))
  const random = randomStream(5, 'routed-onnx')
  return Array.from({ length: 12 }, () => space.decode(genes.sample(random), task))
    .filter(({ nodes }) => nodes.some(({ op }) => op.kind === 'routedExperts'))
    .slice(0, 4)
}

/** The only convolutions are in the experts: 3 × 3 and 1 × 1 in each of six, of which `topK` run. */
function mixture(topK: number): NetworkGraph {
  const shape = [16, 16, 1]
  const g = new GraphBuilder()
  const x = g.input(shape)
  const body = new GraphBuilder()
  const inner = body.activation(body.conv2d(body.input(shape), 8, { kernel: 3 }), 'relu')
  const gates = g.activation(g.dense(g.globalAveragePool(x), 6), 'softmax')
  const routed = g.routedExperts(x, gates, topK, body.build(body.conv2d(inner, 4, {})))
  return g.build(g.dense(g.globalAveragePool(routed), 10))
}

/** How many convolutions ONNX Runtime runs for some samples, as its profiler counts them. */
async function convolutionsRun(t: ExecutionContext, model: Uint8Array, input: Tensor): Promise<number> {
  const kinds = ['Conv', 'QLinearConv', 'ConvInteger']
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-profile-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const profileFilePrefix = path.join(folder, 'run')
  const session = await InferenceSession.create(model, {
    enableProfiling: true,
    profileFilePrefix,
    logSeverityLevel: 3,
  })
  await session.run({ input })
  session.endProfiling()
  await session.release()

  const events = JSON.parse(readFileSync(path.join(folder, readdirSync(folder)[0]!), 'utf8')) as {
    readonly name: string
    readonly args?: { readonly op_name?: string }
  }[]
  return events.filter(({ name, args }) => kinds.includes(args?.op_name ?? '') && name.endsWith('_kernel_time')).length
}

test('a file that runs the chosen experts alone gives what one gives that runs all, bit for bit, for any batch', async (t) => {
  const graphs = [everyKind({ experts: true }), nestedExperts(), mixture(3), ...(await mixturesOfTheSpace())]
  t.is(graphs.length, 7)
  for (const [i, graph] of graphs.entries()) {
    const weights = plausibleWeights(graph, i)
    const all = buildInferenceGraph(graph, weights, { batch: 'n' })
    const routed = buildInferenceGraph(graph, weights, { batch: 'n', routed: true })
    const inputs = [1, 2, 33].map((count) => samplesFor(graph, count))
    const [expected, found] = [await outputsOf(all, inputs), await outputsOf(routed, inputs)]
    for (const [batch, values] of found.entries()) {
      // Of three chosen experts the order of adding differs: the largest gate first, not the lowest index.
      const furthest = values.reduce((most, value, k) => Math.max(most, Math.abs(value - expected[batch]![k]!)), 0)
      t.true(furthest <= (i === 2 ? 1e-5 : 0), `network ${i}, batch ${batch}: off by ${furthest}`)
    }
  }
})

test('experts to which no sample goes do not run', async (t) => {
  for (const topK of [1, 2, 4]) {
    const graph = mixture(topK)
    const weights = plausibleWeights(graph, 1)
    const build = (routed: boolean) => buildInferenceGraph(graph, weights, { batch: 'n', routed })
    const one = samplesFor(graph, 1)
    t.is(await convolutionsRun(t, build(false), one), 12)
    t.is(await convolutionsRun(t, build(true), one), 2 * topK)
    t.true((await convolutionsRun(t, build(true), samplesFor(graph, 200))) > 2 * topK)
  }
})

test('nor do they in int8, and the batch changes nothing', async (t) => {
  for (const topK of [1, 2]) {
    const { network, real, count, graph } = await quantisedCase(mixture(topK), 1, 30)
    for (const arithmetic of ['qdq', 'integer'] as const) {
      const model = writeQdqModel(network, { arithmetic })
      t.is(await convolutionsRun(t, model, samplesFor(graph, 1)), 2 * topK)
      const shape = inputShapeOf(graph)
      const some = (first: number, samples: number): Tensor => {
        const values = real.subarray(first * sizeOf(shape), (first + samples) * sizeOf(shape))
        return new Tensor('float32', values, [samples, ...shape])
      }
      const one = Array.from({ length: count }, (_, i) => some(i, 1))
      const [whole, ...single] = await outputsOf(model, [some(0, count), ...one])
      t.deepEqual(Float32Array.from(single.flatMap((values) => [...values])), whole)
    }
  }
})

test('in float16 too', async (t) => {
  const graph = mixture(2)
  const weights = plausibleWeights(graph, 1)
  const input = samplesFor(graph, 20)
  const expected = await outputOf(buildInferenceGraph(graph, weights, { batch: 'n' }), input)
  const found = await outputOf(buildInferenceGraph(graph, weights, { batch: 'n', routed: true, float16: true }), input)
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  t.true(found.every((value, i) => Math.abs(value - expected[i]!) < 0.02 * largest))
  t.notDeepEqual(found, expected)
})

test('the export compares the file with one that runs every expert, on the whole test part', async (t) => {
  const whole = await loadDataset('builtin', { seed: 1 })
  const dataset = { ...whole, splits: { ...whole.splits, test: whole.splits.test.subarray(0, 200) } }
  const graph = mixture(2)
  const weights = plausibleWeights(graph, 1)
  const { inputShape, mean, standardDeviation } = dataset
  const preparation = { inputShape, mean, standardDeviation, roundResized: true }
  const all = buildInferenceGraph(graph, weights, { batch: 'n', preparation })
  const { accuracy: trainedAccuracy } = await verifyOnnx(all, dataset, 'test')
  const context = { graph, weights, dataset, verify: true, trainedAccuracy } as ExportContext
  const { checks } = await onnxFormat.write(context)
  t.is(checks.length, 2)
  t.like(checks[1], { artefact: 'model.onnx', verified: true })
  t.regex(checks[1]!.detail, /of 200 test samples; outputs equal to the float32 network/)
})
