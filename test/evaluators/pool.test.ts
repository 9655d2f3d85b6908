import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../../evaluators/evaluator.ts'
import { createPool } from '../../evaluators/pool/pool.ts'
import { evaluateCandidate } from '../../evaluators/proxy/evaluate-candidate.ts'
import type { TrainingEngine } from '../../evaluators/training/engine.ts'
import { loadEngine } from '../../evaluators/training/engines.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { LISTS_PROCESSES, signalTrainingProcesses, trainingProcesses } from './training-processes.ts'

const dataset = await loadDataset('builtin', { seed: 1 })

function network(filters: number): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input(dataset.inputShape), filters, { kernel: 3, stride: 2 })), 'relu')
  const y = g.activation(g.batchNorm(g.depthwiseConv2d(x, { kernel: 3, stride: 2 })), 'relu6')
  return g.build(g.dense(g.globalAveragePool(y), dataset.classNames.length))
}

const request = (graph: NetworkGraph, overrides: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
  graph,
  archId: archId(graph),
  fidelity: { epochs: 1, dataFraction: 0.2 },
  recipe: DEFAULT_RECIPE,
  seed: 99,
  ...overrides,
})

const OPTIONS = { dataset, engine: 'onnxruntime', engineVersion: 'test' }
const pool = (workers: number, timeoutSeconds: number): Evaluator => createPool({ ...OPTIONS, workers, timeoutSeconds })

/** What must not depend on where a candidate was trained. */
const figures = (result: Awaited<ReturnType<Evaluator['evaluate']>>) =>
  result.ok ? [result.accuracy, result.testAccuracy, result.loss] : result

test('a candidate gives the same figures in this thread, in a pool of two and in a process of its own', async (t) => {
  const evaluator = pool(2, 120)
  const graphs = [network(8), network(16), network(24)]
  const inThreads = await Promise.all(graphs.map((graph) => evaluator.evaluate(request(graph))))
  const engine = await loadEngine('onnxruntime')
  for (const [i, graph] of graphs.entries()) {
    t.true(inThreads[i]!.ok)
    t.deepEqual(figures(await evaluateCandidate(request(graph), dataset, engine)), figures(inThreads[i]!))
  }
  t.deepEqual(figures(await evaluator.evaluate(request(graphs[1]!), { isolated: true })), figures(inThreads[1]!))
  t.notDeepEqual(figures(inThreads[0]!), figures(inThreads[1]!))
  await evaluator.dispose()
})

test('in processes in place of threads candidates give the same figures', async (t) => {
  const inThreads = pool(2, 120)
  const inProcesses = createPool({ ...OPTIONS, workers: 2, isolate: true, recycleAfter: 2, timeoutSeconds: 120 })
  const graphs = [network(8), network(16), network(24)]
  for (const graph of graphs) {
    const [thread, apart] = await Promise.all([inThreads, inProcesses].map((each) => each.evaluate(request(graph))))
    t.true(thread!.ok)
    t.deepEqual(figures(apart!), figures(thread!))
  }
  await inThreads.dispose()
  await inProcesses.dispose()
})

const onLinux = LISTS_PROCESSES ? test.serial : test.serial.skip

onLinux(
  'a process that dies costs nothing when its candidate is trained again, and only its candidate when not',
  async (t) => {
    const evaluator = createPool({ ...OPTIONS, workers: 1, isolate: true, timeoutSeconds: 120 })
    const graph = network(24)
    const once = evaluator.evaluate(request(graph, { fidelity: { epochs: 40, dataFraction: 1 } }))
    await signalTrainingProcesses(1, 'SIGKILL')
    await delay(100)
    await signalTrainingProcesses(1, 'SIGABRT')
    t.like(await once, { ok: false, code: 'crashed-twice' })
    const expected = figures(await evaluator.evaluate(request(network(8))))
    const again = evaluator.evaluate(request(network(8)))
    await signalTrainingProcesses(1, 'SIGKILL')
    t.deepEqual(figures(await again), expected)
    t.true(Array.isArray(expected))
    await evaluator.dispose()
  },
)

onLinux(
  'a candidate whose process is killed while it is trained alone is not blamed before the second time',
  async (t) => {
    const started: ChildProcess[] = []
    /** So many of the next processes are killed as soon as they are there. */
    let kills = 0
    const note = (message: unknown) => {
      const { process: child } = message as { readonly process: ChildProcess }
      started.push(child)
      if (kills > 0) child.once('spawn', () => child.kill('SIGKILL'))
      kills = Math.max(0, kills - 1)
    }
    subscribe('child_process', note)
    const evaluator = createPool({ ...OPTIONS, workers: 1, isolate: true, timeoutSeconds: 120 })
    const quick = () => evaluator.evaluate(request(network(8), { fidelity: { epochs: 1, dataFraction: 0.02 } }))
    const expected = figures(await quick())
    t.true(Array.isArray(expected))
    started[0]!.kill('SIGKILL')
    await once(started[0]!, 'exit')
    kills = 2
    t.deepEqual(figures(await quick()), expected)
    started.at(-1)!.kill('SIGKILL')
    kills = 3
    t.like(await quick(), {
      ok: false,
      code: 'crashed-twice',
      message: 'its process ended with SIGKILL while it was trained alone',
    })
    t.is(kills, 0)
    unsubscribe('child_process', note)
    await evaluator.dispose()
  },
)

