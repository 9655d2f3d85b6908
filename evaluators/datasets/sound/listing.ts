import path from 'node:path'
import { classFolders, type LabelledFile, type Listing, type Media } from '../class-folders.ts'
import type { SplitName } from '../dataset.ts'
import { badFile, kindOfPath, listNames, readInputFile } from '../input-file.ts'

export const SOUND: Media = {
  names: ['recording', 'recordings'],
  formats: ['WAV', 'WAV files are'],
  isSample: (name) => /\.wav$/i.test(name),
  isUnread: (name) => /\.(flac|mp3|ogg|opus|m4a|aiff?|sph)$/i.test(name),
  // Speech Commands keeps its background noise so.
  isPassedOver: (folder) => folder.startsWith('_'),
}
const folders = classFolders(SOUND)

/** `yes_anna_3.wav`: the class, what tells recordings of it apart. */
const NAME_WITH_CLASS = /^([^_]+)_.+\.wav$/i
const soundsIn = (folder: string): readonly string[] => listNames(folder).filter(SOUND.isSample)

/** Recordings right in a folder whose names all begin with a class and an underscore, of two classes at least. */
function classesOfNames(folder: string): readonly string[] | undefined {
  const classes = soundsIn(folder).map((name) => NAME_WITH_CLASS.exec(name)?.[1])
  const distinct = new Set(classes)
  if (distinct.size < 2 || distinct.has(undefined)) return undefined
  return [...(distinct as Set<string>)].sort()
}

/** Files that name recordings of a part, a path a line, as Speech Commands has them. */
const LISTS: readonly (readonly [string, SplitName])[] = [
  ['testing_list.txt', 'test'],
  ['validation_list.txt', 'validation'],
]
const MAX_LIST_BYTES = 1 << 26

/** Recordings of parts by lists where there are some; those of classes that were taken away are passed over. */
function applyLists(root: string, listing: Listing): Listing {
  const parts = new Map<SplitName, LabelledFile[]>([
    ['train', []],
    ['validation', []],
    ['test', []],
  ])
  const partOf = new Map<string, SplitName>()
  for (const [name, split] of LISTS) {
    const file = path.join(root, name)
    if (kindOfPath(file) === undefined) continue
    const lines = new TextDecoder().decode(readInputFile(file, MAX_LIST_BYTES)).split(/\r?\n/)
    const wanted = lines.map((line) => line.trim()).filter((line) => line !== '')
    for (const line of wanted) partOf.set(path.join(root, line), split)
  }
  if (partOf.size === 0) return listing
  for (const each of listing.files) parts.get(partOf.get(each.file) ?? 'train')!.push(each)
  for (const [name, split] of LISTS) {
    const isNamed = [...partOf.values()].includes(split)
    if (!isNamed || parts.get(split)!.length > 0) continue
    throw badFile(path.join(root, name), 'names no recording that is there', `a path below '${root}' in each line`)
  }
  return {
    ...listing,
    files: [...parts.values()].flat(),
    ranges: [...parts].map(([split, files]) => ({ source: root, split, count: files.length })),
  }
}

export const holdsSound = (folder: string): boolean => folders.matches(folder) || classesOfNames(folder) !== undefined

/** The recordings of a folder with their classes and parts. @throws UserError where the layout does not hold. */
export function listSounds(root: string): Listing {
  const classNames = folders.matches(root) ? undefined : classesOfNames(root)
  if (classNames !== undefined) {
    const files = soundsIn(root).map((name) => ({
      file: path.join(root, name),
      label: classNames.indexOf(NAME_WITH_CLASS.exec(name)![1]!),
    }))
    const others = listNames(root).filter(SOUND.isUnread)
    const ranges = [{ source: root, split: 'train' as const, count: files.length }]
    const listing = { classNames, files, others: others.map((name) => path.join(root, name)), ranges }
    return applyLists(root, listing)
  }
  const inner = listNames(root).filter((name) => soundsIn(path.join(root, name)).length > 0)
  const [only] = inner
  if (inner.length === 1 && only !== undefined && classesOfNames(path.join(root, only)) !== undefined) {
    throw badFile(root, `holds one folder of recordings, '${only}'`, `name '${path.join(root, only)}' itself`)
  }
  const listing = folders.list(root)
  return listing.ranges.some(({ split }) => split !== 'train') ? listing : applyLists(root, listing)
}

/** Of as many as a sentence can hold. */
const SHOWN_NAMES = 12
const namesText = (names: readonly string[]): string =>
  names.length <= SHOWN_NAMES
    ? names.join(', ')
    : `${names.slice(0, SHOWN_NAMES).join(', ')} and ${names.length - SHOWN_NAMES} more`

/** Says which files are left out, and where classes come from names of files, which those are; a sentence each. */
export function listingNotes(root: string, listing: Listing): readonly string[] {
  const aside = listNames(root).filter(
    (name) => SOUND.isPassedOver!(name) && soundsIn(path.join(root, name)).length > 0,
  )
  const note = aside.map((name) => `'${path.join(root, name)}' is no class, as its name begins with _: it is left out`)
  const flat = folders.matches(root)
    ? []
    : [`classes are the beginnings of the file names in '${root}': ${namesText(listing.classNames)}`]
  return [...folders.passedOver(root, listing), ...note, ...flat]
}

/** `0a7c2a8d_nohash_3.wav`: recordings whose names begin alike are of one speaker, whom Speech Commands keeps in one part. */
const NAME_WITH_SPEAKER = /^(.+)_nohash_\d+\.wav$/i

/** The speaker of each recording, by number; undefined where some name has none. */
export function speakersOf({ files }: Listing): Int32Array | undefined {
  const numbers = new Map<string, number>()
  const speakers = new Int32Array(files.length)
  for (const [i, { file }] of files.entries()) {
    const name = NAME_WITH_SPEAKER.exec(path.basename(file))?.[1]
    if (name === undefined) return undefined
    const number = numbers.get(name) ?? numbers.size
    numbers.set(name, number)
    speakers[i] = number
  }
  return speakers
}
