import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { forEachCsvRecord } from '../../lib/csv.ts'

export type CsvRow = Readonly<Record<string, string>>

/** Reads a CSV file with a header line, gzip-compressed or not. */
export function readCsv(file: string): readonly CsvRow[] {
  const bytes = readFileSync(file)
  const records: (readonly string[])[] = []
  forEachCsvRecord((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'), (fields) => {
    if (fields.length > 1) records.push(fields)
  })
  const [header, ...rows] = records
  return rows.map((row) => Object.fromEntries(header!.map((name, column) => [name, row[column] ?? ''])))
}
