import { gunzipSync } from 'node:zlib'
import { forEachCsvRecord } from '../../lib/csv.ts'
import { messageOf } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { assertExists, badFile, kindOfPath, readInputFile } from '../datasets/input-file.ts'

/** One text holds a table. */
const MOST_BYTES = 500_000_000
const MOST_ROWS = 1_000_000
const MOST_COLUMNS = 10_000
/** No cost or accuracy of any use is beyond this, and sums of such stay finite. */
const MOST_VALUE = 1e100

/** Some columns of a CSV file. */
export interface Table {
  readonly file: string
  readonly rowCount: number
  /** Line of a row in the file, from 1. */
  readonly line: (row: number) => number
  /** The cells of a column that was asked for, without blanks around them. */
  readonly cells: (column: string) => readonly string[]
}

export interface TableOptions {
  /** Rows with an empty cell in one of these columns are passed over. */
  readonly complete?: readonly string[]
  /** No file may be larger, compressed or not. */
  readonly mostBytes?: number
}

/**
 * Reads columns of a CSV file with a heading line, gzip-compressed or not.
 * @throws UserError when the file cannot be read, is too large, is no intact gzip or CSV file, or lacks a column.
 */
export function readTable(
  file: string,
  columns: readonly string[],
  { complete = [], mostBytes = MOST_BYTES }: TableOptions = {},
): Table {
  const wanted = [...new Set(columns)]
  const needed = complete.map((column) => wanted.indexOf(column))
  const cells = wanted.map((): string[] => [])
  const lines: number[] = []
  let positions: readonly number[] | undefined
  let width = 0
  const closed = forEachCsvRecord(readText(file, mostBytes), (fields, line) => {
    if (positions === undefined) {
      width = fields.length
      positions = findColumns(file, fields, wanted)
      return
    }
    if (fields.length !== width) {
      throw badFile(file, `has ${fields.length} fields in line ${line}`, `its heading names ${width}`)
    }
    if (lines.length === MOST_ROWS) throw badFile(file, 'is too long', `at most ${MOST_ROWS} rows are read`)
    const row = positions.map((position) => fields[position]!.trim())
    if (needed.some((i) => row[i] === '')) return
    lines.push(line)
    row.forEach((cell, i) => void cells[i]!.push(cell))
  })
  if (!closed) throw badFile(file, 'ends within a quoted field', 'close the quotation marks')
  if (lines.length === 0)
    throw badFile(file, 'has no rows', 'a heading line and one line per architecture are expected')
  return {
    file,
    rowCount: lines.length,
    line: (row) => lines[row]!,
    cells: (column) => cells[wanted.indexOf(column)]!,
  }
}

/**
 * A column of numbers.
 * @throws UserError naming the line of a cell that is no number.
 */
export function numbersOf(table: Table, column: string): Float64Array {
  const cells = table.cells(column)
  return Float64Array.from(cells, (cell, row) => {
    const value = Number(cell)
    if (cell === '' || !(Math.abs(value) <= MOST_VALUE)) {
      const shown = cell === '' ? 'nothing' : `'${cell.slice(0, 40)}'`
      throw badFile(
        table.file,
        `has ${shown} in column '${column}' of line ${table.line(row)}`,
        `a number is expected in every row${cell === '' ? '; --lenient passes over rows without one' : ''}`,
      )
    }
    return value
  })
}

/**
 * Errors in percent from a column of accuracies, which may be in percent or shares: shares where none is above 1.
 * @throws UserError naming the line of a cell that is no accuracy.
 */
export function errorsOf(table: Table, column: string): Float64Array {
  const accuracies = numbersOf(table, column)
  const bad = accuracies.findIndex((accuracy) => accuracy < 0 || accuracy > 100)
  if (bad >= 0) {
    throw badFile(
      table.file,
      `has ${accuracies[bad]} in column '${column}' of line ${table.line(bad)}`,
      'accuracies are percents from 0 to 100 or shares from 0 to 1',
    )
  }
  const whole = accuracies.every((accuracy) => accuracy <= 1) ? 1 : 100
  return accuracies.map((accuracy) => (100 / whole) * (whole - accuracy))
}

function readText(file: string, mostBytes: number): string {
  assertExists(file)
  // A device such as /dev/zero has no end.
  if (kindOfPath(file) === undefined) throw badFile(file, 'is no ordinary file', 'name a CSV file')
  const bytes = readInputFile(file, mostBytes)
  const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b
  if (!compressed) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes }).toString('utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw badFile(file, 'is too large when decompressed', `at most ${mostBytes} bytes are read`)
    }
    throw badFile(file, `is no intact gzip file (${messageOf(error)})`, 'copy or download it again')
  }
}

function findColumns(file: string, heading: readonly string[], wanted: readonly string[]): readonly number[] {
  if (heading.length > MOST_COLUMNS) {
    throw badFile(file, `has ${heading.length} columns`, `at most ${MOST_COLUMNS} are read`)
  }
  if (heading.some((name) => name.includes('\0'))) throw badFile(file, 'is no text', 'a CSV file is expected')
  const names = heading.map((name) => name.trim())
  return wanted.map((column) => {
    const position = names.indexOf(column)
    if (position < 0) {
      if (names.length === 1) {
        throw badFile(file, `has no column '${column}' but only one`, 'columns must be separated by commas')
      }
      const known = names.slice(0, 50).map((name) => name.slice(0, 60).replace(/\p{C}/gu, '?'))
      throw badFile(file, 'lacks a column', unknownName('column', column, known))
    }
    if (names.includes(column, position + 1)) {
      throw badFile(file, `has two columns called '${column}'`, 'give each its own name')
    }
    return position
  })
}
