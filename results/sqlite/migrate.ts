import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import { messageOf, OperationalError } from '../../lib/errors.ts'
import { isStorageTrouble } from './errors.ts'
import { APPLICATION_ID, type Migration } from './schema.ts'

export const versionOf = (database: Database): number => database.pragma('user_version', { simple: true }) as number

/**
 * Brings a database to version `migrations.length` in one transaction. A database that holds data is copied first to
 * `<file>.v<old version>.backup`.
 * @returns the name of that copy, undefined when there was nothing to copy or nothing to do.
 * @throws OperationalError when a step fails: the database is then what it was.
 */
export function migrate(database: Database, file: string, migrations: readonly Migration[]): string | undefined {
  const from = versionOf(database)
  if (from >= migrations.length) return undefined
  const backup = from === 0 ? undefined : backUp(database, file, from)
  try {
    database
      .transaction(() => {
        for (const step of migrations.slice(from)) step(database)
        database.pragma(`application_id = ${APPLICATION_ID}`)
        database.pragma(`user_version = ${migrations.length}`)
      })
      .immediate()
  } catch (error) {
    if (isStorageTrouble(error)) throw error
    throw new OperationalError(
      `could not upgrade the database '${file}' from version ${from} to ${migrations.length}, it is unchanged: ${messageOf(error)}`,
    )
  }
  return backup
}

/** A copy that is whole once it has its name: written beside it, synced, renamed. */
function backUp(database: Database, file: string, version: number): string {
  const target = freeName(`${file}.v${version}.backup`)
  const temporary = `${target}.tmp`
  rmSync(temporary, { force: true })
  database.prepare('VACUUM INTO ?').run(temporary)
  const handle = openSync(temporary, 'r+')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, target)
  return target
}

function freeName(wanted: string): string {
  let name = wanted
  for (let i = 2; existsSync(name); i++) name = `${wanted}-${i}`
  return name
}
