import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../../evaluators/evaluator.ts'
import { createGatherer } from '../../evaluators/pool/gatherer.ts'
import { createPool } from '../../evaluators/pool/pool.ts'
import { cpuSecondsNow, openCpuShare } from '../../evaluators/proxy/cpu-time.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'

const dataset = await loadDataset('builtin', { seed: 1 })

function request(filters: number, overrides: Partial<EvaluationRequest> = {}): EvaluationRequest {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input(dataset.inputShape), filters, { kernel: 3, stride: 2 })), 'relu')
  const graph = g.build(g.dense(g.globalAveragePool(x), dataset.classNames.length))
  const fidelity = { epochs: 1, dataFraction: 0.2 }
  return { graph, archId: archId(graph), fidelity, recipe: DEFAULT_RECIPE, seed: filters, ...overrides }
}

const pool = (netsPerStep: number, timeoutSeconds = 120): Evaluator =>
  createPool({ dataset, engine: 'onnxruntime', engineVersion: 'test', workers: 1, netsPerStep, timeoutSeconds })

const figures = (result: Awaited<ReturnType<Evaluator['evaluate']>>) =>
  result.ok ? [result.accuracy, result.crossEntropy, result.testAccuracy, result.loss] : result

test('a pool gives the same figures however many networks step together', async (t) => {
  // Not all make as many steps: those share no step.
  const requests = [8, 16, 24, 32, 40].map((filters, i) =>
    request(filters, i === 2 ? { fidelity: { epochs: 2, dataFraction: 0.1 } } : {}),
  )
  const run = async (netsPerStep: number) => {
    const evaluator = pool(netsPerStep)
    const results = await Promise.all(requests.map((one) => evaluator.evaluate(one)))
    await evaluator.dispose()
    return results.map(figures)
  }
  const alone = await run(1)
  t.true(alone.every(Array.isArray))
  t.deepEqual(await run(2), alone)
  t.deepEqual(await run(4), alone)
})

test('of networks that step together one may diverge, be given up or be untrainable', async (t) => {
  const evaluator = pool(4)
  const g = new GraphBuilder()
  const wrongChannels = g.build(g.dense(g.globalAveragePool(g.conv2d(g.input([16, 16, 3]), 4, {})), 10))
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 1500)
  const long = { epochs: 10_000, dataFraction: 0.2 }
  const [good, diverged, untrainable] = await Promise.all([
    evaluator.evaluate(request(8)),
    evaluator.evaluate(request(8, { recipe: { ...DEFAULT_RECIPE, learningRate: 1e30, warmupFraction: 0 } })),
    evaluator.evaluate(request(8, { graph: wrongChannels })),
    evaluator.evaluate(request(16)),
  ])
  t.like(diverged, { ok: false, code: 'diverged' })
  t.like(untrainable, { ok: false, code: 'threw' })
  const [endless, given] = await Promise.all([
    evaluator.evaluate(request(8, { fidelity: long }), { signal: AbortSignal.timeout(4000) }),
    evaluator.evaluate(request(16, { fidelity: long }), { signal: stop.signal }),
  ])
  t.like(endless, { ok: false, code: 'timed-out' })
  t.like(given, { ok: false, code: 'timed-out' })
  t.deepEqual(figures(await evaluator.evaluate(request(8))), figures(good))
  await evaluator.dispose()
})

test('items gather by kind, full groups first, and those that wait longest when nothing more comes', async (t) => {
  const groups: string[][] = []
  const open: (() => void)[] = []
  const gather = createGatherer<string, string>({
    size: 2,
    groups: 1,
    patienceMs: 20,
    kindOf: (item) => item[0]!,
    run: (items) => {
      groups.push([...items])
      const done = new Promise<void>((resolve) => open.push(resolve))
      return items.map(async (item) => {
        await done
        return `${item} done`
      })
    },
  })
  const results = Promise.all(['a1', 'b1', 'b2', 'a2', 'c1'].map(gather))
  // Both `b` were there first; the others wait until a group is free.
  for (const group of [['b1', 'b2'], ['a1', 'a2'], ['c1']]) {
    while (groups.length < open.length || groups.at(-1)!.join() !== group.join()) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    open.at(-1)!()
  }
  t.deepEqual(await results, ['a1 done', 'b1 done', 'b2 done', 'a2 done', 'c1 done'])
  t.deepEqual(groups, [['b1', 'b2'], ['a1', 'a2'], ['c1']])
})

test('processor time that passes for several trainings at once is split among them', (t) => {
  const work = (seconds: number): void => {
    const until = cpuSecondsNow() + seconds
    while (cpuSecondsNow() < until);
  }
  const close = (actual: number, expected: number): void => {
    t.true(Math.abs(actual - expected) < 0.02, `${actual} s where about ${expected} s were spent`)
  }
  const first = openCpuShare()
  work(0.05)
  const second = openCpuShare()
  work(0.1)
  close(first(), 0.1)
  work(0.05)
  close(second(), 0.1)
  close(first(), 0.1)
})
