/**
 * A process with nothing but trainings, or nothing but arithmetic: the control of bench/workers.ts, which starts it.
 * Arguments `arithmetic`, or `training DATA NETWORKS EPOCHS[:SHARE]`. Says when it is ready, waits for a word, works, and
 * answers with the seconds that it took.
 */
import { once } from 'node:events'
import { loadDataset } from '../evaluators/datasets/load.ts'
import { cpuSecondsNow } from '../evaluators/proxy/cpu-time.ts'
import { evaluateCandidate } from '../evaluators/proxy/evaluate-candidate.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { largestFirst, randomRequests } from './random-requests.ts'
import { benchArguments } from './usage.ts'

/** What a process alone took. */
export interface AloneSeconds {
  readonly wallSeconds: number
  readonly cpuSeconds: number
}

const ROUNDS = 4e8

/**
 * Multiplies and adds in registers, four chains that do not wait for each other, so that the core is busy: whatever two of
 * these take from each other is no memory, but the core itself, or its clock.
 */
async function arithmetic(): Promise<void> {
  let [a, b, c, d] = [1, 2, 3, 4]
  for (let i = 0; i < ROUNDS; i++) {
    a = a * 0.999 + 0.001
    b = b * 0.998 + 0.002
    c = c * 0.997 + 0.003
    d = d * 0.996 + 0.004
  }
  if (!Number.isFinite(a + b + c + d)) throw new Error('the arithmetic is wrong')
}

/** Loads the data and runs through one short training, so that code is there; @returns all of them, one after another. */
async function trainings(data: string, count: number, spent: string): Promise<() => Promise<void>> {
  const dataset = await loadDataset(data, { seed: 1 })
  const requests = largestFirst(await randomRequests(dataset, count, spent, 'workers'))
  const train = async (request: (typeof requests)[number]): Promise<void> => {
    const result = await evaluateCandidate(request, dataset, onnxEngine)
    if (!result.ok) throw new Error(result.message)
  }
  await train({ ...requests[0]!, fidelity: { epochs: 1, dataFraction: 0.05 } })
  return async () => {
    for (const request of requests) await train(request)
  }
}

const { positionals } = benchArguments(
  'bench/alone.ts arithmetic|training [DATA] [NETWORKS] [EPOCHS[:SHARE]]',
  {},
  [1, 4],
)
const [kind, data = 'builtin', count = '8', spent = '2'] = positionals
const work = kind === 'arithmetic' ? arithmetic : await trainings(data, Number(count), spent)
process.send!('ready')
await once(process, 'message')
const [wall, cpu] = [performance.now(), cpuSecondsNow()]
await work()
const seconds: AloneSeconds = {
  wallSeconds: (performance.now() - wall) / 1000,
  cpuSeconds: cpuSecondsNow() - cpu,
}
process.send!(seconds)
process.disconnect()
