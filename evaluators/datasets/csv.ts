import path from 'node:path'
import type { Shape } from '../../network/types.ts'
import { assembleDataset, MAX_CLASSES } from './assemble.ts'
import { type CsvColumns, chooseColumns, layoutOf, shown, shownNames } from './csv-columns.ts'
import { type CsvFile, type CsvFiles, holdsCsv, isCsv, listCsvFiles } from './csv-files.ts'
import { boundedWindows, type WindowSize, windowValues } from './csv-samples.ts'
import { type CsvSettings, readCsvSettings } from './csv-settings.ts'
import { type CsvTable, NameIndex, readCsvTable, readCsvText } from './csv-table.ts'
import { blocksOf, type Stretch, stretchesOf, type Window } from './csv-windows.ts'
import type { DatasetFormat, SplitName } from './dataset.ts'
import { badFile, kindOfPath, MAX_BYTES } from './input-file.ts'
import { sharedInt32 } from './shared-arrays.ts'

const MAX_RECORDINGS = 1_000_000
/** Names of features that are said with an exported network. */
const DESCRIBED = 200

/** What all files together hold. */
interface CsvData {
  readonly target: string
  readonly settings: CsvSettings
  readonly columns: CsvColumns
  readonly tables: readonly (CsvFile & { readonly table: CsvTable })[]
  /** Names of classes by their number in tables, or by folder. */
  readonly labels: readonly string[]
  readonly notes: readonly string[]
}

function readAll(target: string): CsvData {
  const settings = readCsvSettings(target)
  const listing: CsvFiles = settings.parts.length > 0 ? { files: settings.parts, notes: [] } : listCsvFiles(target)
  const indices = { labels: new NameIndex(MAX_CLASSES), recordings: new NameIndex(MAX_RECORDINGS) }
  const byFolder = listing.classNames !== undefined
  const tables: (CsvFile & { readonly table: CsvTable })[] = []
  let columns: CsvColumns | undefined
  let bytes = 0
  for (const file of listing.files) {
    const text = readCsvText(file.file)
    if (columns === undefined) columns = chooseColumns(file.file, text, settings, byFolder)
    else checkColumns(file.file, text, columns, listing.files[0]!.file)
    const table = readCsvTable(file.file, text, columns, indices)
    bytes += table.values.byteLength
    if (bytes > MAX_BYTES) throw badFile(target, `holds more than ${MAX_BYTES} bytes of readings`, 'take a part')
    tables.push({ ...file, table })
  }
  const labels = listing.classNames ?? indices.labels.names()
  return { target, settings, columns: columns!, tables, labels, notes: listing.notes }
}

/** @throws UserError when a file has other columns than the first. */
function checkColumns(file: string, text: string, { hasHeader, names, separator }: CsvColumns, first: string): void {
  const layout = layoutOf(file, text)
  const right = `they must be those of '${first}': ${shownNames(names)}`
  if (layout.hasHeader !== hasHeader) throw badFile(file, `has ${layout.hasHeader ? 'a' : 'no'} header`, right)
  if (layout.separator !== separator) throw badFile(file, 'has another separator', `it must be that of '${first}'`)
  if (layout.names.join('\n') !== names.join('\n')) {
    throw badFile(file, `has the columns ${shownNames(layout.names)}`, right)
  }
}

/** Readings of a window; `all` means those of the recordings, which must then be equally long. */
function windowSize({ target, settings, tables }: CsvData, byFolder: boolean): WindowSize {
  const wanted = settings.window ?? (byFolder ? 'all' : 1)
  if (wanted !== 'all') return { length: wanted, step: settings.step ?? wanted }
  const stretches = tables.flatMap(({ table }) => stretchesOf(table, false))
  const [shortest, longest] = stretches.reduce(
    ([least, most], each) => [each.count < least.count ? each : least, each.count > most.count ? each : most],
    [stretches[0]!, stretches[0]!],
  )
  if (shortest.count !== longest.count) {
    const range = `${shortest.count} readings ('${shortest.table.file}') to ${longest.count} ('${longest.table.file}')`
    throw badFile(
      target,
      `holds recordings of ${range}`,
      'say how many make a sample in csv.json, such as {"window": 50} (docs/data.md)',
    )
  }
  return { length: longest.count, step: longest.count }
}

interface Part {
  readonly file: string
  readonly split: SplitName
  readonly windows: readonly Window[]
}

