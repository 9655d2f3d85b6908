import type { Worker } from 'node:worker_threads'
import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest } from '../../evaluators/evaluator.ts'
import { createPool } from '../../evaluators/pool/pool.ts'
import { evaluateCandidate } from '../../evaluators/proxy/evaluate-candidate.ts'
import { loadEngine } from '../../evaluators/training/engines.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'

const dataset = await loadDataset('builtin', { seed: 1 })

function network(filters: number, side: number, depth: number): NetworkGraph {
  const g = new GraphBuilder()
  let x = g.input([side, side, 1])
  for (let i = 0; i < depth; i++) {
    const y = g.activation(
      g.batchNorm(g.conv2d(x, filters, { kernel: i === 0 ? 3 : 1, stride: i === 0 ? 2 : 1 })),
      'relu6',
    )
    x = g.activation(g.batchNorm(g.depthwiseConv2d(y, { kernel: 3 })), 'relu')
  }
  return g.build(g.dense(g.globalAveragePool(x), dataset.classNames.length))
}

const request = (graph: NetworkGraph, seed: number): EvaluationRequest => ({
  graph,
  archId: archId(graph),
  fidelity: { epochs: 1, dataFraction: 0.03 },
  recipe: DEFAULT_RECIPE,
  seed,
})

const OPTIONS = { dataset, engine: 'onnxruntime', engineVersion: 'test', timeoutSeconds: 120 }

test.serial('threads are replaced after their share of trials; none is lost and no figure changes', async (t) => {
  let threads = 0
  const count = () => {
    threads++
  }
  process.on('worker', count)
  const requests = Array.from({ length: 7 }, (_, i) => request(network(8, 16, 1), i))
  const run = async (recycleAfter: number) => {
    threads = 0
    const pool = createPool({ ...OPTIONS, workers: 2, recycleAfter })
    const results = await Promise.all(requests.map((one) => pool.evaluate(one)))
    await pool.dispose()
    return { threads, figures: results.map((result) => (result.ok ? [result.accuracy, result.loss] : result)) }
  }
  const kept = await run(100)
  const recycled = await run(1)
  process.off('worker', count)
  t.is(kept.threads, 2)
  // Seven trials, each on a thread of its own.
  t.is(recycled.threads, 7)
  t.deepEqual(recycled.figures, kept.figures)
  t.true(kept.figures.every(Array.isArray))
})

test.serial('a fresh thread begins when the one it replaces has ended, not beside it', async (t) => {
  const alive = new Set<Worker>()
  let most = 0
  const count = (worker: Worker) => {
    alive.add(worker)
    most = Math.max(most, alive.size)
    worker.once('exit', () => alive.delete(worker))
  }
  process.on('worker', count)
  const pool = createPool({ ...OPTIONS, workers: 2, recycleAfter: 1 })
  const requests = Array.from({ length: 6 }, (_, i) => request(network(8, 16, 1), i))
  const results = await Promise.all(requests.map((one) => pool.evaluate(one)))
  await pool.dispose()
  process.off('worker', count)
  t.true(results.every(({ ok }) => ok))
  t.is(most, 2)
  t.is(alive.size, 0)
})

const MEGABYTE = 2 ** 20

test.serial('memory stays flat when threads are replaced again and again', async (t) => {
  const pool = createPool({ ...OPTIONS, workers: 2, recycleAfter: 2 })
  const generation = async (seed: number): Promise<number> => {
    const trials = Array.from({ length: 4 }, (_, i) => pool.evaluate(request(network(48, 32, 2), seed + i)))
    for (const result of await Promise.all(trials)) t.true(result.ok)
    return process.memoryUsage().rss / MEGABYTE
  }
  const warm = Math.max(await generation(0), await generation(4))
  let most = 0
  for (let i = 2; i < 6; i++) most = Math.max(most, await generation(4 * i))
  await pool.dispose()
  t.log(`${warm.toFixed(0)} MB, then at most ${most.toFixed(0)} MB`)
  // 120 to 170 MB where fresh threads begin beside the old ones.
  t.true(most < warm + 80)
})

test.serial('a hundred trials of mixed shapes leave memory flat', async (t) => {
  const engine = await loadEngine('onnxruntime')
  const random = randomStream(6, 'shapes')
  const trial = async (seed: number): Promise<void> => {
    const graph = network(8 * (1 + random.int(5)), random.pick([8, 12, 16]), 1 + random.int(3))
    const result = await evaluateCandidate(request(graph, seed), dataset, engine)
    t.true(result.ok)
  }
  for (let i = 0; i < 30; i++) await trial(i)
  const before = process.memoryUsage().rss
  for (let i = 0; i < 100; i++) await trial(100 + i)
  const grown = (process.memoryUsage().rss - before) / MEGABYTE
  t.log(`${grown.toFixed(1)} MB more after 100 trials`)
  t.true(grown < 50, `${grown.toFixed(0)} MB more after 100 trials`)
})
