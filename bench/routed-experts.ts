/**
 * What running only the routed experts saves in ONNX Runtime: processor time of a batch for networks of the `moe` space, in a
 * file in which every expert runs and in one with branches, how many convolutions run for one sample, and the largest
 * difference of the outputs.
 * Run: node bench/routed-experts.ts
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { initialWeights } from '../evaluators/training/initial-weights.ts'
import { buildInferenceGraph } from '../evaluators/training/onnx/inference-graph.ts'
import { randomStream } from '../lib/random.ts'
import { sizeOf } from '../network/shapes.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'
import { benchArguments } from './usage.ts'

benchArguments('bench/routed-experts.ts', {})

const TASK = { inputShape: [32, 32, 3], classCount: 10 }
const NETWORKS = 6
const BATCHES = [1, 64]
const ROUNDS = 12
const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const

/** Least processor time of a run, in microseconds. */
async function fastest(session: InferenceSession, input: Tensor): Promise<number> {
  const runs = input.dims[0] === 1 ? 30 : 2
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage()
    for (let i = 0; i < runs; i++) await session.run({ input })
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / runs)
  }
  return best
}

async function convolutionsRun(model: Uint8Array, input: Tensor): Promise<number> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-profile-'))
  const options = { ...OPTIONS, enableProfiling: true, profileFilePrefix: path.join(folder, 'run') }
  const session = await InferenceSession.create(model, options)
  await session.run({ input })
  session.endProfiling()
  await session.release()
  const events: { readonly name: string; readonly args?: { readonly op_name?: string } }[] = JSON.parse(
    readFileSync(path.join(folder, readdirSync(folder)[0]!), 'utf8'),
  )
  rmSync(folder, { recursive: true })
  return events.filter(({ name, args }) => args?.op_name === 'Conv' && name.endsWith('_kernel_time')).length
}

const space = await loadSpace('moe')
const operations = geneOperations(space.genes(TASK))
const random = randomStream(3, 'bench-routed-experts')
const samples = (count: number): Tensor => {
  const data = Float32Array.from({ length: count * sizeOf(TASK.inputShape) }, () => random.normal())
  return new Tensor('float32', data, [count, ...TASK.inputShape])
}

for (let shown = 0; shown < NETWORKS; ) {
  const graph = space.decode(operations.sample(random), TASK)
  const mixtures = graph.nodes.flatMap(({ op }) => (op.kind === 'routedExperts' ? [`${op.topK} of ${op.experts}`] : []))
  const { shape } = graph.nodes[0]!
  if (mixtures.length === 0 || shape[0] !== TASK.inputShape[0]) continue
  shown++
  const weights = initialWeights(graph, randomStream(shown, 'bench-routed-experts-weights'))
  const models = [false, true].map((routed) => buildInferenceGraph(graph, weights, { batch: 'n', routed }))
  const [all, some] = await Promise.all(models.map((model) => InferenceSession.create(model, OPTIONS)))
  console.log(`experts: ${mixtures.join(', ')}`)
  for (const count of BATCHES) {
    const input = samples(count)
    const [a, b] = [(await all!.run({ input }))['output']!, (await some!.run({ input }))['output']!]
    const values = b.data as Float32Array
    const off = (a.data as Float32Array).reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0)
    const [before, after] = [await fastest(all!, input), await fastest(some!, input)]
    const change = `${(100 * (after / before - 1)).toFixed(0)} %`
    console.log(
      `  batch ${count}: ${before.toFixed(0)} -> ${after.toFixed(0)} µs of processor time (${change}), off by ${off}`,
    )
  }
  const one = samples(1)
  console.log(
    `  convolutions for one sample: ${await convolutionsRun(models[0]!, one)} -> ${await convolutionsRun(models[1]!, one)}`,
  )
  await Promise.all([all!.release(), some!.release()])
}
