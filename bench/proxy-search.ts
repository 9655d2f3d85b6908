/**
 * How many trainings `frugal` needs to reach the hypervolume that NSGA-II reaches with all of its: real proxy trainings,
 * the same data, space, device and fidelity, several seeds. Searches are kept in a database, so that the benchmark goes
 * on where it was stopped.
 *
 *   npx node bench/proxy-search.ts --data ./mnist [--seeds 5] [--trials 200] [--frugal-trials 100] [--epochs 1]
 *     [--device stm32f446-tflm-cmsisnn] [--space mobilenet] [--db proxy-search.db] [--workers 1]
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { hypervolumeCurve } from '../results/compare/curve.ts'
import { type Run, runOf } from '../results/compare/runs.ts'
import { openStore } from '../results/sqlite/open.ts'
import type { Experiment } from '../results/store.ts'
import { benchArguments } from './usage.ts'

const { values: flags } = benchArguments(
  'bench/proxy-search.ts --data DATA [--seeds 5] [--trials 200] [--frugal-trials 100] [--epochs 1] ' +
    '[--device ID] [--space mobilenet] [--db proxy-search.db] [--workers 1]',
  {
    data: { type: 'string', default: 'builtin' },
    seeds: { type: 'string', default: '5' },
    trials: { type: 'string', default: '200' },
    'frugal-trials': { type: 'string', default: '100' },
    epochs: { type: 'string', default: '1' },
    device: { type: 'string', default: 'stm32f446-tflm-cmsisnn' },
    space: { type: 'string', default: 'mobilenet' },
    db: { type: 'string', default: 'proxy-search.db' },
    workers: { type: 'string', default: '1' },
  },
)
const FRUGAL = path.resolve(import.meta.dirname, '../cli/frugal.js')
const { db, device } = flags

function frugal(...args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [FRUGAL, ...args, '--db', db, '--workers', flags.workers], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) throw new Error(`frugal ${args.join(' ')} ended with ${status}`)
}

/** Experiments of the database by name. */
function known(): ReadonlyMap<string, Pick<Experiment, 'id' | 'status'>> {
  if (!existsSync(db)) return new Map()
  const store = openStore(db, { write: false })
  try {
    return new Map(store.summaries().map(({ id, name, status }) => [name, { id, status }]))
  } finally {
    store.close()
  }
}

function searched(algorithm: string, seed: number, trials: string): { experiment: Experiment; run: Run } {
  const name = `${algorithm}-${seed}`
  const before = known().get(name)
  if (before === undefined) {
    const task = ['--data', flags.data, '--space', flags.space, '--device', device, '--epochs', flags.epochs]
    frugal('search', ...task, '--algorithm', algorithm, '--seed', String(seed), '--trials', trials, '--name', name)
  } else if (before.status !== 'done') frugal('resume', String(before.id))
  const store = openStore(db, { write: false })
  try {
    const experiment = store.experiment(known().get(name)!.id)
    return { experiment, run: runOf(experiment, store.trials(experiment.id), device, 'trials') }
  } finally {
    store.close()
  }
}

const needed: number[] = []
for (let seed = 1; seed <= Number(flags.seeds); seed++) {
  const nsga2 = searched('nsga2', seed, flags.trials)
  const own = searched('frugal', seed, flags['frugal-trials'])
  const reference = nsga2.experiment.references[device]!.map((value, i) =>
    Math.max(value, own.experiment.references[device]![i]!),
  )
  const curveOf = ({ trials }: Run) =>
    hypervolumeCurve(
      [{ experiment: 0, trials }],
      trials.map((_, i) => i + 1),
      reference,
    )
  const goal = curveOf(nsga2.run).at(-1)!.mean
  const curve = curveOf(own.run)
  const reached = curve.find(({ mean }) => mean >= goal)?.spent ?? Number.POSITIVE_INFINITY
  needed.push(reached)
  const shown = Number.isFinite(reached) ? `${reached} trainings` : `more than ${curve.length} trainings`
  const last = curve.at(-1)!.mean.toFixed(4)
  console.log(
    `seed ${seed}: nsga2 ${goal.toFixed(4)} after ${flags.trials}; frugal needs ${shown} (${last} at the end)`,
  )
}
const median = needed.toSorted((a, b) => a - b)[Math.floor((needed.length - 1) / 2)]!
console.log(`median of ${needed.length} seeds: ${Number.isFinite(median) ? median : `over ${flags['frugal-trials']}`}`)
