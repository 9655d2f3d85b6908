import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { openConnection, openStore } from '../../results/sqlite/open.ts'
import { sqliteStore } from '../../results/sqlite/sqlite-store.ts'
import { asked, completed, experiment, temporaryFolder } from './fixtures.ts'

const BOTH = [true, false]

function refuses(t: ExecutionContext, file: string, message: string | RegExp, modes = BOTH): void {
  for (const write of modes) t.throws(() => openStore(file, { write }), { instanceOf: UserError, message })
}

/** A database with one experiment of a few trials, closed. */
function madeDatabase(t: ExecutionContext, trials = 3): string {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  const store = openStore(file, { write: true })
  const journal = store.journal(store.createExperiment(experiment()))
  for (let trial = 0; trial < trials; trial++) {
    journal.commit({ asked: [asked(trial)], rejections: [], algorithmState: { trial } })
    journal.commit({ finished: completed(trial), asked: [], rejections: [], algorithmState: { trial } })
  }
  store.close()
  return file
}

test('a missing file is made by a writer only', (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  const message = `there is no database '${file}': run 'frugal search --db ${file}' first, or give the right file with --db`
  refuses(t, file, message, [false])
  t.throws(() => openStore(file, { write: true, create: false }), { instanceOf: UserError, message })
  t.notThrows(() => openStore(file, { write: true }).close())
})

test('an empty file holds no experiments for a reader and is a new database for a writer', (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  writeFileSync(file, '')
  refuses(t, file, `the database '${file}' holds no experiments: run 'frugal search --db ${file}' first`, [false])
  const store = openStore(file, { write: true })
  t.deepEqual(store.summaries(), [])
  store.close()
})

test('a missing folder, a folder in place of the file, a file in place of the folder', (t) => {
  const folder = temporaryFolder(t)
  const deep = path.join(folder, 'no', 'frugal.db')
  refuses(
    t,
    deep,
    `the folder '${path.dirname(deep)}' of the database '${deep}' does not exist: create it, or choose another file with --db`,
  )
  mkdirSync(path.join(folder, 'dir.db'))
  refuses(t, path.join(folder, 'dir.db'), /is not a file: --db wants the file of a database/)
  writeFileSync(path.join(folder, 'file'), 'text')
  refuses(t, path.join(folder, 'file', 'frugal.db'), /does not exist: create it/)
})

test('a file that is not SQLite is refused and left alone', (t) => {
  for (const content of [
    'x',
    'y'.repeat(511),
    'y'.repeat(512),
    'y'.repeat(600),
    'name,value\n'.repeat(500),
    `SQLite format 3\0${'z'.repeat(5000)}`,
  ]) {
    const file = path.join(temporaryFolder(t), 'frugal.db')
    writeFileSync(file, content)
    refuses(t, file, `'${file}' is not an SQLite database: give another file with --db`)
    t.is(readFileSync(file, 'utf8'), content)
    t.throws(() => readFileSync(`${file}.lock`), { code: 'ENOENT' })
  }
})

test("another program's database is refused and left alone", (t) => {
  const folder = temporaryFolder(t)
  const withTables = path.join(folder, 'shop.db')
  const shop = new Database(withTables)
  shop.exec('CREATE TABLE orders (id INTEGER); CREATE TABLE trials (id INTEGER)')
  shop.close()
  const before = readFileSync(withTables)
  refuses(
    t,
    withTables,
    `'${withTables}' is an SQLite database of another program (it has the tables orders, trials): choose another file with --db`,
  )
  t.deepEqual(readFileSync(withTables), before)
  t.throws(() => readFileSync(`${withTables}.lock`), { code: 'ENOENT' })

  const withId = path.join(folder, 'map.db')
  const map = new Database(withId)
  map.pragma('application_id = 1196444487')
  map.close()
  refuses(t, withId, `'${withId}' is an SQLite database of another program: choose another file with --db`)
})

test('names that SQLite or the file system cannot take are told before a file is made', (t) => {
  const folder = temporaryFolder(t)
  const long = path.join(folder, 'n'.repeat(240))
  refuses(
    t,
    long,
    `the name of the database '${long}', or that of its folder, is too long by 8 bytes: choose a shorter one with --db`,
  )
  const deep = path.join(folder, ...Array.from({ length: 6 }, () => 'd'.repeat(90)), 'frugal.db')
  mkdirSync(path.dirname(deep), { recursive: true })
  refuses(t, deep, /or that of its folder, is too long by \d+ bytes: choose a shorter one with --db$/)
  t.deepEqual(readdirSync(path.dirname(deep)), [])
  t.notThrows(() => openStore(path.join(folder, 'n'.repeat(232)), { write: true }).close())
})

test('a version that no Frugal writes is damage', (t) => {
  const file = madeDatabase(t)
  const raw = new Database(file)
  raw.pragma('user_version = -3')
  raw.close()
  refuses(t, file, /is damaged \(its version is -3\): restore a backup/)
})

test('a database from a newer version is refused with both versions', (t) => {
  const file = madeDatabase(t)
  const raw = new Database(file)
  raw.pragma('user_version = 99')
  raw.close()
  refuses(t, file, /has version 99 but this Frugal knows versions up to \d+: update frugal-nas/)
})

