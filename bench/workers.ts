/**
 * What a second worker brings: `node bench/workers.ts [DATA] [NETWORKS] [EPOCHS[:SHARE]] [threads|processes]`.
 * Trains the same random networks with one worker and with two, in turns, and prints trials per hour, their ratio, and the
 * processor time of a trial in both.
 * The control says what this machine has to give: one process and two that have nothing to do with each other and no pool
 * train the same networks, each all of them; and the same with arithmetic that needs no memory. What two workers lack to the
 * former is ours; what that lacks to 2 is memory, caches and clock, which two trainings share.
 * On a machine with other work the ratio of the hours says little; processor time says what two free cores could reach: one
 * worker needs that of its trials, as helpers of Node (garbage collection) run on the other core, and two share both cores
 * with all of them.
 * A search always has a next network to train; so that the end of this list, where one worker has nothing left to do, counts
 * little, its largest networks come first.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { loadDataset } from '../evaluators/datasets/load.ts'
import { createPool } from '../evaluators/pool/pool.ts'
import { cpuSecondsNow } from '../evaluators/proxy/cpu-time.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import type { AloneSeconds } from './alone.ts'
import { largestFirst, randomRequests } from './random-requests.ts'
import { benchArguments } from './usage.ts'

const ROUNDS = 2

const { positionals } = benchArguments(
  'bench/workers.ts [DATA] [NETWORKS] [EPOCHS[:SHARE]] [threads|processes]',
  {},
  [0, 4],
)
const [data = 'builtin', count = '8', spent = '2', kind = 'threads'] = positionals
const dataset = await loadDataset(data, { seed: 1 })
const requests = largestFirst(await randomRequests(dataset, Number(count), spent, 'workers'))

/** What a round took. */
interface Round {
  readonly wallSeconds: number
  /** Of the trials. */
  readonly cpuSeconds: number
  /** Of everything that ran meanwhile; of the trials where those are other processes. */
  readonly allSeconds: number
  /** Of the thread that hands out the trials. */
  readonly mainSeconds: number
  /** From when a worker first had nothing left to do to the end. */
  readonly idleSeconds: number
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
  const [before, main] = [processSeconds(), cpuSecondsNow()]
  const ends: number[] = []
  const results = await Promise.all(
    requests.map(async (request) => {
      const result = await pool.evaluate(request)
      ends.push(performance.now())
      return result
    }),
  )
  const wallSeconds = (performance.now() - started) / 1000
  const [inProcess, mainSeconds] = [processSeconds() - before, cpuSecondsNow() - main]
  await pool.dispose()
  const cpuSeconds = results.reduce((sum, result) => {
    if (!result.ok) throw new Error(result.message)
    return sum + result.cpuSeconds
  }, 0)
  const idleSeconds = (ends.at(-1)! - ends.at(-workers)!) / 1000
  return { wallSeconds, cpuSeconds, allSeconds: isolate ? cpuSeconds : inProcess, mainSeconds, idleSeconds }
}

/** Starts processes of the control, lets them go together, and takes the slowest. */
async function alone(processes: number, args: readonly string[]): Promise<AloneSeconds> {
  const child = fileURLToPath(new URL('./alone.ts', import.meta.url))
  const children = Array.from({ length: processes }, () => fork(child, args))
  const said = () => Promise.all(children.map(async (one) => (await once(one, 'message'))[0] as AloneSeconds))
  await said()
  const answers = said()
  for (const one of children) one.send('go')
  const seconds = await answers
  const slowest = (member: keyof AloneSeconds) => Math.max(...seconds.map((one) => one[member]))
  return { wallSeconds: slowest('wallSeconds'), cpuSeconds: slowest('cpuSeconds') }
}

type Runs<Run> = Record<1 | 2, Run[]>
const noRuns = <Run>(): Runs<Run> => ({ 1: [], 2: [] })
const least = <Run>(runs: Runs<Run>, workers: 1 | 2, figure: (run: Run) => number): number =>
  Math.min(...runs[workers].map(figure))

const rounds = noRuns<Round>()
const training = noRuns<AloneSeconds>()
const arithmetic = noRuns<AloneSeconds>()
for (let round = 0; round < ROUNDS; round++) {
  for (const workers of [1, 2] as const) {
    rounds[workers].push(await train(workers))
    training[workers].push(await alone(workers, ['training', data, count, spent]))
    arithmetic[workers].push(await alone(workers, ['arithmetic']))
  }
}

for (const workers of [1, 2] as const) {
  const wall = least(rounds, workers, (run) => run.wallSeconds)
  const cpu = least(rounds, workers, (run) => run.cpuSeconds)
  const main = least(rounds, workers, (run) => run.mainSeconds)
  console.log(
    `${workers} worker${workers === 1 ? '' : 's'}: ${((3600 * requests.length) / wall).toFixed(0)} trials per hour, ` +
      `${(cpu / requests.length).toFixed(2)} s of processor time per trial, ` +
      `${((1000 * main) / requests.length).toFixed(1)} ms of the main thread's`,
  )
}
/** Both processes do all the work, so two do twice as much. */
const ratioOf = (runs: Runs<AloneSeconds>, member: keyof AloneSeconds): number =>
  (2 * least(runs, 1, (run) => run[member])) / least(runs, 2, (run) => run[member])
const hours = least(rounds, 1, (run) => run.wallSeconds) / least(rounds, 2, (run) => run.wallSeconds)
const processor = (2 * least(rounds, 1, (run) => run.cpuSeconds)) / least(rounds, 2, (run) => run.allSeconds)
const ceiling = ratioOf(training, 'wallSeconds')
const idle = least(rounds, 2, (run) => run.idleSeconds / (2 * run.wallSeconds))
console.log(
  `two workers: ${hours.toFixed(2)} times the trials per hour; ${processor.toFixed(2)} times on two free cores; ` +
    `${(100 * idle).toFixed(1)} % of their time idle at the end`,
)
console.log(
  `two processes alone: ${ceiling.toFixed(2)} times one; ` +
    `${ratioOf(training, 'cpuSeconds').toFixed(2)} times by processor time; two workers have ` +
    `${((100 * hours) / ceiling).toFixed(0)} % of that`,
)
console.log(`arithmetic alone: ${ratioOf(arithmetic, 'wallSeconds').toFixed(2)} times`)
