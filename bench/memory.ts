/**
 * Whether memory stays flat over many trainings:
 * `node bench/memory.ts [trainings] [printed every] [threads|processes|here] [replaced after]`.
 * Random networks of two spaces, each of another shape, on a little of the built-in data, trained as a search does: by two
 * workers, which are replaced after so many trainings; `here` trains one after another on the main thread instead. Every so
 * many trainings it waits until none runs, so that what a large network needs for itself does not count, and prints the
 * resident memory, that of worker processes included. In the end: its range once the first fifth is over, how far it rose
 * from there, and the processor time of a training.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { loadDataset } from '../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../evaluators/evaluator.ts'
import { createPool } from '../evaluators/pool/pool.ts'
import { enterTrainingEnvironment } from '../evaluators/pool/training-environment.ts'
import { evaluateCandidate } from '../evaluators/proxy/evaluate-candidate.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../evaluators/training/recipe.ts'
import { randomStream } from '../lib/random.ts'
import { archId } from '../network/measure.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'
import { benchArguments } from './usage.ts'

const { positionals } = benchArguments(
  'bench/memory.ts [TRAININGS] [PRINTED-EVERY] [threads|processes|here] [REPLACED-AFTER]',
  {},
  [0, 4],
)
const [trainings = '500', every = '25', where = 'threads', replacedAfter] = positionals
// As `frugal search` does; `env MALLOC_ARENA_MAX= node bench/memory.ts` shows what is without.
enterTrainingEnvironment()

const MEGABYTE = 2 ** 20
const count = Number(trainings)
const warmUp = Math.floor(count / 5)
const dataset = await loadDataset('builtin', { seed: 1 })
const task = { inputShape: dataset.inputShape, classCount: dataset.classNames.length }
const spaces = await Promise.all(['mobilenet', 'moe'].map(loadSpace))
const random = randomStream(1, 'memory')

const shapes = new Set<string>()
let begun = 0
function nextRequest(): EvaluationRequest {
  const seed = begun++
  const space = spaces[seed % spaces.length]!
  const graph = space.decode(geneOperations(space.genes(task)).sample(random), task)
  shapes.add(archId(graph))
  return { graph, archId: archId(graph), fidelity: { epochs: 1, dataFraction: 0.03 }, recipe: DEFAULT_RECIPE, seed }
}

/** Trains on the main thread, or in a pool as a search has it. */
function createEvaluator(): Pick<Evaluator, 'evaluate' | 'dispose'> {
  if (where === 'here')
    return { evaluate: (request) => evaluateCandidate(request, dataset, onnxEngine), dispose: async () => {} }
  const { id: engine, version: engineVersion } = onnxEngine
  return createPool({
    dataset,
    engine,
    engineVersion,
    workers: 2,
    isolate: where === 'processes',
    timeoutSeconds: 600,
    ...(replacedAfter === undefined ? {} : { recycleAfter: Number(replacedAfter) }),
  })
}

/** Resident memory in MB of the processes that this one started; none where the system does not list them. */
function workerMegabytes(): readonly number[] {
  const ofProcess = (id: string): number[] => {
    try {
      const status = readFileSync(`/proc/${id}/status`, 'utf8')
      if (Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]) !== process.pid) return []
      return [Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024]
    } catch {
      return []
    }
  }
  return where === 'processes'
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap(ofProcess)
    : []
}

const evaluator = createEvaluator()
const afterWarmUp: number[] = []
let done = 0
let cpuSeconds = 0
async function trainUntil(end: number): Promise<void> {
  while (begun < end) {
    const request = nextRequest()
    const result = await evaluator.evaluate(request)
    if (!result.ok) throw new Error(`training ${request.seed} failed: ${result.message}`)
    cpuSeconds += result.cpuSeconds
    done++
  }
}

while (done < count) {
  const end = Math.min(count, done + Number(every))
  await Promise.all(Array.from({ length: where === 'here' ? 1 : 2 }, () => trainUntil(end)))
  const parts = [process.memoryUsage().rss / MEGABYTE, ...workerMegabytes()]
  const all = parts.reduce((sum, megabytes) => sum + megabytes, 0)
  if (done >= warmUp) afterWarmUp.push(all)
  const listed = parts.length > 1 ? ` (${parts.map((megabytes) => megabytes.toFixed(0)).join(' + ')})` : ''
  console.log(`${done} trainings: ${all.toFixed(0)} MB${listed}`)
}
await evaluator.dispose()

const [low, high] = [Math.min(...afterWarmUp), Math.max(...afterWarmUp)]
console.log(
  `${done} trainings of ${shapes.size} networks, ${(cpuSeconds / done).toFixed(3)} s of processor time each; after the first ` +
    `${warmUp}: ${low.toFixed(0)} to ${high.toFixed(0)} MB, never more than ${(high - afterWarmUp[0]!).toFixed(0)} MB above where they ended`,
)
