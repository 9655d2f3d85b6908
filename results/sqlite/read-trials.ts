import type { Database } from 'better-sqlite3'
import type { TrialRecord } from '../../search/journal.ts'
import type { SpentTrial, TrialOutcome } from '../search-energy.ts'
import { type Row, readCosts, readTrial } from './quick-rows.ts'

/** Costs of one device, or of all where the device is null; those of a trial lie together, and `rowid` tells their order. */
const COSTS = `SELECT *, rowid AS place FROM costs
WHERE experiment = @experiment AND (@device IS NULL OR device = @device) ORDER BY trial`

/** Reads trials one by one in their order: a large experiment is never in memory twice. */
export function trialReader(database: Database, file: string) {
  const trials = database.prepare<[number], Row>('SELECT * FROM trials WHERE experiment = ? ORDER BY trial')
  const trial = database.prepare<[number, number], Row>('SELECT * FROM trials WHERE experiment = ? AND trial = ?')
  const allCosts = database.prepare<[{ experiment: number; device: string | null }], Row>(COSTS)
  const costs = database.prepare<[number, number], Row>(
    'SELECT * FROM costs WHERE experiment = ? AND trial = ? ORDER BY rowid',
  )
  const spent = database.prepare<[number], SpentTrial>(
    `SELECT trial, arch_id AS archId, rung, ifnull(cpu_seconds, 0) AS cpuSeconds FROM trials
     WHERE experiment = ? ORDER BY trial`,
  )

  /** The trials of an experiment with their costs on all devices or on one. */
  function* all(experiment: number, device?: string): Generator<TrialRecord> {
    const priced = allCosts.iterate({ experiment, device: device ?? null })
    try {
      let next = priced.next()
      for (const row of trials.iterate(experiment)) {
        const outcome = readTrial(row, file, experiment)
        const own: Row[] = []
        for (; !next.done && (next.value['trial'] as number) <= outcome.trial; next = priced.next())
          own.push(next.value)
        own.sort((a, b) => (a['place'] as number) - (b['place'] as number))
        yield { ...outcome, costs: own.map((cost) => readCosts(cost, file, experiment)) }
      }
    } finally {
      // A statement that is not at its end would keep the database from being closed.
      priced.return?.()
    }
  }

  return {
    all,
    *outcomes(experiment: number): Generator<TrialOutcome> {
      for (const row of trials.iterate(experiment)) yield readTrial(row, file, experiment)
    },
    one(experiment: number, number: number): TrialRecord | undefined {
      const row = trial.get(experiment, number)
      if (row === undefined) return undefined
      const own = costs.all(experiment, number).map((cost) => readCosts(cost, file, experiment))
      return { ...readTrial(row, file, experiment), costs: own }
    },
    /** What each trial took, for sums. */
    spent: (experiment: number): readonly SpentTrial[] => spent.all(experiment),
  }
}
