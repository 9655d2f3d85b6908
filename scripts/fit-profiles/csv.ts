import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

export type CsvRow = Readonly<Record<string, string>>

/** Splits one CSV text into records of fields; quoted fields may hold commas, quotes (doubled) and line ends. */
function records(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let field = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (quoted) {
      if (char !== '"') field += char
      else if (text[i + 1] === '"') field += text[++i]
      else quoted = false
    } else if (char === '"') quoted = true
    else if (char === ',') {
      row.push(field)
      field = ''
    } else if (char === '\n') {
      row.push(field.replace(/\r$/, ''))
      rows.push(row)
      row = []
      field = ''
    } else field += char
  }
  if (field !== '' || row.length > 0) rows.push([...row, field])
  return rows
}

/** Reads a CSV file with a header line, gzip-compressed or not. */
export function readCsv(file: string): readonly CsvRow[] {
  const bytes = readFileSync(file)
  const [header, ...rows] = records((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'))
  return rows
    .filter((row) => row.length > 1)
    .map((row) => Object.fromEntries(header!.map((name, column) => [name, row[column] ?? ''])))
}
