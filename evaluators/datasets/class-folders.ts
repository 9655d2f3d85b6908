import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { SplitName } from './dataset.ts'
import { badFile, kindOfPath, listNames, unreadable } from './input-file.ts'
import type { SampleRange } from './splits.ts'

/** Which files of class folders are samples, and what they are called in messages. */
export interface Media {
  /** One sample, and several: `image`, `images`. */
  readonly names: readonly [one: string, several: string]
  /** The formats that are read, for choice and together: `PNG or JPEG`, `PNG and JPEG are`. */
  readonly formats: readonly [choice: string, together: string]
  readonly isSample: (name: string) => boolean
  /** Samples in formats that are not read, by their ending. */
  readonly isUnread: (name: string) => boolean
  /** Folders beside the classes that are none. */
  readonly isPassedOver?: (folder: string) => boolean
}

/** The parts that names of folders stand for. */
export const SPLIT_OF_FOLDER: Readonly<Record<string, SplitName>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  test: 'test',
  testing: 'test',
}

export interface LabelledFile {
  readonly file: string
  readonly label: number
}

interface Classes {
  readonly files: readonly LabelledFile[]
  /** Samples in formats that are not read. */
  readonly others: readonly string[]
}

export interface Listing extends Classes {
  readonly classNames: readonly string[]
  readonly ranges: readonly SampleRange[]
}

const subFolders = (folder: string): readonly string[] =>
  listNames(folder).filter((name) => kindOfPath(path.join(folder, name)) === 'folder')

/** Paths of the files in a folder and, sorted, in the folders within; links to folders are not followed. */
function filesBelow(folder: string): readonly string[] {
  const names = listNames(folder)
  const isFolder = new Set(inner(folder))
  return names.flatMap((name) => {
    const file = path.join(folder, name)
    return isFolder.has(name) ? filesBelow(file) : [file]
  })
}

/** Names of the folders in a folder that are no links. */
function inner(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    throw unreadable(folder, error)
  }
}

const splitFolders = (folder: string): readonly string[] =>
  subFolders(folder).filter((name) => Object.hasOwn(SPLIT_OF_FOLDER, name.toLowerCase()))

/** `.bmp and .gif` */
const endings = (files: readonly string[]): string =>
  [...new Set(files.map((file) => path.extname(file).toLowerCase()))].sort().join(' and ')

/** Class folders, or such folders inside `train`, `test` and `val`, with samples of one kind. */
export interface ClassFolders {
  /** Whether a folder holds class folders, or parts of them. */
  readonly matches: (folder: string) => boolean
  /** Folders with samples in them, right below the root or in a part. @throws UserError where the layout does not hold. */
  readonly list: (root: string) => Listing
  /** Says which samples are left out; nothing where there are none. */
  readonly passedOver: (root: string, listing: Listing) => readonly string[]
}

export function classFolders(media: Media): ClassFolders {
  const [one, several] = media.names
  const [choice, together] = media.formats
  const classesIn = (folder: string): readonly string[] =>
    subFolders(folder).filter((name) => media.isPassedOver?.(name) !== true)
  const hasSamplesBelow = (folder: string): boolean =>
    listNames(folder).some(media.isSample) ||
    subFolders(folder).some((name) => hasSamplesBelow(path.join(folder, name)))
  /** Where all samples lie deeper, two such folders tell classes from a folder around the data set. */
  const hasClasses = (folder: string): boolean => {
    const folders = classesIn(folder).map((name) => path.join(folder, name))
    return folders.some((each) => listNames(each).some(media.isSample)) || folders.filter(hasSamplesBelow).length > 1
  }
  /** Parts are parts only when they hold class folders: a class may well be called `test`. */
  const hasParts = (folder: string): boolean => splitFolders(folder).some((name) => hasClasses(path.join(folder, name)))

  const listClasses = (folder: string, classNames: readonly string[]): Classes => {
    const files: LabelledFile[] = []
    const others: string[] = []
    for (const name of classesIn(folder)) {
      const classFolder = path.join(folder, name)
      const label = classNames.indexOf(name)
      if (label === -1) {
        throw badFile(classFolder, `is a class without training ${several}`, 'add them, or remove the folder')
      }
      const all = filesBelow(classFolder)
      const samples = all.filter(media.isSample)
      const unread = all.filter(media.isUnread)
      if (samples.length === 0) {
        const right =
          unread.length === 0 ? 'add some, or remove the folder' : `convert its ${endings(unread)} files first`
        throw badFile(classFolder, `holds no ${choice} ${one}`, right)
      }
      for (const file of samples) files.push({ file, label })
      for (const file of unread) others.push(file)
    }
    return { files, others }
  }

  return {
    matches: (folder) => hasParts(folder) || hasClasses(folder),
    list: (root) => {
      if (!hasParts(root)) {
        const classNames = classesIn(root)
        const { files, others } = listClasses(root, classNames)
        return { classNames, files, others, ranges: [{ source: root, split: 'train', count: files.length }] }
      }
      const folders = splitFolders(root)
      const training = folders.find((name) => SPLIT_OF_FOLDER[name.toLowerCase()] === 'train')
      if (training === undefined) throw badFile(root, `holds only ${folders.join(' and ')}`, 'a folder train is needed')
      const classNames = classesIn(path.join(root, training))
      const files: LabelledFile[] = []
      const others: string[] = []
      const ranges: SampleRange[] = []
      for (const name of folders) {
        const source = path.join(root, name)
        const part = listClasses(source, classNames)
        for (const file of part.files) files.push(file)
        for (const file of part.others) others.push(file)
        ranges.push({ source, split: SPLIT_OF_FOLDER[name.toLowerCase()]!, count: part.files.length })
      }
      return { classNames, files, others, ranges }
    },
    passedOver: (root, { others }) => {
      if (others.length === 0) return []
      const [what, are] = others.length === 1 ? [one, 'is'] : [several, 'are']
      const example = path.relative(root, others[0]!)
      return [
        `${others.length} ${what} in '${root}' ${are} not read, such as '${example}': ${together}, so convert ${endings(others)} files to have them in the data`,
      ]
    },
  }
}
