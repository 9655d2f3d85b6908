import path from 'node:path'
import { discoverMembers, importMember, looksLikePath, type Member } from '../lib/discover.ts'
import { UserError } from '../lib/errors.ts'
import type { AlgorithmDefinition } from './algorithm.ts'
import { checkedAlgorithm } from './own-algorithm.ts'

/** Built-in algorithms, by id; nothing is imported. */
export const listAlgorithms = (): readonly Member[] =>
  discoverMembers(path.join(import.meta.dirname, 'algorithms'), 'algorithm')

/**
 * An algorithm by id (`frugal`, `nsga2`, `aging`, `local`, `random`), or from a file of the user's own by its path.
 * @throws UserError for an unknown id (with the nearest one) or a file that does not export an algorithm.
 */
export async function loadAlgorithm(idOrPath: string): Promise<AlgorithmDefinition> {
  const definition = await importMember('algorithm', idOrPath, listAlgorithms())
  const parts: Partial<AlgorithmDefinition> = typeof definition === 'object' && definition !== null ? definition : {}
  const complete =
    typeof parts.id === 'string' &&
    typeof parts.title === 'string' &&
    typeof parts.create === 'function' &&
    typeof parts.restore === 'function'
  if (!complete) {
    throw new UserError(
      `the algorithm file '${idOrPath}' must export default defineAlgorithm({ id, title, create, restore })`,
    )
  }
  const algorithm = parts as AlgorithmDefinition
  return looksLikePath(idOrPath) ? checkedAlgorithm(algorithm, idOrPath) : algorithm
}
