import { existsSync, readdirSync, readFileSync } from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { canonicalJson, sha256Hex } from './canonical-json.ts'
import { UserError } from './errors.ts'
import { unknownName } from './nearest-name.ts'
import { loadOwnModule } from './own-code.ts'

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

/** What each module that was loaded imports, by URL. */
const imports = new Map<string, Set<string>>()

/**
 * Lets files of the user's own import Frugal from wherever they lie, with or without a package installed beside them:
 * always the Frugal that runs, so that there is one of each module. Notes what imports what for `ownCodeDigest`.
 */
const offerEntries = once(() => {
  const extension = path.extname(import.meta.filename)
  module.registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const entry = ENTRIES.find((name) => specifier === `frugal-nas/${name}`)
      if (entry === undefined) {
        const resolved = nextResolve(specifier, context)
        const parent = context.parentURL ?? ''
        imports.set(parent, (imports.get(parent) ?? new Set()).add(resolved.url))
        return resolved
      }
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
  offerEntries()
  const imported = looksLikePath(name)
    ? await loadOwnModule(file, `the ${what} file '${name}'`)
    : ((await import(pathToFileURL(file).href)) as { readonly default?: unknown })
  if (imported.default === undefined)
    throw new UserError(`the ${what} file '${name}' has no default export: export default define…({…})`)
  return imported.default
}

/**
 * SHA-256 of a file of the user's own and of the files that it imports by their paths, with their places relative to it;
 * packages and Frugal's own modules are left out. The file must have been imported by `importMember`.
 */
export function ownCodeDigest(name: string): string {
  const file = path.resolve(name)
  const folder = path.dirname(file)
  const frugal = path.resolve(import.meta.dirname, '..')
  const inside = (parent: string, child: string): boolean => child.startsWith(parent + path.sep)
  const own = (child: string): boolean =>
    !child.split(path.sep).includes('node_modules') && (!inside(frugal, child) || inside(folder, child))
  const found = new Set([file])
  for (const next of found) {
    for (const url of imports.get(pathToFileURL(next).href) ?? []) {
      if (url.startsWith('file:') && own(fileURLToPath(url))) found.add(fileURLToPath(url))
    }
  }
  const digests = [...found].map((each) => [path.relative(folder, each), sha256Hex(readFileSync(each))])
  return sha256Hex(canonicalJson(digests.sort(([a], [b]) => (a! < b! ? -1 : 1))))
}
