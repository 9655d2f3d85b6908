import yargs from 'yargs'
import { messageOf, OperationalError, UserError } from '../lib/errors.ts'
import { fileSystemTrouble } from '../lib/files.ts'
import { unknownName } from '../lib/nearest-name.ts'
import { hasOwnCode } from '../lib/own-code.ts'
import { BENCHMARKS } from './commands/bench.ts'
import { COMMANDS } from './commands/index.ts'
import { packageVersion } from './package-version.ts'
import { checkWrittenFlags, type DeclaredFlags, unknownWords } from './written-flags.ts'

/** The words that are commands of their own at each level, for "did you mean". */
const COMMAND_NAMES = COMMANDS.map((command) => command.command.split(' ')[0]!)
const BENCHMARK_NAMES = BENCHMARKS.map(({ command }) => command)

/** Runs one command line. Sets the exit code: 0, 1 operational failure, 2 bad input, 130 interrupted. */
export async function main(argv: readonly string[]): Promise<void> {
  const debug = argv.includes('--debug')
  let unread = false
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (unread) return
    unread = true
    if (error.code !== 'EPIPE') {
      // A terminal that is closed, or a full disk: what is at work, such as a search, is not lost with its words.
      process.exitCode = 1
      process.stderr.write(`frugal: standard output cannot be written (${error.message})\n`)
      return
    }
    // A reader that closes the pipe early (`frugal front | head`) is no error of ours. What stops at Ctrl-C stops so:
    // leaving in the midst of a training would abort in native code.
    if (process.listenerCount('SIGINT') === 0) process.exit(0)
    process.kill(process.pid, 'SIGINT')
  })
  // Errors that no command could catch: of a timer in a file of the user's own, say.
  process.on('uncaughtException', (error) => {
    report(error, debug)
    process.exit()
  })
  try {
    const first = argv[0]
    if (first !== undefined && !first.startsWith('-') && !COMMAND_NAMES.includes(first)) {
      throw new UserError(unknownName('command', first, COMMAND_NAMES))
    }
    const benchmark = first === 'bench' ? argv[1] : undefined
    if (benchmark !== undefined && !benchmark.startsWith('-') && !BENCHMARK_NAMES.includes(benchmark)) {
      throw new UserError(unknownName('benchmark', benchmark, BENCHMARK_NAMES))
    }
    const program = yargs([...argv])
      .scriptName('frugal')
      // Its messages are read below, and all else is in English.
      .detectLocale(false)
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
        throw new UserError(plainUsageError(message ?? error.message, argv, Object.keys(flagsOf(program).key)))
      })
      .exitProcess(false)
    program.check(() => {
      checkWrittenFlags(argv, flagsOf(program))
      return true
    })
    await program.parseAsync()
  } catch (error) {
    report(error, debug)
  }
  // Its timers and sockets would keep a command that is done from ending.
  if (hasOwnCode()) process.stdout.write('', () => process.exit())
}

/** The flags of the command that is being read, which yargs knows and its types do not tell of. */
const flagsOf = (program: unknown): DeclaredFlags & { readonly key: Readonly<Record<string, unknown>> } =>
  (program as { getOptions(): ReturnType<typeof flagsOf> }).getOptions()

/** yargs speaks in several lines and of "arguments"; ours is one sentence. */
function plainUsageError(message: string, argv: readonly string[], flags: readonly string[]): string {
  const line = message
    .split('\n')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join(' ')
  // The flags of a benchmark stand in the help of its own.
  const own = argv[0] === 'bench' && BENCHMARK_NAMES.includes(argv[1]!) ? ` ${argv[1]}` : ''
  const help = COMMAND_NAMES.includes(argv[0]!) ? `frugal ${argv[0]}${own} --help` : 'frugal --help'
  return `${plainUsage(line, argv, flags)}; see ${help}`
}

const flagOf = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

function plainUsage(line: string, argv: readonly string[], flags: readonly string[]): string {
  const told = (pattern: RegExp): readonly string[] | undefined => pattern.exec(line)?.slice(1)
  const lacking = told(/^Not enough arguments following: (.*)$/)
  if (lacking !== undefined) return `${flagOf(lacking[0]!)} needs a value that does not begin with a hyphen`
  const unknown = told(/^Unknown arguments?: (.*)$/)
  if (unknown !== undefined) return unknownWords(argv, unknown[0]!.split(', '), flags)
  const missing = told(/^Missing required arguments?: (.*)$/)
  if (missing !== undefined) return `${missing[0]!.split(', ').map(flagOf).join(' and ')} must be given`
  if (line.startsWith('Not enough non-option arguments')) return `${argv[0]} is not told of what`
  const choices = told(/^Invalid values: Argument: (.*), Given: (.*), Choices: (.*)$/)
  if (choices === undefined) return line
  const [name, given, known] = choices as [string, string, string]
  const written = argv.some((word) => word.split('=')[0] === flagOf(name)) ? `${flagOf(name)} ` : ''
  return `${written}${given} is not known: write ${known.replaceAll(', ', ' or ')}`
}

function report(thrown: unknown, debug: boolean): void {
  const error = fileSystemTrouble(thrown) ?? thrown
  const isUser = error instanceof UserError
  const prefix = isUser || error instanceof OperationalError ? 'frugal: ' : 'frugal: unexpected error: '
  // Names from files and databases may hold anything; only what nobody foresaw may take several lines.
  const message = messageOf(error).replaceAll(isUser ? /\p{C}/gu : /[^\P{C}\n]/gu, '?')
  process.stderr.write(`${prefix}${message}\n`)
  if (debug && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`)
  else if (prefix.includes('unexpected'))
    process.stderr.write('frugal: run again with --debug to see where it happened\n')
  process.exitCode = isUser ? 2 : 1
}