/** Which samples stay together when parts are made: none, or those of a recording, or of a block of one. */
function partsOf(data: CsvData, size: WindowSize, byFolder: boolean) {
  const { target, settings, columns, tables } = data
  const wholeRecordings = (settings.window ?? (byFolder ? 'all' : 1)) === 'all'
  const isSeries =
    !wholeRecordings && (byFolder || columns.isSeries || columns.recording !== undefined || size.length > 1)
  const stretches = tables.map(({ table }) => stretchesOf(table, !wholeRecordings))
  const training = tables.flatMap(({ split }, i) => (split === 'train' ? stretches[i]! : []))
  const hasAllParts = ['validation', 'test'].every((part) => tables.some(({ split }) => split === part))
  const blocks: readonly Stretch[] =
    columns.recording !== undefined
      ? training.map((each) => ({ ...each, group: each.table.recordings![each.start]! }))
      : hasAllParts || !isSeries
        ? training.map((each, group) => ({ ...each, group }))
        : blocksOf(training, size.length)
  const blocksOfTable = Map.groupBy(blocks, ({ table }) => table)
  const others = (i: number): readonly Stretch[] => stretches[i]!.map((each) => ({ ...each, group: -1 }))
  const all = tables.map(({ split, table }, i) => (split === 'train' ? (blocksOfTable.get(table) ?? []) : others(i)))
  // Counted together: many files may be too much where each is not.
  const windows = Map.groupBy(boundedWindows(target, all.flat(), size, columns.features.length), ({ table }) => table)
  const parts = tables.map(({ file, split, table }): Part => ({ file, split, windows: windows.get(table) ?? [] }))
  const longest = training.reduce((most, { count }) => Math.max(most, count), 0)
  const recordings = stretches.flat()
  const short = recordings.filter(({ count }) => count < size.length).length
  return { parts, isSeries, blocks: blocks.length, longest, short, recordings: recordings.length }
}

/** Numeric classes by value, others by name. */
function sortedClasses(names: Iterable<string>): readonly string[] {
  const all = [...names]
  const isNumeric = all.every((name) => /^-?\d+$/.test(name))
  return all.sort(isNumeric ? (a, b) => Number(a) - Number(b) : undefined)
}

/** The label of a window is that of its last reading: what a device that has just taken it has to say. */
function labelsOf(data: CsvData, parts: readonly Part[], { length }: WindowSize, byFolder: boolean) {
  const { tables, labels: names } = data
  const nameOf = (i: number, { table, start }: Window): string =>
    names[byFolder ? tables[i]!.label! : table.labels![start + length - 1]!]!
  const found = new Set<string>()
  for (const [i, { split, windows }] of parts.entries()) {
    if (split === 'train') for (const window of windows) found.add(nameOf(i, window))
  }
  const classNames = byFolder ? names : sortedClasses(found)
  const numbers = new Map(classNames.map((name, number) => [name, number]))
  const labels = sharedInt32(parts.reduce((sum, { windows }) => sum + windows.length, 0))
  let next = 0
  for (const [i, { file, windows }] of parts.entries()) {
    for (const window of windows) {
      const name = nameOf(i, window)
      const label = found.has(name) ? numbers.get(name)! : undefined
      if (label === undefined) {
        const line = window.table.lines[window.start + length - 1]!
        throw badFile(file, `has the class '${shown(name)}' in line ${line}`, 'no training sample has it')
      }
      labels[next++] = label
    }
  }
  return { classNames, labels }
}

