import { UserError } from '../lib/errors.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { SEARCH_OPTIONS } from './search-options.ts'

/** Of a flag, this share of letters at most is mistyped. */
const SLIP = 0.5

/** The flags that a command declares, by type. */
export interface DeclaredFlags {
  readonly number: readonly string[]
  readonly boolean: readonly string[]
}

/**
 * Checks flags as they were typed: the parser would take an empty text for 0, words for NaN, and `--json=maybe` for false.
 * @throws UserError naming the flag and what was written.
 */
export function checkWrittenFlags(argv: readonly string[], { number, boolean }: DeclaredFlags): void {
  argv.forEach((word, i) => {
    const [, name, written] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) return
    if (boolean.includes(name) && written !== undefined && !/^(true|false)$/.test(written)) {
      throw new UserError(`--${name} is either given or not: write --${name} without '=${written}'`)
    }
    if (!number.includes(name)) return
    const text = written ?? argv[i + 1] ?? ''
    if (text.trim() === '' || Number.isNaN(Number(text))) {
      throw new UserError(`--${name} must be a number, not '${text}'`)
    }
  })
}

/** What is wrong with words that no command knows: flags by their nearest known name, or words that are no flags. */
export function unknownWords(argv: readonly string[], unknown: readonly string[], known: readonly string[]): string {
  const words = unknown.filter((name) => argv.includes(name))
  if (words.length > 0) return `one word too many: ${words.join(', ')}`
  const typed = argv.map((word) => /^(--?)([^=]+)/.exec(word)).find((match) => unknown.includes(match?.[2] ?? ''))
  const [dashes, name] = typed === undefined || typed === null ? ['--', unknown[0]!] : [typed[1]!, typed[2]!]
  if (argv[0] === 'resume' && Object.hasOwn(SEARCH_OPTIONS, name)) {
    return `a search is resumed with the settings it began with, ${dashes}${name} too: frugal search with others takes what is trained already from the database`
  }
  const near = nearestName(name, known, SLIP)
  return `unknown flag ${dashes}${name}${near === undefined ? '' : `: did you mean --${near}?`}`
}
