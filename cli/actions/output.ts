import { renderTable } from '../render/table.ts'
import { terminalOf } from '../render/terminal.ts'

/** Prints text to standard output, ending in one newline. */
export const print = (text: string): void => {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
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