onLinux('signals that stop a whole search leave its processes to it', async (t) => {
  const evaluator = createPool({ ...OPTIONS, workers: 1, isolate: true, timeoutSeconds: 120 })
  const graph = network(8)
  const expected = figures(await evaluator.evaluate(request(graph)))
  const training = evaluator.evaluate(request(graph))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) await signalTrainingProcesses(1, signal)
  t.deepEqual(figures(await training), expected)
  t.is(trainingProcesses().length, 1)
  await evaluator.dispose()
  t.deepEqual(trainingProcesses(), [])
})

onLinux('a process that is killed while it has nothing to do is replaced, and the pool ends after it', async (t) => {
  const started: ChildProcess[] = []
  const note = (message: unknown) => started.push((message as { readonly process: ChildProcess }).process)
  subscribe('child_process', note)
  const evaluator = createPool({ ...OPTIONS, workers: 1, isolate: true, timeoutSeconds: 120 })
  const quick = () => evaluator.evaluate(request(network(8), { fidelity: { epochs: 1, dataFraction: 0.02 } }))
  const kill = async (child: ChildProcess) => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const first = await quick()
  await kill(started[0]!)
  t.deepEqual(figures(await quick()), figures(first))
  t.is(started.length, 2)
  await kill(started[1]!)
  await t.notThrowsAsync(evaluator.dispose())
  unsubscribe('child_process', note)
})

onLinux('a pool ends beside a process that was killed a moment ago', async (t) => {
  const started: ChildProcess[] = []
  const note = (message: unknown) => started.push((message as { readonly process: ChildProcess }).process)
  subscribe('child_process', note)
  const evaluator = createPool({ ...OPTIONS, workers: 1, isolate: true, timeoutSeconds: 120 })
  t.true((await evaluator.evaluate(request(network(8), { fidelity: { epochs: 1, dataFraction: 0.02 } }))).ok)
  unsubscribe('child_process', note)
  const [child] = started as [ChildProcess]
  const disconnected = once(child, 'disconnect')
  child.kill('SIGKILL')
  // The channel is closed, and that the process has ended is not known yet.
  await disconnected
  await t.notThrowsAsync(evaluator.dispose())
})

onLinux('a step that hangs is ended with its process, and the next candidate is trained', async (t) => {
  const evaluator = createPool({ ...OPTIONS, workers: 1, isolate: true, timeoutSeconds: 8 })
  const slow = evaluator.evaluate(request(network(64), { fidelity: { epochs: 10_000, dataFraction: 1 } }))
  await signalTrainingProcesses(1, 'SIGSTOP')
  t.like(await slow, { ok: false, code: 'timed-out', message: 'not trained within 8 s' })
  t.true((await evaluator.evaluate(request(network(8), { fidelity: { epochs: 1, dataFraction: 0.02 } }))).ok)
  await evaluator.dispose()
})

test('a candidate that takes too long is a failure, and its thread trains the next one', async (t) => {
  const evaluator = pool(1, 0.4)
  const slow = request(network(64), { fidelity: { epochs: 10_000, dataFraction: 1 } })
  t.like(await evaluator.evaluate(slow), { ok: false, code: 'timed-out', message: 'not trained within 0.4 s' })
  t.like(await evaluator.evaluate(slow, { isolated: true }), { ok: false, code: 'timed-out' })
  await evaluator.dispose()
})

test('a candidate whose loss explodes is a failure', async (t) => {
  const evaluator = pool(1, 120)
  const exploding = request(network(8), { recipe: { ...DEFAULT_RECIPE, learningRate: 1e30, warmupFraction: 0 } })
  t.like(await evaluator.evaluate(exploding), { ok: false, code: 'diverged' })
  await evaluator.dispose()
})

test('a candidate that cannot be trained on these data is a failure that says why', async (t) => {
  const g = new GraphBuilder()
  const wrongChannels = g.build(g.dense(g.globalAveragePool(g.conv2d(g.input([16, 16, 3]), 4, {})), 10))
  const evaluator = pool(1, 120)
  const result = await evaluator.evaluate(request(wrongChannels))
  t.like(result, { ok: false, code: 'threw' })
  t.regex((result as { message: string }).message, /channel/)
  await evaluator.dispose()
})

test('a search that stops gives its candidates up', async (t) => {
  const evaluator = pool(1, 600)
  const stop = new AbortController()
  const training = evaluator.evaluate(request(network(64), { fidelity: { epochs: 10_000, dataFraction: 1 } }), {
    signal: stop.signal,
  })
  setTimeout(() => stop.abort(), 300)
  t.like(await training, { ok: false, code: 'timed-out' })
  await evaluator.dispose()
})

test('whatever an engine throws becomes a failure', async (t) => {
  const throwing = (message: string): TrainingEngine => ({
    id: 'throwing',
    version: '1',
    compile: () => Promise.reject(new Error(message)),
  })
  t.deepEqual(await evaluateCandidate(request(network(8)), dataset, throwing('no such kernel')), {
    ok: false,
    code: 'threw',
    message: 'no such kernel',
  })
  t.like(await evaluateCandidate(request(network(8)), dataset, throwing('std::bad_alloc')), { code: 'out-of-memory' })
})
