import yargs from 'yargs'
import { messageOf, OperationalError, UserError } from '../lib/errors.ts'
import { unknownName } from '../lib/nearest-name.ts'
import { COMMANDS } from './commands/index.ts'
import { packageVersion } from './package-version.ts'

/** The words that are commands of their own at each level, for "did you mean". */
const COMMAND_NAMES = COMMANDS.map((command) => command.command.split(' ')[0]!)

/** Runs one command line. Sets the exit code: 0, 1 operational failure, 2 bad input, 130 interrupted. */
export async function main(argv: readonly string[]): Promise<void> {
  const debug = argv.includes('--debug')
  // A reader that closes the pipe early (`frugal front | head`) is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    const first = argv[0]
    if (first !== undefined && !first.startsWith('-') && !COMMAND_NAMES.includes(first)) {
      throw new UserError(unknownName('command', first, COMMAND_NAMES))
    }
    const program = yargs([...argv])
      .scriptName('frugal')
      .usage('$0 <command>\n\nFinds the networks nobody can beat on accuracy, latency, energy and memory, per device.')
      .option('debug', { type: 'boolean', describe: 'Show stack traces of errors', global: true })
      .command([...COMMANDS])
      .example('$0 search', 'Search on built-in data for three devices')
      .example('$0 search --data ./mnist --device stm32f446-tflm-cmsisnn --max-ram 64KB', '')
      .demandCommand(1, 'name a command: frugal search starts a search, frugal --help lists all commands')
      .recommendCommands()
      .strict()
      .parserConfiguration({ 'duplicate-arguments-array': true })
      .version(packageVersion())
      .help()
      .wrap(Math.min(120, process.stdout.columns ?? 100))
      .fail((message, error) => {
        if (error !== undefined && error.name !== 'YError') throw error
        throw new UserError(plainUsageError(message ?? error.message))
      })
      .exitProcess(false)
    await program.parseAsync()
  } catch (error) {
    report(error, debug)
  }
}

/** yargs speaks in several lines and of "arguments"; ours is one sentence. */
function plainUsageError(message: string): string {
  const line = message
    .split('\n')
    .filter((part) => part.trim() !== '')
    .join(' ')
  const lacking = /^Not enough arguments following: (.*)$/.exec(line)
  if (lacking !== null) return `--${lacking[1]} needs a value that does not begin with a hyphen; see frugal --help`
  return `${line.replace(/^Unknown arguments?: /, 'unknown flag: ')}; see frugal --help`
}

function report(error: unknown, debug: boolean): void {
  const isUser = error instanceof UserError
  const prefix = isUser || error instanceof OperationalError ? 'frugal: ' : 'frugal: unexpected error: '
  process.stderr.write(`${prefix}${messageOf(error)}\n`)
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  else if (!isUser) process.stderr.write('frugal: run again with --debug to see where it happened\n')
  process.exitCode = isUser ? 2 : 1
}
