import type { Database } from 'better-sqlite3'
import type { Measurement } from '../../evaluators/evaluator.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { shellWord } from '../../lib/shell-word.ts'
import type { LoopCommit, Rejection, SearchJournal, TrialRecord } from '../../search/journal.ts'
import { translated } from './errors.ts'
import { watchForMoves } from './moved.ts'
import { placeOf } from './quick-rows.ts'
import { measurementRow, parseRow, pendingRow, stateRow } from './rows.ts'

/**
 * The journal of one experiment. Every method is one transaction, durable when it returns; a write that finds no room
 * on the disk throws a UserError and changes nothing.
 */
export function sqliteJournal(
  database: Database,
  file: string,
  experiment: number,
  trials: () => readonly TrialRecord[],
): SearchJournal {
  const ask = database.prepare(`INSERT INTO pending (experiment, trial, arch_id, genome, rung, continues, inherits)
    VALUES (?, ?, ?, ?, ?, ?, ?)`)
  const unask = database.prepare('DELETE FROM pending WHERE experiment = ? AND trial = ?')
  const reject = database.prepare(
    'INSERT INTO rejections (experiment, before_trial, arch_id, genome, violations) VALUES (?, ?, ?, ?, ?)',
  )
  const finish = database.prepare(`INSERT INTO trials VALUES (
    @experiment, @trial, @archId, @genome, @macs, @params,
    @accuracy, @testAccuracy, @loss, @cpuSeconds, @wallSeconds, @code, @message, @rung, @continues, @inherits,
    @crossEntropy)`)
  const price = database.prepare(`INSERT INTO costs VALUES (
    @experiment, @trial, @device, @latencyMs, @energyMj, @peakRamBytes, @flashBytes, @violation, @objectives, @basis)`)
  const saveState = database.prepare(
    `INSERT INTO loop_state (experiment, algorithm_state) VALUES (?, ?)
     ON CONFLICT (experiment) DO UPDATE SET algorithm_state = excluded.algorithm_state`,
  )
  const setStatus = database.prepare('UPDATE experiments SET status = ? WHERE id = ?')
  const readState = database.prepare('SELECT algorithm_state FROM loop_state WHERE experiment = ?')
  const readPending = database.prepare('SELECT * FROM pending WHERE experiment = ? ORDER BY trial')
  const countTold = database.prepare<[number], number>('SELECT count(*) FROM trials WHERE experiment = ?').pluck()
  const mark = database.prepare('UPDATE pending SET training = ? WHERE experiment = ? AND trial = ?')
  const crash = database.prepare(
    'UPDATE pending SET crashes = crashes + 1, training = 0 WHERE experiment = ? AND training = 1',
  )
  const readRejected = database
    .prepare<[number], string>('SELECT arch_id FROM rejections WHERE experiment = ? ORDER BY id')
    .pluck()
  const readCache = database.prepare('SELECT * FROM measurements WHERE key = ?')
  const writeCache = database.prepare(`INSERT INTO measurements
    VALUES (@key, @accuracy, @testAccuracy, @loss, @cpuSeconds, @wallSeconds, @crossEntropy)
    ON CONFLICT (key) DO UPDATE SET test_accuracy = excluded.test_accuracy WHERE test_accuracy IS NULL`)

  const recordTrial = (record: TrialRecord): void => {
    const { trial, archId, rung, continues, inherits, macs, params, result } = record
    if (unask.run(experiment, trial).changes !== 1) throw new Error(`trial ${trial} was finished without being asked`)
    finish.run(
      finite({
        experiment,
        trial,
        archId,
        rung,
        continues: continues ?? null,
        inherits: inherits ?? null,
        macs,
        params,
        genome: canonicalJson(record.genome),
        ...(result.ok
          ? { ...measurementColumns(result), code: null, message: null }
          : { ...NO_MEASUREMENT, code: result.code, message: result.message }),
      }),
    )
    for (const { objectives, basis, ...costs } of record.costs) {
      price.run(
        finite({
          ...costs,
          experiment,
          trial,
          objectives: objectives === undefined ? null : canonicalJson(objectives),
          basis: canonicalJson(basis),
        }),
      )
    }
  }
  const recordRejection = ({ beforeTrial, archId, genome, violations }: Rejection): void => {
    reject.run(experiment, beforeTrial, archId, canonicalJson(genome), canonicalJson(violations))
  }
  const commit = database.transaction((turn: LoopCommit): void => {
    for (const { trial, archId, genome, rung, continues, inherits } of turn.asked) {
      ask.run(experiment, trial, archId, canonicalJson(genome), rung, continues ?? null, inherits ?? null)
    }
    if (turn.finished !== undefined) recordTrial(turn.finished)
    for (const rejection of turn.rejections) recordRejection(rejection)
    saveState.run(experiment, canonicalJson(turn.algorithmState))
    if (turn.status !== undefined) setStatus.run(turn.status, experiment)
  }).immediate

  const resume = `frugal resume ${experiment} --db ${shellWord(file)}`
  const guard = <T>(work: () => T): T => translated(file, work, resume)
  const checkFiles = watchForMoves(database, file, resume)
  return {
    commit: (turn) =>
      guard(() => {
        checkFiles()
        commit(turn)
      }),
    loopState: () =>
      guard(() => {
        const state = readState.get(experiment)
        if (state === undefined) return undefined
        return {
          algorithmState: parseRow(stateRow, state, file, `table loop_state, experiment ${experiment}`),
          pending: readPending
            .all(experiment)
            .map((row) => parseRow(pendingRow, row, file, `table pending, ${placeOf(experiment, row)}`)),
          told: countTold.get(experiment)!,
        }
      }),
    markTraining: (trial, training) =>
      guard(() => {
        const { changes } = mark.run(training ? 1 : 0, experiment, trial)
        if (training && changes !== 1) throw new Error(`trial ${trial} is trained without being asked`)
      }),
    countCrashes: () => guard(() => void crash.run(experiment)),
    trials,
    rejectedArchIds: () => guard(() => readRejected.all(experiment)),
    cachedMeasurement: (key) =>
      guard(() => {
        const row = readCache.get(key)
        return row === undefined ? undefined : parseRow(measurementRow, row, file, `table measurements, key '${key}'`)
      }),
    cacheMeasurement: (key, measurement) =>
      guard(() => void writeCache.run(finite({ key, ...measurementColumns(measurement) }))),
  }
}

const NO_MEASUREMENT = {
  accuracy: null,
  crossEntropy: null,
  testAccuracy: null,
  loss: null,
  cpuSeconds: null,
  wallSeconds: null,
}

const measurementColumns = ({ ok: _, crossEntropy, testAccuracy, ...columns }: Measurement) => ({
  ...columns,
  crossEntropy: crossEntropy ?? null,
  testAccuracy: testAccuracy ?? null,
})

/** NaN and infinities never reach the database. */
function finite<T extends Readonly<Record<string, unknown>>>(columns: T): T {
  for (const [name, value] of Object.entries(columns)) {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${name} is ${value}`)
  }
  return columns
}
