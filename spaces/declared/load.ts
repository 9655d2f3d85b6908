import { existsSync, readFileSync, statSync } from 'node:fs'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { parseYaml } from '../../lib/yaml.ts'
import { defineSpace, type SearchSpace } from '../space.ts'
import { declaredDecoder } from './decode.ts'
import { declaredGenes } from './genes.ts'
import { checkDeclaration } from './schema.ts'

const MOST_BYTES = 1 << 20

/** Whether a name given on the command line means a space written in YAML. */
export const isDeclaredSpace = (name: string): boolean => /\.ya?ml$/.test(name)

/**
 * A space written in YAML. Its version is a digest of what it says: comments and layout may change, meaning may not.
 * @throws UserError for a missing, oversized or unreadable file, and for anything in it that is not as documented.
 */
export function loadDeclaredSpace(file: string): SearchSpace {
  if (!existsSync(file))
    throw new UserError(`the space file '${file}' does not exist: give an id or the path of a file`)
  if (statSync(file).size > MOST_BYTES)
    throw new UserError(`the space file '${file}' is larger than 1 MB: is it a space?`)
  let content: unknown
  try {
    content = parseYaml(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UserError(`the space file '${file}' cannot be read as YAML: ${messageOf(error)}`, { cause: error })
  }
  const declaration = checkDeclaration(content, file)
  const declared = declaredGenes(declaration, file)
  const { id, title, description } = declaration
  return defineSpace({
    id,
    version: sha256Hex(canonicalJson(declaration)).slice(0, 12),
    title,
    description: description.trim(),
    genes: () => declared.genes,
    decode: declaredDecoder(declared),
  })
}
