import path from 'node:path'
import { classFolders, SPLIT_OF_FOLDER } from './class-folders.ts'
import { CSV_SETTINGS } from './csv-settings.ts'
import type { SplitName } from './dataset.ts'
import { assertExists, badFile, kindOfPath, listNames } from './input-file.ts'

export const isCsv = (name: string): boolean => /\.(csv|tsv)$/i.test(name)
/** Tables in formats that are not read. */
const isOtherTable = (name: string): boolean => /\.(arff|feather|parquet|xlsx?)$/i.test(name)
/** With such files around, a CSV file is about them. */
const isMedium = (name: string): boolean => /\.(png|jpe?g|gif|bmp|webp|wav|flac|mp3|ogg|npz|npy)$/i.test(name)

const FOLDERS = classFolders({
  names: ['recording', 'recordings'],
  formats: ['CSV', 'CSV is'],
  isSample: isCsv,
  isUnread: isOtherTable,
})

export interface CsvFile {
  readonly file: string
  readonly split: SplitName
  /** Where its folder says the class. */
  readonly label?: number
}

/** What there is to read, the training part first. */
export interface CsvFiles {
  readonly files: readonly CsvFile[]
  /** Where folders say the classes. */
  readonly classNames?: readonly string[]
  readonly notes: readonly string[]
}

const ORDER: readonly SplitName[] = ['train', 'validation', 'test']
const inOrder = (files: readonly CsvFile[]): readonly CsvFile[] =>
  ORDER.flatMap((split) => files.filter((file) => file.split === split))

const csvNames = (folder: string): readonly string[] =>
  listNames(folder).filter((name) => isCsv(name) && kindOfPath(path.join(folder, name)) === 'file')

/** Folders with CSV files, where all are called as parts: among others, one may be a class that is called `test`. */
function partFolders(folder: string): readonly string[] {
  const holding = listNames(folder).filter((name) => csvNames(path.join(folder, name)).length > 0)
  return holding.every((name) => Object.hasOwn(SPLIT_OF_FOLDER, name.toLowerCase())) ? holding : []
}

/** Whether a folder holds CSV files, class folders of them, parts, or settings that say so. */
export function holdsCsv(folder: string): boolean {
  const names = listNames(folder)
  if (names.includes(CSV_SETTINGS)) return true
  if (names.some(isMedium)) return false
  return names.some(isCsv) || FOLDERS.matches(folder)
}

/** The part that a file's name says as a word of its own: `train`, `test` or `validation`. */
function partOfName(name: string): SplitName | undefined {
  const words = name.toLowerCase().split(/[^a-z]+/)
  const parts = words.filter((word) => Object.hasOwn(SPLIT_OF_FOLDER, word)).map((word) => SPLIT_OF_FOLDER[word]!)
  return new Set(parts).size === 1 ? parts[0] : undefined
}

/** CSV files side by side: all are training files, unless names say the part of each. */
function filesSideBySide(folder: string): readonly CsvFile[] {
  const files = csvNames(folder).map((name) => ({ file: path.join(folder, name), split: partOfName(name) }))
  if (files.every(({ split }) => split === undefined)) return files.map(({ file }) => ({ file, split: 'train' }))
  const right = 'have train, validation or test in each name, or name the files in csv.json (docs/data.md)'
  const without = files.find(({ split }) => split === undefined)
  if (without !== undefined) throw badFile(without.file, 'is of no part, as others in its folder are', right)
  if (files.every(({ split }) => split !== 'train')) throw badFile(folder, 'holds no training file', right)
  return files as readonly CsvFile[]
}

/**
 * Finds the CSV files of a data set: one file, files side by side, or folders of them.
 * @throws UserError where the layout does not hold.
 */
export function listCsvFiles(target: string): CsvFiles {
  assertExists(target)
  if (kindOfPath(target) === 'file') return { files: [{ file: target, split: 'train' }], notes: [] }
  const parts = partFolders(target)
  const loose = csvNames(target)
  const isNested = parts.length > 0 || FOLDERS.matches(target)
  if (loose.length > 0 && isNested) {
    throw badFile(target, `holds CSV files such as '${loose[0]}' beside folders of them`, 'keep one or the other')
  }
  if (loose.length > 0) return { files: inOrder(filesSideBySide(target)), notes: [] }
  if (!isNested) throw badFile(target, 'holds no CSV file', 'name the files or their folder')
  if (parts.length > 0) {
    const files = parts.flatMap((part) =>
      csvNames(path.join(target, part)).map((name) => ({
        file: path.join(target, part, name),
        split: SPLIT_OF_FOLDER[part.toLowerCase()]!,
      })),
    )
    if (files.every(({ split }) => split !== 'train')) throw badFile(target, 'holds no folder train', 'add one')
    return { files: inOrder(files), notes: [] }
  }
  const listing = FOLDERS.list(target)
  if (listing.classNames.length === 1) {
    throw badFile(
      target,
      `holds one folder of CSV files, '${listing.classNames[0]}'`,
      'name that folder, or add classes',
    )
  }
  const splits = listing.ranges.flatMap(({ split, count }) => Array<SplitName>(count).fill(split))
  const files = listing.files.map((file, i) => ({ ...file, split: splits[i]! }))
  return { files: inOrder(files), classNames: listing.classNames, notes: FOLDERS.passedOver(target, listing) }
}
