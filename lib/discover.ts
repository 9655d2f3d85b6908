import { existsSync, readdirSync } from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, UserError } from './errors.ts'
import { unknownName } from './nearest-name.ts'

export interface Member {
  readonly id: string
  readonly file: string
}

/**
 * Members of an open set: files `<id>.<suffix>.ts` (or `.js` in the published build) in one folder, by id. Nothing is
 * imported. `folder` is usually `import.meta.dirname`.
 */
export function discoverMembers(folder: string, suffix: string): readonly Member[] {
  const pattern = new RegExp(`^([A-Za-z0-9][A-Za-z0-9-]*)\\.${suffix}\\.(ts|js)$`)
  const members: Member[] = []
  for (const name of readdirSync(folder).sort()) {
    const match = pattern.exec(name)
    if (match !== null) members.push({ id: match[1]!, file: path.join(folder, name) })
  }
  return members
}

/** Whether a name given on the command line means a file of the user's own rather than a member's id. */
export const looksLikePath = (name: string): boolean => /[\\/]/.test(name) || /\.(ts|js|mjs|json|ya?ml)$/.test(name)

/** What files of the user's own may import: `frugal-nas/<entry>`. */
const ENTRIES = ['spaces', 'search']

/**
 * Lets files of the user's own import Frugal from wherever they lie, with or without a package installed beside them:
 * always the Frugal that runs, so that there is one of each module.
 */
const offerEntries = once(() => {
  const extension = path.extname(import.meta.filename)
  module.registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const entry = ENTRIES.find((name) => specifier === `frugal-nas/${name}`)
      if (entry === undefined) return nextResolve(specifier, context)
      return { url: new URL(`../${entry}/index${extension}`, import.meta.url).href, shortCircuit: true }
    },
  })
})

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}

/**
 * Imports the default export of a member by id, or of a file of the user's own by path.
 * @param what the word for messages: `space`, `algorithm`
 * @throws UserError for an unknown id (with the nearest one), a missing file, or a file that does not load.
 */
export async function importMember(what: string, name: string, members: readonly Member[]): Promise<unknown> {
  const file = looksLikePath(name) ? path.resolve(name) : members.find((member) => member.id === name)?.file
  if (file === undefined)
    throw new UserError(
      unknownName(
        what,
        name,
        members.map((member) => member.id),
      ),
    )
  if (!existsSync(file))
    throw new UserError(`the ${what} file '${name}' does not exist: give an id or the path of a file`)
  let imported: { default?: unknown }
  try {
    offerEntries()
    imported = (await import(pathToFileURL(file).href)) as { default?: unknown }
  } catch (error) {
    throw new UserError(`the ${what} file '${name}' does not load: ${messageOf(error)}`, { cause: error })
  }
  if (imported.default === undefined)
    throw new UserError(`the ${what} file '${name}' has no default export: export default define…({…})`)
  return imported.default
}
