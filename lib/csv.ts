/**
 * Calls `onRecord` for every record of a CSV text (RFC 4180): quoted fields may hold separators, doubled quotes and line
 * ends; lines end in LF or CRLF; empty lines are passed over.
 * @param onRecord its second argument is the record's line, from 1.
 * @param separator one character between fields, a comma by default.
 * @returns false when the text ends within a quoted field.
 */
export function forEachCsvRecord(
  text: string,
  onRecord: (fields: readonly string[], line: number) => void,
  separator = ',',
): boolean {
  let position = startOf(text)
  let line = 1
  while (position < text.length) {
    const record = recordAt(text, position, separator)
    if (record === undefined) return false
    if (record.fields !== undefined) onRecord(record.fields, line)
    position = record.next
    line += record.lines
  }
  return true
}

/** The fields of the first record; undefined where there is none, or it ends within a quoted field. */
export const firstCsvRecord = (text: string, separator: string): readonly string[] | undefined =>
  firstCsvRecords(text, separator, 1)[0]

/** The fields of the first records, `most` of them or fewer, up to one that ends within a quoted field. */
export function firstCsvRecords(text: string, separator: string, most: number): readonly (readonly string[])[] {
  const records: (readonly string[])[] = []
  for (let position = startOf(text); position < text.length && records.length < most; ) {
    const record = recordAt(text, position, separator)
    if (record === undefined) break
    if (record.fields !== undefined) records.push(record.fields)
    position = record.next
  }
  return records
}

interface CsvRecord {
  /** Undefined for an empty line. */
  readonly fields: readonly string[] | undefined
  /** Where the next record begins. */
  readonly next: number
  readonly lines: number
}

/** Behind a byte order mark. */
const startOf = (text: string): number => (text.startsWith('\uFEFF') ? 1 : 0)

/** Undefined when a quotation mark is never closed. */
function recordAt(text: string, position: number, separator: string): CsvRecord | undefined {
  const found = text.indexOf('\n', position)
  const end = found < 0 ? text.length : found
  const plain = text.slice(position, end)
  if (plain.includes('"')) return quotedRecord(text, position, separator)
  const record = plain.endsWith('\r') ? plain.slice(0, -1) : plain
  return { fields: record === '' ? undefined : record.split(separator), next: end + 1, lines: 1 }
}

function quotedRecord(text: string, start: number, separator: string): CsvRecord | undefined {
  const fields: string[] = []
  let field = ''
  let quoted = false
  let lines = 1
  for (let i = start; i < text.length; i++) {
    const character = text[i]!
    if (quoted) {
      if (character === '\n') lines++
      if (character !== '"') field += character
      else if (text[i + 1] === '"') field += text[++i]
      else quoted = false
    } else if (character === '"') {
      quoted = true
    } else if (character === separator) {
      fields.push(field)
      field = ''
    } else if (character === '\n') {
      return { fields: [...fields, field.replace(/\r$/, '')], next: i + 1, lines }
    } else {
      field += character
    }
  }
  return quoted ? undefined : { fields: [...fields, field.replace(/\r$/, '')], next: text.length, lines }
}