function shapeOf({ target, settings, columns }: CsvData, { length }: WindowSize): Shape {
  const { shape } = settings
  const features = columns.features.length
  if (shape === undefined) return [length, 1, features]
  const [height, width, channels = 1] = shape as [number, number, number?]
  if (height * width * channels !== features) {
    const right = `its rows have ${features} features: ${shownNames(columns.features.map((f) => columns.names[f]!))}`
    throw badFile(target, `has the shape ${shape.join(' × ')}, which are ${height * width * channels} values`, right)
  }
  return [height, width, channels]
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** One line of what was understood. */
function readingNote(data: CsvData, { length, step }: WindowSize, blocks: number | undefined): string {
  const { target, columns, settings } = data
  const { names, hasHeader, label, recording, features, leftOut } = columns
  const word = (position: number): string => (hasHeader ? `'${shown(names[position]!)}'` : `column ${names[position]}`)
  const said = [
    label === undefined ? 'classes by folder' : `label ${word(label)}`,
    `${counted(features.length, 'feature')}${hasHeader ? ` (${shownNames(features.map((f) => names[f]!))})` : ''}`,
    ...(leftOut.length === 0 ? [] : [`no features: ${shownNames(leftOut)}`]),
    ...(length === 1 && settings.window !== 1
      ? []
      : [`a sample is ${counted(length, 'reading')}${step === length ? '' : `, one every ${step}`}`]),
    ...(recording === undefined
      ? []
      : [`recordings by ${word(recording)}${blocks === undefined ? '' : ', and so parts'}`]),
    ...(blocks === undefined || recording !== undefined ? [] : [`parts by ${counted(blocks, 'block')} of time`]),
  ]
  return `'${target}': ${said.join('; ')}`
}

/** Says how many recordings no window fits into. */
const shortNote = ({ target }: CsvData, { length }: WindowSize, short: number, recordings: number): string =>
  `of ${counted(recordings, 'recording')} in '${target}' ${short} with fewer than ${length} readings without a gap give no sample: a smaller window in csv.json takes them in`

/** What a sample and its channels are, for whoever has to feed an exported network. */
function meaningOf({ columns: { hasHeader, names, features }, settings: { shape } }: CsvData, { length }: WindowSize) {
  // Texts of exports show code between backticks.
  const featureNames = features.map((f) => shown(names[f]!).replaceAll('`', "'"))
  const order = hasHeader ? shownNames(featureNames, DESCRIBED) : `columns ${ranges(features.map((f) => f + 1))}`
  if (shape !== undefined) return { sampleMeaning: `a row of features as ${shape.join(' x ')}: ${order}` }
  return {
    sampleMeaning:
      length === 1 ? `a row of features: ${order}` : `${length} readings, the oldest first, each of ${order}`,
    channelNames: hasHeader ? featureNames : featureNames.map((name) => `column ${name}`),
  }
}

/** `1 to 64, 66` */
function ranges(numbers: readonly number[]): string {
  const starts = numbers.filter((number, i) => number !== (numbers[i - 1] ?? Number.NaN) + 1)
  const ends = numbers.filter((number, i) => number !== (numbers[i + 1] ?? Number.NaN) - 1)
  return starts.map((start, i) => (start === ends[i] ? `${start}` : `${start} to ${ends[i]}`)).join(', ')
}

/** Tables of numbers with a label: rows of features, or windows of readings. */
export const csvFormat: DatasetFormat = {
  id: 'csv',
  description: 'CSV: a .csv file or a folder of them, or one folder of .csv recordings per class',
  matches: (target) => (kindOfPath(target) === 'folder' ? holdsCsv(target) : isCsv(target)),
  load: async (target, options) => {
    const data = readAll(target)
    const byFolder = data.columns.label === undefined
    const size = windowSize(data, byFolder)
    const { parts, isSeries, blocks, longest, short, recordings } = partsOf(data, size, byFolder)
    const windows = parts.flatMap((part) => [...part.windows])
    if (!parts.some(({ split, windows: own }) => split === 'train' && own.length > 0)) {
      const right = `take a shorter window: the longest stretch has ${longest}`
      throw badFile(target, `holds no ${size.length} readings of one recording without a gap`, right)
    }
    const { classNames, labels } = labelsOf(data, parts, size, byFolder)
    const makesParts = isSeries && new Set(parts.map(({ split }) => split)).size < 3
    const dataset = assembleDataset(
      {
        name: path.basename(path.resolve(target)).replace(/\.(csv|tsv)$/i, ''),
        inputShape: shapeOf(data, size),
        classNames,
        samples: windowValues(windows, size.length, data.columns.features.length),
        labels,
        ranges: parts.map(({ file, split, windows: own }) => ({ source: file, split, count: own.length })),
        ...(makesParts ? { groups: Int32Array.from(windows, ({ group }) => group) } : {}),
      },
      options,
    )
    const notes = [
      readingNote(data, size, makesParts ? blocks : undefined),
      ...(short === 0 ? [] : [shortNote(data, size, short, recordings)]),
      ...data.notes,
    ]
    return { ...dataset, ...meaningOf(data, size), notes }
  },
}
