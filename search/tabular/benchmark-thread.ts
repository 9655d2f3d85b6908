import { workerData } from 'node:worker_threads'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { loadAlgorithm } from '../discover.ts'
import { type TabularProblem, tabularEvaluation } from './problem.ts'
import { type Run, type RunSettings, runTabular } from './run.ts'
import type { Scale } from './score.ts'
import { runInStages } from './staged-run.ts'

export interface BenchmarkThreadData {
  readonly problem: TabularProblem
  /** Cost columns per device, which name the random streams. */
  readonly costNames: readonly (readonly string[])[]
  readonly scales: readonly Scale[]
  readonly settings: RunSettings
  readonly signals: {
    /** Not 0 once a search has failed: those that have not begun need not. */
    readonly stopped: Int32Array
    /** How many threads have loaded. */
    readonly loaded: Int32Array
  }
}

/** One search for some of the problem's devices. */
export interface BenchmarkTask {
  /** An id, or the path of a file. */
  readonly algorithm: string
  readonly seed: number
  /** In stages, up the ladder of the settings; otherwise every network is trained fully. */
  readonly staged: boolean
  readonly devices: readonly number[]
}

const { problem, costNames, scales, settings, signals } = workerData as BenchmarkThreadData
const whole = tabularEvaluation(problem)
Atomics.add(signals.loaded, 0, 1)

/** What a task came to. Errors lose their class between threads. */
export type Outcome = { readonly run: Run } | { readonly refused: string }

export default async (task: BenchmarkTask): Promise<Outcome> => {
  try {
    return { run: await searchTable(task) }
  } catch (error) {
    if (error instanceof UserError) return { refused: error.message }
    throw error
  }
}

async function searchTable({ algorithm, seed, staged, devices }: BenchmarkTask): Promise<Run> {
  if (Atomics.load(signals.stopped, 0) !== 0) throw new Error('another search has failed')
  const part = { ...problem, costs: devices.map((device) => problem.costs[device]!) }
  const random = randomStream(seed, 'tabular', ...devices.map((device) => costNames[device]!.join()))
  const evaluation = tabularEvaluation(part, whole)
  const definition = await loadAlgorithm(algorithm)
  const partScales = devices.map((device) => scales[device]!)
  if (!staged) return runTabular(part, evaluation, definition, partScales, random, settings)
  return runInStages(part, evaluation, definition, partScales, random, { ...settings, staged: settings.staged! })
}
