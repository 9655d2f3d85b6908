import { isUtf8 } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
import { firstCsvRecord, forEachCsvRecord } from '../../lib/csv.ts'
import { messageOf } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { assertExists, badFile, kindOfPath, readInputFile } from '../datasets/input-file.ts'
import { ColumnCells } from './column-cells.ts'
import type { CodedColumn } from './conditions.ts'
import { asMinimised, type Direction } from './direction.ts'

/** One text holds a table. */
const MOST_BYTES = 500_000_000
const MOST_ROWS = 1_000_000
const MOST_COLUMNS = 10_000
/** What may stand between columns; of equals the first. */
const SEPARATORS = [',', ';', '\t', '|'] as const
/** What programs write for a figure that they have not got. */
const NO_FIGURE = /^(|-|\?|nan|na|n\/a|none|null|nil)$/i
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
  /** The same by their distinct texts; undefined for a column with so many that it holds no choices. */
  readonly coded: (column: string) => CodedColumn | undefined
  /** Rows that were passed over because they lack a figure. */
  readonly passedOver: number
}

export interface TableOptions {
  /** Rows without a figure in one of these columns are passed over: cells that are empty or `NaN`, `NA`, `None` and the like. */
  readonly complete?: readonly string[]
  /** No file may be larger, compressed or not. */
  readonly mostBytes?: number
}

/**
 * Reads columns of a CSV file with a heading line, gzip-compressed or not; commas, semicolons, tabs or bars stand between
 * its columns.
 * @throws UserError when the file cannot be read, is too large, is no intact gzip or CSV file, or lacks a column.
 */
export function readTable(
  file: string,
  columns: readonly string[],
  { complete = [], mostBytes = MOST_BYTES }: TableOptions = {},
): Table {
  const wanted = [...new Set(columns)]
  const needed = complete.map((column) => wanted.indexOf(column))
  const cells = wanted.map(() => new ColumnCells())
  const lines: number[] = []
  let passedOver = 0
  let positions: readonly number[] | undefined
  let width = 0
  const text = readText(file, mostBytes)
  const onRecord = (fields: readonly string[], line: number) => {
    if (positions === undefined) {
      width = fields.length
      positions = findColumns(file, fields, wanted)
      return
    }
    if (fields.length !== width) {
      throw badFile(file, `has ${fields.length} fields in line ${line}`, `its heading names ${width}`)
    }
    if (lines.length === MOST_ROWS) throw badFile(file, 'is too long', `at most ${MOST_ROWS} rows are read`)
    if (needed.some((i) => NO_FIGURE.test(fields[positions![i]!]!.trim()))) {
      passedOver++
      return
    }
    lines.push(line)
    for (let i = 0; i < cells.length; i++) cells[i]!.push(fields[positions[i]!]!.trim())
  }
  if (!forEachCsvRecord(text, onRecord, separatorOf(text, wanted)))
    throw badFile(file, 'ends within a quoted field', 'close the quotation marks')
  if (lines.length === 0) {
    const without =
      complete.length > 0 ? ` with a figure in each of ${complete.map((name) => `'${name}'`).join(', ')}` : ''
    throw badFile(file, `has no rows${without}`, 'a heading line and one line per architecture are expected')
  }
  return {
    file,
    rowCount: lines.length,
    line: (row) => lines[row]!,
    cells: (column) => cells[wanted.indexOf(column)]!.cells(),
    coded: (column) => cells[wanted.indexOf(column)]!.coded(),
    passedOver,
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
        `a number is expected in every row${hintOn(cell)}`,
      )
    }
    return value
  })
}

/**
 * Figures of a column so turned that less of them is better, in the column's own unit.
 * @throws UserError naming the line of a cell that is no number.
 */
export const minimisedOf = (table: Table, column: string, direction: Direction | undefined): Float64Array =>
  numbersOf(table, column).map((value) => asMinimised(value, direction))

/** What may be done about a cell that is no number. */
function hintOn(cell: string): string {
  if (NO_FIGURE.test(cell)) return '; --lenient passes over rows without one'
  if (/^[+-]?[\d.]+\s*(%|[a-zµ])/i.test(cell)) return ' alone: take its unit into the heading'
  return /^[+-]?\d+,\d+$/.test(cell) ? ', with a point before the decimals and none between thousands' : ''
}

/** So many in a hundred accuracies between 0 and 1 are shares, whatever the others are. */
const MOSTLY_SHARES = 90

/**
 * Errors in percent from a column of accuracies, which may be in percent or shares: shares where none is above 1.
 * @throws UserError naming the line of a cell that is no accuracy, or a percentage among shares.
 */
export function errorsOf(table: Table, column: string): Float64Array {
  const accuracies = numbersOf(table, column)
  const bad = accuracies.findIndex((accuracy) => accuracy < 0 || accuracy > 100)
  if (bad >= 0) {
    throw badFile(
      table.file,
      `has ${accuracies[bad]} in column '${column}' of line ${table.line(bad)}`,
      'accuracies are percents from 0 to 100 or shares from 0 to 1; for figures of another unit say whether more or less ' +
        `is better, ${column}:max or ${column}:min`,
    )
  }
  const above = accuracies.findIndex((accuracy) => accuracy > 1)
  const shares = accuracies.reduce((count, accuracy) => count + Number(accuracy > 0 && accuracy < 1), 0)
  if (above >= 0 && 100 * shares >= MOSTLY_SHARES * accuracies.length) {
    throw badFile(
      table.file,
      `has ${accuracies[above]} in column '${column}' of line ${table.line(above)}, and between 0 and 1 in most others`,
      'either percents or shares are expected, not both',
    )
  }
  const whole = above < 0 ? 1 : 100
  return accuracies.map((accuracy) => (100 / whole) * (whole - accuracy))
}

function readText(file: string, mostBytes: number): string {
  assertExists(file)
  // A device such as /dev/zero has no end.
  if (kindOfPath(file) === undefined) throw badFile(file, 'is no ordinary file', 'name a CSV file')
  const bytes = readInputFile(file, mostBytes)
  const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b
  if (!compressed) return textOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  try {
    return textOf(gunzipSync(bytes, { maxOutputLength: mostBytes }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw badFile(file, 'is too large when decompressed', `at most ${mostBytes} bytes are read`)
    }
    throw badFile(file, `is no intact gzip file (${messageOf(error)})`, 'copy or download it again')
  }
}

/** Old spreadsheets end lines in CR alone or write Latin-1, and some of today write UTF-16. */
function textOf(bytes: Buffer): string {
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0)
  // Swapped in place: nobody else has these bytes.
  if (mark === 0xfeff) bytes.subarray(0, 2 * Math.floor(bytes.length / 2)).swap16()
  const text = bytes.toString(mark === 0xfffe || mark === 0xfeff ? 'utf16le' : isUtf8(bytes) ? 'utf8' : 'latin1')
  return text.includes('\n') ? text : text.replaceAll('\r', '\n')
}

/** The separator under which the heading names all columns that are wanted; where none does, most columns. */
function separatorOf(text: string, wanted: readonly string[]): string {
  const headings = SEPARATORS.map((separator) => ({ separator, names: firstCsvRecord(text, separator) ?? [] }))
  const known = headings.find(({ names }) => wanted.every((column) => names.some((name) => name.trim() === column)))
  return (known ?? headings.reduce((most, other) => (other.names.length > most.names.length ? other : most))).separator
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
        throw badFile(
          file,
          `has no column '${column}' but only one in its first line`,
          'the first line must name the columns, with commas between them',
        )
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
