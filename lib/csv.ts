/**
 * Calls `onRecord` for every record of a CSV text (RFC 4180): quoted fields may hold commas, doubled quotes and line
 * ends; lines end in LF or CRLF; empty lines are passed over.
 * @param onRecord its second argument is the record's line, from 1.
 * @returns false when the text ends within a quoted field.
 */
export function forEachCsvRecord(text: string, onRecord: (fields: readonly string[], line: number) => void): boolean {
  let position = text.startsWith('\uFEFF') ? 1 : 0
  let line = 1
  while (position < text.length) {
    const found = text.indexOf('\n', position)
    const end = found < 0 ? text.length : found
    const plain = text.slice(position, end)
    if (!plain.includes('"')) {
      const record = plain.endsWith('\r') ? plain.slice(0, -1) : plain
      if (record !== '') onRecord(record.split(','), line)
      position = end + 1
      line++
      continue
    }
    const quoted = quotedRecord(text, position)
    if (quoted === undefined) return false
    onRecord(quoted.fields, line)
    position = quoted.next
    line += quoted.lines
  }
  return true
}

interface QuotedRecord {
  readonly fields: readonly string[]
  /** Where the next record begins. */
  readonly next: number
  readonly lines: number
}

/** Undefined when a quotation mark is never closed. */
function quotedRecord(text: string, start: number): QuotedRecord | undefined {
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
    } else if (character === ',') {
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
