import { statSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import { OperationalError } from '../../lib/errors.ts'

/**
 * Watches the files of a database that is written to: SQLite goes on writing to files that were moved or removed, and what
 * it writes there is in no file of that name.
 * @param shown the database's name in messages.
 * @param resume the command that continues the interrupted work.
 * @returns a function to be called before each commit, which throws an OperationalError where a file is not what it was at
 * the first call.
 */
export function watchForMoves(database: Database, shown: string, resume: string): () => void {
  const watched = ['', '-wal'].map((ending) => ({ ending, inode: inodeOf(database.name + ending) }))
  return () => {
    for (const file of watched) {
      const inode = inodeOf(database.name + file.ending)
      // The write-ahead log is made by the first commit.
      if (file.inode === undefined) file.inode = inode
      else if (file.inode !== inode) throw moved(shown, file.ending, resume)
    }
  }
}

const inodeOf = (file: string): bigint | undefined => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino

const moved = (shown: string, ending: string, resume: string): OperationalError =>
  new OperationalError(
    ending === ''
      ? `the database '${shown}' was moved, replaced or removed while the search was running: put it back, with '${shown}-wal' beside it, then continue with '${resume}'`
      : `'${shown}${ending}', which belongs to the database, was moved, replaced or removed while the search was running; everything committed is safe: continue with '${resume}'`,
  )
