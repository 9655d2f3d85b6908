/**
 * What share of a training is not spent inside ONNX Runtime: `node bench/overhead.ts [DATA] [EPOCHS[:SHARE]] [NETWORKS]`.
 * Trains and measures random networks as a search does and counts processor time inside and outside the runtime's calls
 * (making a session, running it, releasing it). Everything else is ours: writing graphs, batches, weights, bookkeeping.
 */
import { InferenceSession } from 'onnxruntime-node'
import { createBatcher } from '../evaluators/datasets/batches.ts'
import { loadDataset } from '../evaluators/datasets/load.ts'
import { evaluateCandidate } from '../evaluators/proxy/evaluate-candidate.ts'
import { inputShapeOf } from '../evaluators/training/epochs.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../evaluators/training/recipe.ts'
import { randomStream } from '../lib/random.ts'
import { archId, countMacs } from '../network/measure.ts'
import { sizeOf } from '../network/shapes.ts'
import type { Shape } from '../network/types.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'
import { benchArguments } from './usage.ts'

const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

let insideSeconds = 0
let calls = 0
/** What one look at the clock takes; it is no part of a training. */
const clockSeconds = ((): number => {
  const looks = 10_000
  const started = processorSeconds()
  for (let i = 0; i < looks; i++) processorSeconds()
  return (processorSeconds() - started) / looks
})()
/** Counts what passes between a call and its answer. Calls never overlap here. */
async function counted<T>(call: () => Promise<T>): Promise<T> {
  const started = processorSeconds()
  try {
    return await call()
  } finally {
    insideSeconds += processorSeconds() - started - clockSeconds
    calls++
  }
}

type Arguments = readonly [Uint8Array, InferenceSession.SessionOptions]
const create = InferenceSession.create.bind(InferenceSession) as (...args: Arguments) => Promise<InferenceSession>
const countingCreate = async (...args: Arguments): Promise<InferenceSession> => {
  const session = await counted(() => create(...args))
  const run = session.run.bind(session) as (...args: readonly unknown[]) => Promise<InferenceSession.ReturnType>
  const release = session.release.bind(session)
  return Object.assign(session, {
    run: (...runArguments: readonly unknown[]) => counted(() => run(...runArguments)),
    release: () => counted(release),
  })
}
Object.assign(InferenceSession, { create: countingCreate })

const { positionals } = benchArguments('bench/overhead.ts [DATA] [EPOCHS[:SHARE]] [NETWORKS]', {}, [0, 3])
const [data = 'builtin', spent = '4', count = '8'] = positionals
const [epochs, dataFraction = 1] = spent.split(':').map(Number) as [number, number?]
const dataset = await loadDataset(data, { seed: 1 })
const task = { inputShape: dataset.inputShape, classCount: dataset.classNames.length }
const space = await loadSpace('mobilenet')
const random = randomStream(1, 'overhead')
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** Samples are resized once per data set and size, whatever the number of trainings. */
function resizeAll(shape: Shape): void {
  const batcher = createBatcher(dataset, shape)
  const out = new Float32Array(sizeOf(shape))
  const indices = new Uint32Array(1)
  for (indices[0] = 0; indices[0]! < dataset.labels.length; indices[0]!++) batcher.fill(indices, 0, 1, out)
}

let total = 0
let outside = 0
for (let i = 0; i < Number(count); i++) {
  const graph = space.decode(geneOperations(space.genes(task)).sample(random), task)
  const request = { graph, archId: archId(graph), fidelity: { epochs, dataFraction }, recipe: DEFAULT_RECIPE, seed: i }
  resizeAll(inputShapeOf(graph))
  insideSeconds = 0
  calls = 0
  const started = processorSeconds()
  const result = await evaluateCandidate(request, dataset, onnxEngine)
  if (!result.ok) throw new Error(result.message)
  const seconds = processorSeconds() - started - 2 * calls * clockSeconds
  console.log(
    `${(countMacs(graph) / 1e6).toFixed(2)} M MACs: ${seconds.toFixed(2)} s of processor time, ` +
      `${percent(1 - insideSeconds / seconds)} outside the runtime`,
  )
  // The first one loads code and compiles it.
  if (i === 0) continue
  total += seconds
  outside += seconds - insideSeconds
}
console.log(`all but the first: ${percent(outside / total)} of ${total.toFixed(1)} s outside the runtime`)
