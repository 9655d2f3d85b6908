import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import path from 'node:path'
import { UserError } from '../../lib/errors.ts'
import { shellWord } from '../../lib/shell-word.ts'
import { notADatabase, notWritable } from './errors.ts'

export interface CheckedFile {
  /** The absolute path behind symbolic links, so that one database has one lock. */
  readonly file: string
  readonly exists: boolean
}

/** One page of the smallest size. */
const SMALLEST_DATABASE_BYTES = 512

/** The longest ending of a file beside the database: that of the journal of a copy. */
const LONGEST_ENDING = '.v99.backup.tmp-journal'
/** SQLite takes no longer paths, but on Windows. */
const LONGEST_PATH_BYTES = process.platform === 'win32' ? Number.POSITIVE_INFINITY : 512
/** Nor do file systems longer names. */
const LONGEST_NAME_BYTES = 255

const OTHER = 'choose another file with --db'

/**
 * Looks at the path of a database before SQLite does, whose own messages do not name what is wrong.
 * @throws UserError when the folder or the wanted file is missing, is of the wrong kind, or may not be used so.
 */
export function checkFile(shown: string, use: { readonly write: boolean; readonly create: boolean }): CheckedFile {
  const folder = path.dirname(path.resolve(shown))
  if (!isFolder(folder)) {
    throw new UserError(
      `the folder '${path.dirname(shown)}' of the database '${shown}' does not exist: create it, or ${OTHER}`,
    )
  }
  const file = path.resolve(shown)
  checkLength(shown, file)
  const exists = statSync(file, { throwIfNoEntry: false }) !== undefined
  if (!exists && !use.create) {
    throw new UserError(
      `there is no database '${shown}': run 'frugal search --db ${shellWord(shown)}' first, or give the right file with --db`,
    )
  }
  if (exists && !statSync(file).isFile()) {
    throw new UserError(`'${shown}' is not a file: --db wants the file of a database, such as frugal.db`)
  }
  const bytes = exists ? statSync(file).size : 0
  // SQLite takes a file this small for an empty database, and would write over it.
  if (bytes > 0 && bytes < SMALLEST_DATABASE_BYTES) throw notADatabase(shown)
  if (exists && !permits(file, constants.R_OK)) {
    throw new UserError(`the database '${shown}' cannot be read: change its permissions, or ${OTHER}`)
  }
  if (use.write && exists && !permits(file, constants.W_OK)) throw notWritable(shown)
  if (use.write && !permits(folder, constants.W_OK)) {
    throw new UserError(`the folder '${path.dirname(shown)}' cannot be written to, which a search needs: ${OTHER}`)
  }
  return { file: exists ? realpathSync(file) : path.join(realpathSync(folder), path.basename(file)), exists }
}

function checkLength(shown: string, file: string): void {
  const bytesOf = (text: string): number => Buffer.byteLength(text) + LONGEST_ENDING.length
  const over = Math.max(bytesOf(path.basename(file)) - LONGEST_NAME_BYTES, bytesOf(file) - LONGEST_PATH_BYTES)
  if (over <= 0) return
  throw new UserError(
    `the name of the database '${shown}', or that of its folder, is too long by ${over} ${over === 1 ? 'byte' : 'bytes'}: choose a shorter one with --db`,
  )
}

/** Whether this process may use a file or folder so; false on a read-only file system, too. */
export function permits(target: string, mode: number): boolean {
  try {
    accessSync(target, mode)
    return true
  } catch {
    return false
  }
}

const isFolder = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
