import Database from 'better-sqlite3'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { shellWord } from '../../lib/shell-word.ts'

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** SQLite's own results for a write that found no room; a shared-memory file that cannot grow is one of them. */
const DISK_FULL: readonly string[] = ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT']

/** Trouble with the file or the disk, as opposed to a mistake in a statement. */
export function isStorageTrouble(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code !== undefined && (DISK_FULL.includes(code) || /^SQLITE_(?!ERROR|CONSTRAINT|MISMATCH|MISUSE|RANGE)/.test(code))
  )
}

/**
 * What SQLite or the file system reported, as one sentence that names the file and says what to do. `resume` is the
 * command that continues the interrupted work. Errors of any other origin come back unchanged.
 */
export function storageError(error: unknown, file: string, resume = `frugal resume --db ${shellWord(file)}`): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  if (DISK_FULL.includes(code)) {
    return new OperationalError(
      `the disk that holds the database '${file}' is full; everything committed is safe: free some space, then continue with '${resume}'`,
    )
  }
  if (!(error instanceof Database.SqliteError)) return error
  if (code === 'SQLITE_NOTADB') return notADatabase(file)
  if (code.startsWith('SQLITE_CORRUPT')) return damaged(file, error.message)
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new UserError(
      `the database '${file}' is being written to by another program: wait until it is done, or choose another file with --db`,
    )
  }
  if (code.startsWith('SQLITE_READONLY')) return notWritable(file)
  if (code.startsWith('SQLITE_CANTOPEN') || code === 'SQLITE_PERM' || code === 'SQLITE_AUTH') {
    return new UserError(
      `cannot open the database '${file}' (${error.message}): check its permissions and its folder's`,
    )
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new OperationalError(`reading or writing the database '${file}' failed (${code}): check the disk`)
  }
  return error
}

export const notADatabase = (file: string): UserError =>
  new UserError(`'${file}' is not an SQLite database: give another file with --db`)

export const damaged = (file: string, detail: string): UserError =>
  new UserError(
    `the database '${file}' is damaged (${detail}): restore a backup, or save what can be read with sqlite3 ${shellWord(file)} .recover`,
  )

export const notWritable = (file: string): UserError =>
  new UserError(`the database '${file}' cannot be written to: change its permissions, or choose another file with --db`)

/** Runs `work`, turning what SQLite throws into a sentence for the user. */
export function translated<T>(file: string, work: () => T, resume?: string): T {
  try {
    return work()
  } catch (error) {
    throw storageError(error, file, resume)
  }
}
