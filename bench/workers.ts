/**
 * What a second worker brings: `node bench/workers.ts [DATA] [NETWORKS] [EPOCHS[:SHARE]] [threads|processes]`.
 * Trains the same random networks with one worker and with two, in turns, and prints trials per hour, their ratio, and the
 * processor time of a trial in both. On a machine with other work the ratio of the hours says little; processor time says
 * what two free cores could reach: one worker needs that of its trials, as helpers of Node (garbage collection) run on the other
 * core, and two share both cores with all of them.
 * A search always has a next network to train; so that the end of this list, where one worker has nothing left to do, counts
 * little, its largest networks come first.
 */
import { loadDataset } from '../evaluators/datasets/load.ts'
import { createPool } from '../evaluators/pool/pool.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { countMacs } from '../network/measure.ts'
import { randomRequests } from './random-requests.ts'

const ROUNDS = 2

const [data = 'builtin', count = '8', spent = '2', kind = 'threads'] = process.argv.slice(2)
const dataset = await loadDataset(data, { seed: 1 })
const requests = (await randomRequests(dataset, Number(count), spent, 'workers')).toSorted(
  (a, b) => countMacs(b.graph) - countMacs(a.graph),
)

interface Round {
  readonly wallSeconds: number
  /** Of the trials. */
  readonly cpuSeconds: number
  /** Of everything that ran meanwhile; of the trials where those are other processes. */
  readonly allSeconds: number
}

const processSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function train(workers: number): Promise<Round> {
  const { id: engine, version: engineVersion } = onnxEngine
  const isolate = kind === 'processes'
  const pool = createPool({ dataset, engine, engineVersion, workers, isolate, timeoutSeconds: 3600 })
  // Threads load their code before the clock starts.
  await Promise.all(
    requests
      .slice(0, workers)
      .map((request) => pool.evaluate({ ...request, fidelity: { epochs: 1, dataFraction: 0.05 } })),
  )
  const started = performance.now()
  const before = processSeconds()
  const results = await Promise.all(requests.map((request) => pool.evaluate(request)))
  const wallSeconds = (performance.now() - started) / 1000
  const inProcess = processSeconds() - before
  await pool.dispose()
  const cpuSeconds = results.reduce((sum, result) => {
    if (!result.ok) throw new Error(result.message)
    return sum + result.cpuSeconds
  }, 0)
  return { wallSeconds, cpuSeconds, allSeconds: isolate ? cpuSeconds : inProcess }
}

const rounds: Record<1 | 2, Round[]> = { 1: [], 2: [] }
for (let round = 0; round < ROUNDS; round++) {
  for (const workers of [1, 2] as const) rounds[workers].push(await train(workers))
}
const least = (workers: 1 | 2, member: keyof Round): number =>
  Math.min(...rounds[workers].map((round) => round[member]))
for (const workers of [1, 2] as const) {
  const [wall, cpu] = [least(workers, 'wallSeconds'), least(workers, 'cpuSeconds')]
  console.log(
    `${workers} worker${workers === 1 ? '' : 's'}: ${((3600 * requests.length) / wall).toFixed(0)} trials per hour, ` +
      `${(cpu / requests.length).toFixed(2)} s of processor time per trial`,
  )
}
const hours = least(1, 'wallSeconds') / least(2, 'wallSeconds')
const processor = (2 * least(1, 'cpuSeconds')) / least(2, 'allSeconds')
console.log(
  `two workers: ${hours.toFixed(2)} times the trials per hour; ${processor.toFixed(2)} times on two free cores`,
)
