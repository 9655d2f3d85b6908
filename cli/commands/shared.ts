import type { Argv, CommandModule } from 'yargs'
import { UserError } from '../../lib/errors.ts'

/** A command always has a name here, which yargs leaves open. */
export type Command = CommandModule & { readonly command: string }

/** Types a command's handler by what its builder declares; heavy parts are imported inside the handler. */
export const defineCommand = <T>(command: {
  readonly command: string
  readonly describe: string
  readonly builder: (yargs: Argv) => Argv<T>
  readonly handler: (args: T) => Promise<void>
}): Command => {
  const places = [...command.command.matchAll(/[[<](\w+)/g)].map((match) => match[1]!)
  const builder = (yargs: Argv): Argv<T> => refuseRepeats(wantValues(command.builder(yargs), places))
  return { ...command, builder } as unknown as Command
}

interface DeclaredOptions {
  readonly array: readonly string[]
  readonly string: readonly string[]
  readonly number: readonly string[]
}
const declaredOptions = (yargs: unknown): DeclaredOptions => (yargs as { getOptions(): DeclaredOptions }).getOptions()

/** Without this a flag whose value was forgotten, as in `--trials --json`, would quietly take its default. */
function wantValues<T>(yargs: Argv<T>, positionals: readonly string[]): Argv<T> {
  const { string, number } = declaredOptions(yargs)
  return yargs.requiresArg([...string, ...number].filter((name) => !positionals.includes(name)))
}

/** yargs makes a list of a flag that is given twice, whatever its type. */
function refuseRepeats<T>(yargs: Argv<T>): Argv<T> {
  const { array } = declaredOptions(yargs)
  return yargs.check((args) => {
    for (const [flag, value] of Object.entries(args)) {
      // The same values stand under `max-flash` and `maxFlash`: the first is what was typed.
      const typed = flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      if (!Array.isArray(value) || flag === '_' || array.includes(typed)) continue
      throw new UserError(`--${typed} is given ${value.length} times: give it once`)
    }
    return true
  }, false)
}

export const withDatabase = <T>(yargs: Argv<T>) =>
  yargs.option('db', { type: 'string', default: 'frugal.db', describe: 'Database file that holds all experiments' })

export const withExperiment = <T>(yargs: Argv<T>) =>
  withDatabase(yargs)
    .positional('id', { type: 'number', describe: 'Experiment id; the latest one when left out' })
    .check(({ id }) => {
      if (id === undefined || (Number.isSafeInteger(id) && id >= 1)) return true
      throw new UserError('the id of an experiment is a whole number such as 3: frugal list shows them')
    }, false)

export const withJson = <T>(yargs: Argv<T>) =>
  yargs.option('json', { type: 'boolean', default: false, describe: 'Print JSON for machines' })

/** The name behind `show` in `frugal devices` and `frugal spaces`. @throws UserError when there is none. */
export function shownId(
  { action, id }: { readonly action: 'show' | undefined; readonly id: string | undefined },
  what: string,
  example: string,
): string | undefined {
  if (action === 'show' && id === undefined)
    throw new UserError(`name the ${what} to show: for example frugal ${what}s show ${example}`)
  return id
}

/**
 * A whole number within bounds from a flag.
 * @throws UserError naming the flag, the value and the bounds.
 */
export function wholeNumber(value: number, flag: string, least: number, greatest: number): number {
  if (!Number.isInteger(value) || value < least || value > greatest) {
    throw new UserError(`${flag} must be a whole number from ${least} to ${greatest}, not ${value}`)
  }
  return value
}

/** A number above `least` and at most `greatest`. @throws UserError naming the flag, the value and the bounds. */
export function numberWithin(value: number, flag: string, above: number, greatest: number): number {
  if (!(value > above && value <= greatest)) {
    throw new UserError(`${flag} must be a number above ${above} and at most ${greatest}, not ${value}`)
  }
  return value
}
