import Database from 'better-sqlite3'
import { UserError } from '../../lib/errors.ts'
import { shellWord } from '../../lib/shell-word.ts'
import type { Store } from '../store.ts'
import { checkFile } from './check-file.ts'
import { damaged, storageError } from './errors.ts'
import { identify } from './identify.ts'
import { isLocked, lockForWriting, type WriterLock } from './lock.ts'
import { migrate } from './migrate.ts'
import { openImage } from './open-image.ts'
import { MIGRATIONS, type Migration } from './schema.ts'
import { sqliteStore } from './sqlite-store.ts'

export interface OpenOptions {
  /** A writer holds the database's lock until it is closed; there is one at a time. Readers are never in its way. */
  readonly write: boolean
  /** Whether a missing file is made; a writer makes it unless told not to, as a search that is resumed does. */
  readonly create?: boolean
}

export interface Connection {
  readonly database: Database.Database
  close(): void
}

/** How long a statement waits for another program that holds the database. */
const BUSY_TIMEOUT_MS = 5000

/**
 * Opens the results in `file`, making or upgrading the database where needed (an older one is copied first).
 * @throws UserError when the file is missing, not ours, from a newer version, damaged, not writable, or locked by
 * another search.
 */
export function openStore(file: string, options: OpenOptions): Store {
  const { database, close } = openConnection(file, options)
  try {
    return sqliteStore(database, file, close)
  } catch (error) {
    close()
    // Every statement is prepared here, against the schema of this version: what does not fit it was not written by Frugal.
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') throw damaged(file, error.message)
    throw storageError(error, file)
  }
}

/** Whether a search is at work on the database in `file` at this moment. @throws UserError when there is no such file. */
export const searchAtWork = (file: string): boolean => isLocked(checkFile(file, { write: false, create: false }).file)

/** A connection to a database of the newest version of `migrations`. Throws as `openStore` does. */
export function openConnection(
  shown: string,
  { write, create = write }: OpenOptions,
  migrations: readonly Migration[] = MIGRATIONS,
): Connection {
  const { file, exists } = checkFile(shown, { write, create })
  try {
    const version = exists ? inspect(file, shown, write, migrations.length) : 0
    if (write) return openWriter(file, shown, migrations)
    if (version === 0) {
      throw new UserError(
        `the database '${shown}' holds no experiments: run 'frugal search --db ${shellWord(shown)}' first`,
      )
    }
    if (version < migrations.length) {
      checkFile(shown, { write: true, create: false })
      openWriter(file, shown, migrations).close()
    }
    const database = openReader(file)
    return { database, close: () => database.close() }
  } catch (error) {
    throw storageError(error, shown, exists ? undefined : `frugal search --db ${shellWord(shown)}`)
  }
}

/** The version of an existing database, found before anything is written next to it. */
function inspect(file: string, shown: string, write: boolean, newest: number): number {
  const database = write ? new Database(file, { timeout: BUSY_TIMEOUT_MS }) : openReader(file)
  try {
    return identify(database, shown, newest)
  } finally {
    database.close()
  }
}

function openReader(file: string): Database.Database {
  const database = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS })
  try {
    database.pragma('schema_version')
    return database
  } catch (error) {
    database.close()
    const image = openImage(file)
    if (image === undefined) throw error
    return image
  }
}

function openWriter(file: string, shown: string, migrations: readonly Migration[]): Connection {
  const lock: WriterLock = lockForWriting(file, shown)
  let database: Database.Database | undefined
  try {
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS })
    identify(database, shown, migrations.length)
    database.pragma('journal_mode = WAL')
    // SQLite forgets this at every close, and without it the last commits could be lost to a power cut.
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    migrate(database, shown, migrations)
  } catch (error) {
    database?.close()
    lock.release()
    throw error
  }
  const opened = database
  return {
    database: opened,
    close: () => {
      opened.close()
      lock.release()
    },
  }
}
