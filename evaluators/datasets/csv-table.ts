import { forEachCsvRecord } from '../../lib/csv.ts'
import { type CsvColumns, columnText, isMissing, oneLine, shown } from './csv-columns.ts'
import { timeOf } from './csv-time.ts'
import { badFile, readInputFile } from './input-file.ts'

/** Of one file; all text is in memory at once. */
const MAX_FILE_BYTES = 1 << 28

/** Numbers for up to `most` names, in the order in which they appear. */
export class NameIndex {
  readonly #numbers = new Map<string, number>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** Undefined for a new name beyond the last that fits. */
  of(name: string): number | undefined {
    const known = this.#numbers.get(name)
    if (known !== undefined || this.#numbers.size === this.#most) return known
    this.#numbers.set(name, this.#numbers.size)
    return this.#numbers.size - 1
  }

  names(): readonly string[] {
    return [...this.#numbers.keys()]
  }
}

/** The readings of a file, one a row. */
export interface CsvTable {
  readonly file: string
  readonly rows: number
  /** Feature f of row r at r · features + f. */
  readonly values: Float32Array
  /** Number of each row's class in the index of labels; undefined where folders say the class. */
  readonly labels: Int32Array | undefined
  /** Number of each row's recording in the index of recordings, where a column says it. */
  readonly recordings: Int32Array | undefined
  /** NaN where a time cannot be read; undefined without a column of times. */
  readonly times: Float64Array | undefined
  /** Line of each row, from 1. */
  readonly lines: Int32Array
}

/** The text of a file. @throws UserError when it cannot be read or is no text in UTF-8. */
export function readCsvText(file: string): string {
  const bytes = readInputFile(file, MAX_FILE_BYTES)
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw badFile(file, 'is in UTF-16', 'save it as UTF-8')
  }
  if (bytes.subarray(0, 4096).includes(0)) throw badFile(file, 'holds bytes that are no text', 'CSV is expected')
  return new TextDecoder().decode(bytes)
}

function newlines(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** What a label is called: `1.0` and `01` are the class 1. */
function labelName(file: string, columns: CsvColumns, field: string, line: number): string {
  const text = oneLine(field)
  const where = `in line ${line}, ${columnText(columns, columns.label!)}`
  if (text === '') throw badFile(file, `has no label ${where}`, 'fill it, or remove the line')
  const number = Number(text)
  if (Number.isNaN(number)) return text
  if (!Number.isSafeInteger(number)) {
    const right =
      'labels are words or whole numbers; where another column holds them, name it in csv.json (docs/data.md)'
    throw badFile(file, `has the label '${shown(text)}' ${where}`, right)
  }
  return String(number)
}

/** How settings call a column. */
const reference = ({ hasHeader, names }: CsvColumns, position: number): string =>
  hasHeader ? JSON.stringify(shown(names[position]!)) : names[position]!

function notANumber(file: string, columns: CsvColumns, position: number, field: string, line: number) {
  const where = `in line ${line}, ${columnText(columns, position)}`
  if (isMissing(field)) {
    const what = field.trim() === '' ? 'nothing' : `'${field.trim()}'`
    return badFile(file, `has ${what} ${where}`, 'fill it with a number, or remove the line')
  }
  const right = `features are finite numbers with a decimal point; "ignore": ${reference(columns, position)} in csv.json leaves the column out (docs/data.md)`
  return badFile(file, `has '${shown(field)}' ${where}`, right)
}

/**
 * Reads all rows of a file.
 * @param columns what its fields are; a file that has others is refused.
 * @throws UserError with the line and column of the first field that is not as it should be.
 */
export function readCsvTable(
  file: string,
  text: string,
  columns: CsvColumns,
  indices: { readonly labels: NameIndex; readonly recordings: NameIndex },
): CsvTable {
  const { separator, hasHeader, names, features, label, recording, time } = columns
  const width = features.length
  // Each field takes a character with what follows it: a file of empty lines asks for no more than its size.
  const most = Math.min(newlines(text) + 1, Math.ceil(text.length / names.length) + 1)
  const values = new Float32Array(most * width)
  const lines = new Int32Array(most)
  const labels = label === undefined ? undefined : new Int32Array(most)
  const recordings = recording === undefined ? undefined : new Int32Array(most)
  const times = time === undefined ? undefined : new Float64Array(most)
  const numbered = (index: NameIndex, name: string, position: number, line: number): number => {
    const number = index.of(name)
    if (number !== undefined) return number
    const wrong = `has more than ${index.names().length} different values in ${columnText(columns, position)}, up to line ${line}`
    const what =
      position === label ? 'classes; where another column is the label' : 'recordings; where another column says them'
    throw badFile(file, wrong, `these are too many ${what}, name it in csv.json (docs/data.md)`)
  }
  let rows = 0
  let isHeader = hasHeader
  const onRecord = (fields: readonly string[], line: number): void => {
    if (isHeader) {
      isHeader = false
      return
    }
    if (fields.length !== names.length) {
      const right = `${names.length} are expected, as in the first`
      throw badFile(file, `has ${fields.length} field${fields.length === 1 ? '' : 's'} in line ${line}`, right)
    }
    const start = rows * width
    for (let f = 0; f < width; f++) {
      const field = fields[features[f]!]!
      const value = Math.fround(Number(field))
      if (!Number.isFinite(value) || (value === 0 && field.trim() === '')) {
        throw notANumber(file, columns, features[f]!, field, line)
      }
      values[start + f] = value
    }
    lines[rows] = line
    if (labels !== undefined) {
      labels[rows] = numbered(indices.labels, labelName(file, columns, fields[label!]!, line), label!, line)
    }
    if (recordings !== undefined) {
      recordings[rows] = numbered(indices.recordings, fields[recording!]!.trim(), recording!, line)
    }
    if (times !== undefined) times[rows] = timeOf(fields[time!]!) ?? Number.NaN
    rows++
  }
  if (!forEachCsvRecord(text, onRecord, separator)) {
    throw badFile(file, 'ends within a quoted field', 'close the quotation mark')
  }
  return {
    file,
    rows,
    values: values.subarray(0, rows * width),
    labels: labels?.subarray(0, rows),
    recordings: recordings?.subarray(0, rows),
    times: times?.subarray(0, rows),
    lines: lines.subarray(0, rows),
  }
}
