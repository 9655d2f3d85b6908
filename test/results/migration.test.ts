import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import Database from 'better-sqlite3'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { openConnection, openStore } from '../../results/sqlite/open.ts'
import { APPLICATION_ID, MIGRATIONS, type Migration } from '../../results/sqlite/schema.ts'
import { completed, experiment, failed, temporaryFolder } from './fixtures.ts'

const CURRENT = MIGRATIONS.length
const NEXT: readonly Migration[] = [
  ...MIGRATIONS,
  (database) => {
    database.exec("ALTER TABLE experiments ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")
    database.exec("UPDATE experiments SET note = 'upgraded ' || name")
  },
]

const pragma = (database: Database.Database, name: string) => database.pragma(name, { simple: true })

test('a writer gets write-ahead logging, full durability and foreign keys at every open', (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  for (let opening = 0; opening < 2; opening++) {
    const { database, close } = openConnection(file, { write: true })
    t.is(pragma(database, 'journal_mode'), 'wal')
    t.is(pragma(database, 'synchronous'), 2)
    t.is(pragma(database, 'foreign_keys'), 1)
    t.is(pragma(database, 'application_id'), APPLICATION_ID)
    t.is(pragma(database, 'user_version'), CURRENT)
    close()
  }
})

for (const write of [true, false]) {
  test(`opening an older database to ${write ? 'write' : 'read'} copies it, then upgrades it`, (t) => {
    const folder = temporaryFolder(t)
    const file = path.join(folder, 'frugal.db')
    const old = openStore(file, { write: true })
    old.createExperiment(experiment({ name: 'kept' }))
    old.close()

    const { database, close } = openConnection(file, { write }, NEXT)
    t.is(pragma(database, 'user_version'), CURRENT + 1)
    t.is(database.prepare('SELECT note FROM experiments').pluck().get(), 'upgraded kept')
    close()
    const backup = new Database(path.join(folder, `frugal.db.v${CURRENT}.backup`), { readonly: true })
    t.is(pragma(backup, 'user_version'), CURRENT)
    t.is(pragma(backup, 'application_id'), APPLICATION_ID)
    t.is(backup.prepare('SELECT name FROM experiments').pluck().get(), 'kept')
    backup.close()

    openConnection(file, { write }, NEXT).close()
    t.is(readdirSync(folder).filter((name) => name.includes('.backup')).length, 1, 'nothing left to upgrade')
    t.throws(() => openStore(file, { write }), {
      instanceOf: UserError,
      message: `the database '${file}' has version ${CURRENT + 1} but this Frugal knows versions up to ${CURRENT}: update frugal-nas, or choose another file with --db`,
    })
  })
}

test('a step that fails leaves the database as it was, and an earlier copy is not overwritten', (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'frugal.db')
  const old = openStore(file, { write: true })
  old.createExperiment(experiment({ name: 'kept' }))
  old.close()
  const broken: readonly Migration[] = [
    ...NEXT,
    () => {
      throw new Error('no such thing')
    },
  ]
  for (let attempt = 0; attempt < 2; attempt++) {
    t.throws(() => openConnection(file, { write: true }, broken), {
      instanceOf: OperationalError,
      message: `could not upgrade the database '${file}' from version ${CURRENT} to ${CURRENT + 2}, it is unchanged: no such thing`,
    })
  }
  t.true(existsSync(path.join(folder, `frugal.db.v${CURRENT}.backup-2`)))
  const store = openStore(file, { write: true })
  t.is(store.experiment().name, 'kept')
  store.close()
})

test('trials from before the test part was optional keep their figures and their costs', (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  openConnection(file, { write: true }, MIGRATIONS.slice(0, 4)).close()
  const raw = new Database(file)
  raw.pragma('foreign_keys = ON')
  raw.exec(`
    INSERT INTO experiments (name, status, budget, dataset_digest, devices, objectives, reference_points, settings, environment, rungs)
    VALUES ('old', 'done', 3, 'd', '["mcu","gpu"]', '["accuracy","latencyMs"]', '{"mcu":[0.9,100],"gpu":[0.9,100]}', '{}', '{}', 2);
    INSERT INTO measurements VALUES ('key', 0.75, 0.7, 0.5, 2, 3);
    INSERT INTO measurements VALUES ('other', 0.5, 0.5, 0.5, 2, 3);`)
  const trials = [completed(0), failed(1), completed(2, { rung: 1, continues: 0, inherits: 0 })]
  for (const { trial, result, rung, continues, inherits, costs, ...head } of trials) {
    const figures = result.ok
      ? [0.75, 0.7, 0.5, 2, 3, null, null]
      : [null, null, null, null, null, result.code, result.message]
    raw
      .prepare('INSERT INTO trials VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        trial,
        head.archId,
        JSON.stringify(head.genome),
        head.macs,
        head.params,
        ...figures,
        rung,
        continues ?? null,
        inherits ?? null,
      )
    for (const { device, latencyMs, energyMj, peakRamBytes, flashBytes, violation, objectives, basis } of costs) {
      raw
        .prepare('INSERT INTO costs VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          trial,
          device,
          latencyMs,
          energyMj,
          peakRamBytes,
          flashBytes,
          violation,
          objectives === undefined ? null : JSON.stringify(objectives),
          JSON.stringify(basis),
        )
    }
  }
  raw.close()

  const store = openStore(file, { write: true })
  t.deepEqual(store.trials(1), trials)
  t.deepEqual(store.journal(1).cachedMeasurement('key'), trials[0]!.result)
  store.close()
  const upgraded = new Database(file)
  t.deepEqual(upgraded.pragma('foreign_key_check'), [])
  upgraded.pragma('foreign_keys = ON')
  upgraded.exec('DELETE FROM experiments')
  t.is(upgraded.prepare('SELECT count(*) FROM costs').pluck().get(), 0, 'costs still go with their trials')
  upgraded.close()
})
