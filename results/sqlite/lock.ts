import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { UserError } from '../../lib/errors.ts'
import { storageError } from './errors.ts'

export interface WriterLock {
  release(): void
}

/** Longer than anybody takes to look whether the lock is held. */
const LOOK_MS = 200

/**
 * Makes this process the one writer of `file`: an exclusive transaction on the companion database `<file>.lock`, held
 * until released. The lock is the operating system's, so it ends with the process however that dies. The companion
 * stays behind, empty: removing it would let two processes lock two files of the same name.
 * @throws UserError when another search holds it.
 */
export function lockForWriting(file: string, shown: string): WriterLock {
  const lockFile = `${file}.lock`
  let connection: Database.Database | undefined
  try {
    connection = new Database(lockFile, { timeout: LOOK_MS })
    // The lock is all that is wanted: with its journal in memory the transaction writes nothing, even on a full disk.
    connection.pragma('journal_mode = MEMORY')
    connection.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    connection?.close()
    if (!(error instanceof Database.SqliteError)) throw error
    if (error.code.startsWith('SQLITE_BUSY')) {
      throw new UserError(
        `the database '${shown}' is locked by another search: wait until it ends, or choose another file with --db`,
      )
    }
    if (error.code === 'SQLITE_NOTADB') {
      throw new UserError(
        `'${shown}.lock' is not a lock file of Frugal: move it away, or choose another file with --db`,
      )
    }
    throw storageError(error, `${shown}.lock`)
  }
  const held = connection
  return { release: () => held.close() }
}

/** Whether a process, this one or another, holds the lock of `file`; false where that cannot be told. */
export function isLocked(file: string): boolean {
  if (!existsSync(`${file}.lock`)) return false
  let connection: Database.Database | undefined
  try {
    connection = new Database(`${file}.lock`, { readonly: true, timeout: 0 })
    connection.pragma('schema_version')
    return false
  } catch (error) {
    return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
  } finally {
    connection?.close()
  }
}
