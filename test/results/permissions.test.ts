import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openStore } from '../../results/sqlite/open.ts'
import { experiment, temporaryFolder } from './fixtures.ts'

const SCRIPT = path.join(import.meta.dirname, 'open-once.ts')
const NOBODY = 65534
const isRoot = process.getuid?.() === 0

/** Opens a database as a user whom permissions bind: root steps down to nobody. */
const openAs = (...args: readonly string[]) =>
  spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8', ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}) })

// Needs permissions as POSIX has them, and a checkout that nobody may read.
const run = process.platform !== 'win32' && openAs().status === 0 ? test : test.skip

function database(t: ExecutionContext): { folder: string; file: string } {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'frugal.db')
  const store = openStore(file, { write: true })
  store.createExperiment(experiment())
  store.close()
  if (isRoot) for (const target of [folder, file, `${file}.lock`]) chownSync(target, NOBODY, NOBODY)
  t.teardown(() => chmodSync(folder, 0o700))
  return { folder, file }
}

run('a database in a folder that cannot be written to is read all the same, and a writer is refused', (t) => {
  const { folder, file } = database(t)
  chmodSync(folder, 0o500)
  t.is(openAs(file, 'read').stdout, '1\n')
  t.is(
    openAs(file, 'write').stdout,
    `the folder '${folder}' cannot be written to, which a search needs: choose another file with --db\n`,
  )
})

run('a file without the permission to write or to read', (t) => {
  const { file } = database(t)
  chmodSync(file, 0o400)
  t.is(
    openAs(file, 'write').stdout,
    `the database '${file}' cannot be written to: change its permissions, or choose another file with --db\n`,
  )
  t.is(openAs(file, 'read').stdout, '1\n')
  chmodSync(file, 0o000)
  t.is(
    openAs(file, 'read').stdout,
    `the database '${file}' cannot be read: change its permissions, or choose another file with --db\n`,
  )
})
