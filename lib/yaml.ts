import { createRequire } from 'node:module'
import { messageOf } from './errors.ts'

/**
 * What a text in YAML says, which JSON is too.
 * @throws Error with one line for what is no YAML, or would not be read as it is written, such as an unknown tag.
 */
export function parseYaml(text: string): unknown {
  // The package has 75 modules: most commands read no YAML.
  const { parseDocument } = createRequire(import.meta.url)('yaml') as typeof import('yaml')
  // Merge keys (`<<: *name`) are of YAML 1.1, but people know them from elsewhere.
  const document = parseDocument(text, { merge: true })
  const [trouble] = [...document.errors, ...document.warnings]
  if (trouble === undefined) return document.toJS()
  throw new Error(messageOf(trouble).split('\n')[0]!.replace(/:$/, ''), { cause: trouble })
}
