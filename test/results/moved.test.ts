import { copyFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { OperationalError } from '../../lib/errors.ts'
import { openStore } from '../../results/sqlite/open.ts'
import { asked, completed, experiment, temporaryFolder } from './fixtures.ts'

const TRIALS = 3

/** A search that has told a few trials. */
function begun(t: ExecutionContext) {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  const store = openStore(file, { write: true })
  t.teardown(() => store.close())
  const journal = store.journal(store.createExperiment(experiment()))
  const turn = (trial: number): void => {
    const rejections: never[] = []
    journal.commit({ asked: [asked(trial)], rejections, algorithmState: { trial } })
    journal.commit({ finished: completed(trial), asked: [], rejections, algorithmState: { trial } })
  }
  for (let trial = 0; trial < TRIALS; trial++) turn(trial)
  return { file, store, turn }
}

const told = (file: string): number => {
  const store = openStore(file, { write: true })
  try {
    return store.trials(1).length
  } finally {
    store.close()
  }
}

test('a search does not go on into a database that was moved, replaced or removed, and nothing is lost', (t) => {
  for (const replaced of [true, false]) {
    const { file, store, turn } = begun(t)
    const elsewhere = `${file}.moved`
    renameSync(file, elsewhere)
    if (replaced) copyFileSync(elsewhere, file)
    t.throws(() => turn(TRIALS), {
      instanceOf: OperationalError,
      message: `the database '${file}' was moved, replaced or removed while the search was running: put it back, with '${file}-wal' beside it, then continue with 'frugal resume 1 --db ${file}'`,
    })
    store.close()
    rmSync(file, { force: true })
    renameSync(elsewhere, file)
    t.is(told(file), TRIALS)
  }
})

test('a search does not go on without its write-ahead log, and nothing is lost', (t) => {
  const { file, store, turn } = begun(t)
  rmSync(`${file}-wal`)
  t.throws(() => turn(TRIALS), {
    instanceOf: OperationalError,
    message: `'${file}-wal', which belongs to the database, was moved, replaced or removed while the search was running; everything committed is safe: continue with 'frugal resume 1 --db ${file}'`,
  })
  store.close()
  t.is(told(file), TRIALS)
})