test('a lock file that is something else is named', (t) => {
  const file = madeDatabase(t)
  writeFileSync(`${file}.lock`, 'my notes '.repeat(100))
  refuses(t, file, `'${file}.lock' is not a lock file of Frugal: move it away, or choose another file with --db`, [
    true,
  ])
})

test('a database that another program is writing to is waited for, then named', (t) => {
  const file = madeDatabase(t)
  const { database, close } = openConnection(file, { write: true })
  t.teardown(close)
  database.pragma('busy_timeout = 20')
  const store = sqliteStore(database, file, close)
  const other = new Database(file)
  other.exec('BEGIN IMMEDIATE')
  t.throws(() => store.setStatus(1, 'done'), {
    instanceOf: UserError,
    message: /is being written to by another program/,
  })
  other.close()
  t.notThrows(() => store.setStatus(1, 'done'))
})

test('a damaged row is named with its table', (t) => {
  const file = madeDatabase(t)
  const damage = (sql: string): void => {
    const raw = new Database(file)
    raw.exec(sql)
    raw.close()
  }
  const readAll = (): void => {
    const store = openStore(file, { write: false })
    try {
      store.journal(1).loopState()
      store.trials(1)
      store.front(1, 'mcu')
    } finally {
      store.close()
    }
  }
  t.notThrows(readAll)
  damage(`UPDATE trials SET genome = '[1, 2' WHERE trial = 1`)
  t.throws(readAll, {
    instanceOf: UserError,
    message: /is damaged \(table trials, experiment 1, trial 1: genome: not JSON\): restore a backup/,
  })
  damage(`UPDATE trials SET genome = '[1]' WHERE trial = 1; UPDATE costs SET objectives = '["a"]' WHERE trial = 2`)
  t.throws(readAll, { instanceOf: UserError, message: /table costs, experiment 1, trial 2: objectives\.0/ })
  damage(`UPDATE loop_state SET algorithm_state = ''`)
  t.throws(readAll, { instanceOf: UserError, message: /table loop_state, experiment 1: algorithm_state: not JSON/ })
  damage(`UPDATE experiments SET devices = '{}'`)
  t.throws(() => openStore(file, { write: false }).experiment(), {
    instanceOf: UserError,
    message: /table experiments, id 1: devices/,
  })
})

test('a table that lost a column is damage, not a fault of the program', (t) => {
  const file = madeDatabase(t)
  const database = new Database(file)
  database.exec('ALTER TABLE energy_uses RENAME COLUMN measured_joules TO measured')
  database.close()
  t.throws(() => openStore(file, { write: false }), {
    instanceOf: UserError,
    message: /is damaged \(.*measured_joules.*\): restore a backup/,
  })
})

test('a damaged file says so', (t) => {
  const truncated = madeDatabase(t, 200)
  truncateSync(truncated, 3 * 4096)
  const overwritten = madeDatabase(t, 200)
  const bytes = readFileSync(overwritten)
  bytes.fill(0xa5, 4096, bytes.length)
  writeFileSync(overwritten, bytes)
  for (const file of [truncated, overwritten]) {
    const work = () => {
      const store = openStore(file, { write: false })
      store.trials(1)
    }
    t.throws(work, {
      instanceOf: UserError,
      message:
        /^the database '.*' is damaged \(.*\): restore a backup, or save what can be read with sqlite3 .* \.recover$/,
    })
  }
})

test('a full disk stops a commit, loses nothing, and the search goes on once there is room', (t) => {
  const file = madeDatabase(t)
  const { database, close } = openConnection(file, { write: true })
  const store = sqliteStore(database, file, close)
  t.teardown(() => store.close())
  const journal = store.journal(1)
  const limit = (pages: number) => database.pragma(`max_page_count = ${pages}`)
  limit((database.pragma('page_count', { simple: true }) as number) + 2)
  const ballast = 'x'.repeat(3000)
  let told = journal.loopState()!.told
  const turn = () => {
    journal.commit({ asked: [asked(told)], rejections: [], algorithmState: { told, ballast } })
    journal.commit({
      finished: completed(told),
      asked: [],
      rejections: [],
      algorithmState: { told: told + 1, ballast },
    })
    told++
  }
  const message = `the disk that holds the database '${file}' is full; everything committed is safe: free some space, then continue with 'frugal resume 1 --db ${file}'`
  t.throws(
    () => {
      for (let i = 0; i < 1000; i++) turn()
    },
    { instanceOf: OperationalError, message },
  )
  t.throws(
    () =>
      journal.cacheMeasurement('k'.repeat(50_000), {
        ok: true,
        accuracy: 1,
        testAccuracy: 1,
        loss: 1,
        cpuSeconds: 1,
        wallSeconds: 1,
      }),
    { instanceOf: OperationalError, message },
  )
  t.throws(() => store.createExperiment(experiment({ name: 'n'.repeat(50_000) })), {
    instanceOf: OperationalError,
    message: /is full; .* continue with 'frugal search --db/,
  })
  t.is(journal.loopState()!.told, told)
  t.is(store.trials(1).length, told)
  limit(1_000_000)
  const { pending } = journal.loopState()!
  if (pending.length > 0) {
    journal.commit({ finished: completed(told), asked: [], rejections: [], algorithmState: {} })
    told++
  }
  turn()
  t.is(store.trials(1).length, told)
})
