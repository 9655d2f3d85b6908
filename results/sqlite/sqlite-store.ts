import type { Database } from 'better-sqlite3'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { shellWord } from '../../lib/shell-word.ts'
import { frontOf } from '../front.ts'
import { searchEnergy } from '../search-energy.ts'
import type { Experiment, Store } from '../store.ts'
import { energyTables } from './energy.ts'
import { translated } from './errors.ts'
import { sqliteJournal } from './journal.ts'
import { type Row, readCandidate } from './quick-rows.ts'
import { trialReader } from './read-trials.ts'
import { experimentRow, parseRow, rejectionRow, summaryRow } from './rows.ts'

const SUMMARIES = `
SELECT e.id, e.name, e.status, e.created_at, e.budget, e.devices,
  (SELECT count(*) FROM trials t WHERE t.experiment = e.id AND t.failure_code IS NULL) AS completed,
  (SELECT count(*) FROM trials t WHERE t.experiment = e.id AND t.failure_code IS NOT NULL) AS failed,
  (SELECT count(*) FROM rejections r WHERE r.experiment = e.id) AS rejected,
  (SELECT max(t.accuracy) FROM trials t WHERE t.experiment = e.id AND t.rung = e.rungs - 1) AS best_accuracy
FROM experiments e ORDER BY e.id`

const CANDIDATES = `
SELECT t.trial, t.arch_id, t.macs, t.params, t.accuracy, t.test_accuracy,
  c.latency_ms, c.energy_mj, c.peak_ram_bytes, c.flash_bytes, c.objectives
FROM costs c JOIN trials t USING (experiment, trial) JOIN experiments e ON e.id = c.experiment
WHERE c.experiment = ? AND c.device = ? AND t.rung = e.rungs - 1 AND c.violation = 0 AND c.objectives IS NOT NULL AND t.accuracy IS NOT NULL
ORDER BY t.trial`

/**
 * A store on an open connection to a database of the current version; `file` is its name in messages. Closing the
 * store runs `close`.
 */
export function sqliteStore(database: Database, file: string, close: () => void): Store {
  const insert = database.prepare(`INSERT INTO experiments
    (name, status, budget, rungs, dataset_digest, devices, objectives, reference_points, settings, environment)
    VALUES (?, 'running', ?, ?, ?, ?, ?, ?, ?, ?)`)
  const readExperiment = database.prepare('SELECT * FROM experiments WHERE id = ?')
  const latest = database.prepare('SELECT * FROM experiments ORDER BY id DESC LIMIT 1')
  const known = database.prepare<[], { id: number; name: string }>('SELECT id, name FROM experiments ORDER BY id')
  const readSummaries = database.prepare(SUMMARIES)
  const updateStatus = database.prepare('UPDATE experiments SET status = ? WHERE id = ?')
  const remove = database.prepare('DELETE FROM experiments WHERE id = ?')
  const countRejected = database
    .prepare<[number], number>('SELECT count(*) FROM rejections WHERE experiment = ?')
    .pluck()
  const readRejections = database.prepare('SELECT * FROM rejections WHERE experiment = ? ORDER BY id')
  const readCandidates = database.prepare<[number, string], Row>(CANDIDATES)
  const energy = energyTables(database, file)

  const guard = <T>(work: () => T): T => translated(file, work)
  /** Several reads of one state of the database, whatever a writer does meanwhile. */
  const snapshot = <T>(work: () => T): T => guard(() => database.transaction(work)())

  const experiment = (id?: number): Experiment => {
    const row = id === undefined ? latest.get() : readExperiment.get(id)
    if (row === undefined) throw noSuchExperiment(file, id, known.all())
    return parseRow(experimentRow, row, file, `table experiments, id ${String((row as { id?: unknown }).id)}`)
  }

  const trialsOf = trialReader(database, file)
  const trials = (id: number, device?: string) => snapshot(() => [...trialsOf.all(id, device)])

  return {
    createExperiment: (wanted) => {
      const create = () => {
        const { lastInsertRowid } = insert.run(
          wanted.name,
          wanted.budget,
          wanted.rungs,
          wanted.datasetDigest,
          canonicalJson(wanted.devices),
          canonicalJson(wanted.objectives),
          canonicalJson(wanted.references),
          canonicalJson(wanted.settings),
          canonicalJson(wanted.environment),
        )
        return Number(lastInsertRowid)
      }
      return translated(file, create, `frugal search --db ${shellWord(file)}`)
    },
    experiment: (id) => snapshot(() => experiment(id)),
    summaries: () =>
      guard(() => readSummaries.all().map((row) => parseRow(summaryRow, row, file, 'table experiments'))),
    deleteExperiment: (id) =>
      guard(() => {
        if (remove.run(id).changes === 0) throw noSuchExperiment(file, id, known.all())
      }),
    setStatus: (id, status) => guard(() => void updateStatus.run(status, id)),
    journal: (id) => sqliteJournal(database, file, id, () => trials(id)),
    trials,
    visitTrials: (id, device, visit) =>
      snapshot(() => {
        for (const trial of trialsOf.all(id, device)) if (!visit(trial)) return
      }),
    outcomes: (id) => snapshot(() => [...trialsOf.outcomes(id)]),
    trial: (id, number) => snapshot(() => trialsOf.one(id, number)),
    rejected: (id) => guard(() => countRejected.get(id)!),
    rejections: (id) =>
      guard(() =>
        readRejections.all(id).map((row) => {
          const place = `table rejections, id ${String((row as { id?: unknown }).id)}`
          return parseRow(rejectionRow, row, file, place)
        }),
      ),
    setEnergyPlan: (id, plan) => guard(() => energy.setPlan(id, plan)),
    recordEnergy: (id, use) => guard(() => energy.addUse(id, use)),
    energy: (id) => snapshot(() => searchEnergy(energy.plan(id), energy.uses(id), trialsOf.spent(id))),
    front: (id, device) =>
      snapshot(() => {
        const searched = experiment(id)
        if (!searched.devices.includes(device)) {
          throw new UserError(`experiment ${id}: ${unknownName('device', device, searched.devices)}`)
        }
        const candidates = Array.from(readCandidates.iterate(id, device), (row) => readCandidate(row, file, id))
        return frontOf(searched, device, candidates)
      }),
    close,
  }
}

const SHOWN_EXPERIMENTS = 10

function noSuchExperiment(
  file: string,
  id: number | undefined,
  known: readonly { readonly id: number; readonly name: string }[],
): UserError {
  if (known.length === 0) {
    return new UserError(
      `the database '${file}' holds no experiments: run 'frugal search --db ${shellWord(file)}' first; of a search that is running, copy the file that ends in -wal, too`,
    )
  }
  const listed = known.slice(-SHOWN_EXPERIMENTS).map((one) => `${one.id} (${one.name})`)
  const earlier = known.length > listed.length ? `${known.length - listed.length} earlier ones and ` : ''
  return new UserError(`no experiment ${id} in the database '${file}': it holds ${earlier}${listed.join(', ')}`)
}
