import { constants, existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { permits } from './check-file.ts'

/** Bytes of the SQLite header that say how the file is written and read: 1 is a rollback journal, 2 is WAL. */
const FORMAT_BYTES = [18, 19]

/**
 * A database in a folder where nothing may be written, read into memory: SQLite itself cannot read a WAL database
 * there, since readers share a file next to it.
 * @returns undefined when that is not why the database cannot be read, or it was left with commits still in its WAL.
 */
export function openImage(file: string): Database.Database | undefined {
  const wal = statSync(`${file}-wal`, { throwIfNoEntry: false })
  const readable = existsSync(file) && permits(file, constants.R_OK) && (wal === undefined || wal.size === 0)
  if (!readable || permits(path.dirname(file), constants.W_OK)) return undefined
  const image = readFileSync(file)
  for (const byte of FORMAT_BYTES) image[byte] = 1
  return new Database(image, { readonly: true })
}
