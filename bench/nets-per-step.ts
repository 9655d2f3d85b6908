/**
 * What it brings to make steps of several networks in one call of the runtime:
 * `node bench/nets-per-step.ts [PROVIDER] [NETS,NETS,…] [NETWORKS] [EPOCHS:SHARE]`.
 * Trains the same small networks of the built-in data on one thread, so many at a time, and prints trials per hour and
 * processor time per trial; checks that on the processor each gets the same figures. Sets of networks are trained twice and the
 * shorter time counts.
 */
import { loadDataset } from '../evaluators/datasets/load.ts'
import type { Measurement } from '../evaluators/evaluator.ts'
import { createPool } from '../evaluators/pool/pool.ts'
import { loadEngine } from '../evaluators/training/engines.ts'
import { parseProvider } from '../evaluators/training/onnx/providers.ts'
import { randomRequests } from './random-requests.ts'
import { benchArguments } from './usage.ts'

const ROUNDS = 2

const { positionals } = benchArguments(
  'bench/nets-per-step.ts [PROVIDER] [NETS,NETS] [NETWORKS] [EPOCHS:SHARE]',
  {},
  [0, 4],
)
const [provider = 'cpu', nets = '1,2,4', count = '8', spent = '1:0.5'] = positionals
const engine = parseProvider(provider) === 'cpu' ? 'onnxruntime' : `onnxruntime:${provider}`
const { version: engineVersion } = await loadEngine(engine)
const dataset = await loadDataset('builtin', { seed: 1 })
const requests = await randomRequests(dataset, Number(count), spent, 'nets-per-step')

async function train(netsPerStep: number) {
  const pool = createPool({ dataset, engine, engineVersion, workers: 1, netsPerStep, timeoutSeconds: 3600 })
  // The thread loads its code before the clock starts.
  await pool.evaluate({ ...requests[0]!, fidelity: { epochs: 1, dataFraction: 0.05 } })
  const started = performance.now()
  const results: Measurement[] = []
  for (let first = 0; first < requests.length; first += netsPerStep) {
    const some = requests.slice(first, first + netsPerStep)
    for (const result of await Promise.all(some.map((request) => pool.evaluate(request)))) {
      if (!result.ok) throw new Error(result.message)
      results.push(result)
    }
  }
  const wallSeconds = (performance.now() - started) / 1000
  await pool.dispose()
  return { wallSeconds, results }
}

let alone: readonly number[] | undefined
for (const netsPerStep of nets.split(',').map(Number)) {
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await train(netsPerStep))
  const wall = Math.min(...rounds.map(({ wallSeconds }) => wallSeconds))
  const cpu = Math.min(...rounds.map(({ results }) => results.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)))
  const losses = rounds[0]!.results.map(({ loss }) => loss)
  alone ??= losses
  console.log(
    `${netsPerStep} per step: ${((3600 * requests.length) / wall).toFixed(0)} trials per hour, ` +
      `${(cpu / requests.length).toFixed(2)} s of processor time per trial, ` +
      `${losses.every((loss, i) => loss === alone![i]) ? 'the same losses' : 'OTHER LOSSES'}`,
  )
}
