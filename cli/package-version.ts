import { readFileSync } from 'node:fs'
import { OperationalError } from '../lib/errors.ts'

/** The version of the package that this file belongs to, in a checkout or installed. */
export function packageVersion(): string {
  for (const candidate of ['../package.json', '../../package.json']) {
    try {
      const parsed = JSON.parse(readFileSync(new URL(candidate, import.meta.url), 'utf8')) as {
        name?: string
        version: string
      }
      if (parsed.name === 'frugal-nas') return parsed.version
    } catch {
      // Not there: the other place then.
    }
  }
  throw new OperationalError('package.json of frugal-nas is missing: install the package again')
}
