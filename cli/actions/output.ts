import { statSync, writeSync } from 'node:fs'
import { UserError } from '../../lib/errors.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { shellWord } from '../../lib/shell-word.ts'
import { renderTable } from '../render/table.ts'
import { terminalOf } from '../render/terminal.ts'

/** Prints text to standard output, ending in one newline. */
export const print = (text: string): void => {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** How long a reader that does not keep up is waited for before it is asked again, in milliseconds. */
const READER_PAUSE_MS = 2

/**
 * Prints text before it returns, for loops that print much without a pause: a stream would keep all of it in memory, and say
 * only after the loop that nobody reads it.
 * @returns whether more can be printed; what stands in the way becomes an error of standard output after the loop.
 */
export function printAtOnce(text: string): boolean {
  const bytes = Buffer.from(text)
  let written = 0
  while (written < bytes.length) {
    try {
      written += writeSync(process.stdout.fd, bytes, written)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
        setImmediate(() => process.stdout.emit('error', error))
        return false
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READER_PAUSE_MS)
    }
  }
  return true
}

/**
 * Where a command that prints one JSON value at its end says what it does: beside the value, on standard error, with
 * `--json`, and on standard output without.
 */
export const messagesOf = (json: boolean): NodeJS.WriteStream => (json ? process.stderr : process.stdout)

/** Writes a line to a stream. */
export const say = (stream: NodeJS.WriteStream, text: string): void => {
  stream.write(`${text}\n`)
}

export const printJson = (value: unknown): void => print(JSON.stringify(value))

/** Standard output as a place for tables: cut to the screen, whole where they go to a file or another program. */
export function tableTerminal() {
  const terminal = terminalOf(process.stdout)
  return terminal.interactive ? terminal : { ...terminal, unicode: true, columns: Number.POSITIVE_INFINITY }
}

/** Rows as aligned columns; the first row is the heading, `rightAligned` names columns of numbers. */
export function columns(rows: readonly (readonly string[])[], rightAligned: readonly number[] = []): string {
  const [headings, ...body] = rows
  const shape = headings!.map((heading, i) => ({
    heading,
    align: rightAligned.includes(i) ? ('right' as const) : ('left' as const),
  }))
  return renderTable(shape, body, tableTerminal()).trimEnd()
}

/** The database of a command line that is shown, as it must be typed; nothing for the usual one. */
export const databaseFlag = (db: string): string => (db === 'frugal.db' ? '' : ` --db ${shellWord(db)}`)

/**
 * Writes a picture that `--svg FILE` asked for.
 * @throws UserError for a name that cannot be a file's, and what the file system says where the file cannot be written.
 */
export function writePicture(file: string, picture: string): void {
  if (file === '') throw new UserError('--svg is empty: name the file to write, such as front.svg')
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(`--svg '${file}' is a folder: name a file in it`)
  try {
    writeFileAtomic(file, picture)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR' || code === 'EEXIST')
      throw new UserError(`--svg '${file}' lies below a file: name a folder that can be made`)
    throw error
  }
}

/** `1 network`, `2 networks`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
