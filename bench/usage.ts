import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UserError } from '../lib/errors.ts'
import { fileSystemTrouble } from '../lib/files.ts'

type Options = NonNullable<ParseArgsConfig['options']>
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>['values']

interface Arguments<T extends Options> {
  readonly values: Values<T>
  readonly positionals: readonly string[]
  /** Says in one sentence what is wrong, and how the program is called; ends it with exit code 2. */
  refuse(message: string): never
}

/**
 * What a benchmark was called with. `--help` prints how it is called; an option that it does not have, or too few or too many
 * arguments, are refused with one sentence and the same line. So are files that are not there or cannot be read, whenever
 * that comes to light.
 * @param usage what stands behind `node`: the file, then what it takes
 * @param count the least and the greatest number of arguments that are no options; none unless given
 */
export function benchArguments<const T extends Options>(
  usage: string,
  options: T,
  [least, most]: readonly [number, number] = [0, 0],
): Arguments<T> {
  const line = `Usage: node ${usage}`
  const refuse = (message: string): never => {
    console.error(`${message}\n${line}`)
    process.exit(2)
  }
  process.on('uncaughtException', (thrown) => {
    const error = fileSystemTrouble(thrown) ?? thrown
    if (error instanceof UserError || error !== thrown) refuse(error.message)
    console.error(thrown)
    process.exit(1)
  })
  const given = process.argv.slice(2)
  if (given.includes('--help') || given.includes('-h')) {
    console.log(line)
    process.exit(0)
  }
  try {
    const { values, positionals } = parseArgs({ args: given, options, allowPositionals: true })
    const [beyond] = positionals.slice(most)
    if (beyond !== undefined) refuse(`'${beyond}' is one argument too many`)
    if (positionals.length < least) refuse('an argument is missing')
    return { values, positionals, refuse }
  } catch (error) {
    return refuse((error as Error).message.split('. ')[0]!)
  }
}
