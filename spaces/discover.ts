import { discoverMembers, importMember, looksLikePath, type Member } from '../lib/discover.ts'
import { UserError } from '../lib/errors.ts'
import { isDeclaredSpace, loadDeclaredSpace } from './declared/load.ts'
import { checkedSpace } from './own-space.ts'
import type { SearchSpace } from './space.ts'

/** Built-in spaces, by id; nothing is imported. */
export const listSpaces = (): readonly Member[] => discoverMembers(import.meta.dirname, 'space')

/**
 * A space by id, or from a file of the user's own: a module, or a declaration in YAML.
 * @throws UserError for an unknown id or a file that does not export a space.
 */
export async function loadSpace(name: string): Promise<SearchSpace> {
  if (isDeclaredSpace(name)) return loadDeclaredSpace(name)
  const space = ((await importMember('space', name, listSpaces())) ?? {}) as Partial<SearchSpace>
  const complete =
    typeof space.id === 'string' &&
    typeof space.version === 'string' &&
    typeof space.genes === 'function' &&
    typeof space.decode === 'function'
  if (!complete)
    throw new UserError(
      `the space file '${name}' must export default defineSpace({ id, version, title, description, genes, decode })`,
    )
  return looksLikePath(name) ? checkedSpace(space as SearchSpace, name) : (space as SearchSpace)
}
