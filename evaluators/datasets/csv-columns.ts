import { firstCsvRecords } from '../../lib/csv.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { ColumnReference, CsvSettings } from './csv-settings.ts'
import { timeOf } from './csv-time.ts'
import { badFile } from './input-file.ts'

/** What each field of a record is. Positions count from 0. */
export interface CsvColumns {
  readonly separator: string
  readonly hasHeader: boolean
  /** As the header calls the fields; their numbers from 1 where there is none. */
  readonly names: readonly string[]
  /** Undefined where folders say the class. */
  readonly label: number | undefined
  /** Whether lines were taken one after the other: there is a time. */
  readonly isSeries: boolean
  /** When a reading was taken, where that can be compared. */
  readonly time: number | undefined
  /** What readings of one recording have in common. */
  readonly recording: number | undefined
  readonly features: readonly number[]
  /** What is no feature, in words. */
  readonly leftOut: readonly string[]
}

const SEPARATORS = [',', ';', '\t']
const LABEL_NAMES = ['label', 'class', 'target']
const ID_NAMES = ['id', 'index', 'row', 'subject', 'participant']
const TIME_NAME = /^(date|time|timestamp|datetime)(ns|us|ms|s|sec|seconds)?$|^secondselapsed$/
const SHOWN = 8
const SHOWN_CHARACTERS = 40

export const isMissing = (field: string): boolean => /^(|na|n\/a|nan|null|none|-|\?)$/i.test(field.trim())
const isNumber = (field: string): boolean => field.trim() !== '' && Number.isFinite(Number(field))

const isRowName = (name: string): boolean => name === '' || /^unnamed: ?\d+$/i.test(name)
const isTimeName = (name: string): boolean =>
  TIME_NAME.test(
    name
      .toLowerCase()
      .replace(/[µμ]/g, 'u')
      .replace(/[^a-z]/g, ''),
  )
const among = (names: readonly string[], name: string): boolean => names.includes(name.toLowerCase())
/** `id`, `user_id`, `deviceId` */
const isIdName = (name: string): boolean => among(ID_NAMES, name) || /[ _-]id$/i.test(name) || /[a-z]I[Dd]$/.test(name)
const isDate = (field: string): boolean => !isNumber(field) && timeOf(field) !== undefined

/** Without space at its ends or line ends within, which a quoted field may have. */
export const oneLine = (field: string): string => field.trim().replace(/\s+/g, ' ')

/** A field as messages show it. */
export const shown = (field: string): string => {
  const text = oneLine(field)
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}

/** `a, b, c and 5 more` */
export function shownNames(names: readonly string[], most = SHOWN): string {
  const first = names.slice(0, most).map(shown).join(', ')
  return names.length <= most ? first : `${first} and ${names.length - most} more`
}

/** How a column is called in messages. */
export const columnText = ({ hasHeader, names }: Pick<CsvColumns, 'hasHeader' | 'names'>, position: number): string =>
  hasHeader ? `column '${shown(names[position]!)}'` : `column ${names[position]}`

interface Layout {
  readonly separator: string
  readonly hasHeader: boolean
  readonly names: readonly string[]
  /** Fields of the first row of data. */
  readonly row: readonly string[]
}

/** Finds the separator, whether there is a header, and its names: R leaves out the name of the row names. */
export function layoutOf(file: string, text: string): Layout {
  const [separator, records] = SEPARATORS.map((each) => [each, firstCsvRecords(text, each, 2)] as const).reduce(
    (best, next) => ((next[1][0]?.length ?? 0) > (best[1][0]?.length ?? 0) ? next : best),
  )
  const first = (records[0] ?? []).map(oneLine)
  const second = records[1] ?? []
  if (first.length < 2) {
    throw badFile(file, 'has lines of one field', 'fields with commas, semicolons or tabs between them are expected')
  }
  const hasRowNames = second.length === first.length + 1 && !first.some(isNumber)
  const names = hasRowNames ? ['', ...first] : first
  const hasHeader =
    hasRowNames ||
    names.some(
      (name, i) => among(LABEL_NAMES, name) || (!isMissing(name) && !isNumber(name) && isNumber(second[i] ?? '')),
    )
  if (!hasHeader) return { separator, hasHeader, names: first.map((_, i) => `${i + 1}`), row: first }
  if (second.length === 0) throw badFile(file, 'has a header and no line of data', 'add some, or remove the file')
  return { separator, hasHeader, names, row: second }
}

function positionOf(file: string, layout: Layout, reference: ColumnReference): number {
  const name = String(reference)
  const position = layout.names.indexOf(name)
  if (position === -1) {
    const known = layout.hasHeader
      ? unknownName('column', name, layout.names)
      : `it has no header, and columns 1 to ${layout.names.length}`
    throw badFile(file, `has no column '${name}'`, known)
  }
  if (layout.names.lastIndexOf(name) !== position) {
    throw badFile(file, `has several columns '${name}'`, 'give each a name of its own')
  }
  return position
}

/** The column that says the class: by the settings, by its name, else the last that may be one. */
function labelPosition(file: string, layout: Layout, settings: CsvSettings, taken: ReadonlySet<number>): number {
  if (settings.label !== undefined) return positionOf(file, layout, settings.label)
  const free = layout.names.map((_, i) => i).filter((i) => !taken.has(i))
  const named = free.filter((i) => layout.hasHeader && among(LABEL_NAMES, layout.names[i]!))
  if (named.length > 1) {
    const found = named.map((i) => `'${shown(layout.names[i]!)}'`).join(' and ')
    throw badFile(file, `has the columns ${found}`, 'say which is the label in csv.json (docs/data.md)')
  }
  const isOther = (name: string, i: number): boolean =>
    isTimeName(name) || isIdName(name) || (layout.hasHeader && isRowName(name)) || isDate(layout.row[i] ?? '')
  const last = free.filter((i) => !isOther(layout.names[i]!, i)).at(-1)
  return named[0] ?? last ?? layout.names.length - 1
}

/**
 * Decides what each column is, from the header and the first row of data.
 * @param byFolder whether folders say the class: then a label column is left out.
 * @throws UserError when a named column is not there or nothing is left for features.
 */
export function chooseColumns(file: string, text: string, settings: CsvSettings, byFolder: boolean): CsvColumns {
  const layout = layoutOf(file, text)
  const { names, hasHeader, row, separator } = layout
  const ignored = new Set(settings.ignore.map((name) => positionOf(file, layout, name)))
  const recording = settings.recording === undefined ? undefined : positionOf(file, layout, settings.recording)
  const taken = new Set([...ignored, ...(recording === undefined ? [] : [recording])])
  const label = byFolder ? undefined : labelPosition(file, layout, settings, taken)
  const leftOut: string[] = []
  const features: number[] = []
  const times: number[] = []
  for (const [i, name] of names.entries()) {
    if (i === label || i === recording) continue
    if (ignored.has(i)) leftOut.push(name)
    else if (hasHeader && isRowName(name)) leftOut.push('row names')
    else if (hasHeader && isIdName(name)) leftOut.push(name)
    else if (isTimeName(name) || isDate(row[i] ?? '')) {
      leftOut.push(name)
      times.push(i)
    } else if (byFolder && among(LABEL_NAMES, name)) leftOut.push(name)
    else features.push(i)
  }
  if (features.length === 0) {
    throw badFile(file, `has no column of features beside ${shownNames(names)}`, 'add columns of numbers')
  }
  const time = times.find((i) => timeOf(row[i] ?? '') !== undefined)
  const isSeries = times.length > 0
  return { separator, hasHeader, names, label, isSeries, time, recording, features, leftOut }
}
