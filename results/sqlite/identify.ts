import type { Database } from 'better-sqlite3'
import { UserError } from '../../lib/errors.ts'
import { damaged } from './errors.ts'
import { versionOf } from './migrate.ts'
import { APPLICATION_ID } from './schema.ts'

/**
 * The version of a database, 0 for an empty one.
 * @throws UserError when it belongs to another program or to a newer version than `newest`.
 */
export function identify(database: Database, shown: string, newest: number): number {
  const application = database.pragma('application_id', { simple: true })
  if (application !== APPLICATION_ID) {
    const tables = database
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 3")
      .pluck()
      .all()
    if (application === 0 && tables.length === 0) return 0
    const found =
      tables.length === 0 ? '' : ` (it has the ${tables.length === 1 ? 'table' : 'tables'} ${tables.join(', ')})`
    throw new UserError(`'${shown}' is an SQLite database of another program${found}: choose another file with --db`)
  }
  const version = versionOf(database)
  if (version < 0) throw damaged(shown, `its version is ${version}`)
  if (version > newest) {
    throw new UserError(
      `the database '${shown}' has version ${version} but this Frugal knows versions up to ${newest}: update frugal-nas, or choose another file with --db`,
    )
  }
  return version
}
