import { readdirSync } from 'node:fs'
import path from 'node:path'
import { messageOf, UserError } from '../../lib/errors.ts'
import { assembleDataset } from './assemble.ts'
import type { DatasetFormat, LoadOptions, SplitName } from './dataset.ts'
import { badFile, kindOfPath, listNames, MAX_BYTES, readFileStart, readInputFile, unreadable } from './input-file.ts'
import { createResizer } from './resize.ts'
import { sharedInt32, sharedUint8 } from './shared-arrays.ts'
import type { SampleRange } from './splits.ts'

/** Enough of a file to find its size in, past embedded previews and colour profiles. */
const HEADER_BYTES = 1 << 18
const MAX_FILE_BYTES = 1 << 28

const SPLIT_OF_FOLDER: Readonly<Record<string, SplitName>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  test: 'test',
}

const isImage = (name: string): boolean => /\.(png|jpe?g)$/i.test(name)
/** Images that are not read, by their ending. */
const OTHER_IMAGE = /\.(gif|bmp|webp|tiff?|hei[cf]|avif)$/i
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

const hasImagesBelow = (folder: string): boolean =>
  listNames(folder).some(isImage) || subFolders(folder).some((name) => hasImagesBelow(path.join(folder, name)))
/** Where all images lie deeper, two such folders tell classes from a folder around the data set. */
const hasClasses = (folder: string): boolean => {
  const folders = subFolders(folder).map((name) => path.join(folder, name))
  return folders.some((each) => listNames(each).some(isImage)) || folders.filter(hasImagesBelow).length > 1
}
const splitFolders = (folder: string): readonly string[] =>
  subFolders(folder).filter((name) => Object.hasOwn(SPLIT_OF_FOLDER, name.toLowerCase()))
/** Parts are parts only when they hold class folders: a class may well be called `test`. */
const hasParts = (folder: string): boolean => splitFolders(folder).some((name) => hasClasses(path.join(folder, name)))

interface ImageFile {
  readonly file: string
  readonly label: number
}

interface Classes {
  readonly files: readonly ImageFile[]
  /** Images in formats that are not read. */
  readonly others: readonly string[]
}

interface Listing {
  readonly classNames: readonly string[]
  readonly files: readonly ImageFile[]
  readonly others: readonly string[]
  readonly ranges: readonly SampleRange[]
}

function listClasses(folder: string, classNames: readonly string[]): Classes {
  const files: ImageFile[] = []
  const others: string[] = []
  for (const name of subFolders(folder)) {
    const classFolder = path.join(folder, name)
    const label = classNames.indexOf(name)
    if (label === -1) throw badFile(classFolder, 'is a class without training images', 'add them, or remove the folder')
    const all = filesBelow(classFolder)
    const images = all.filter(isImage)
    const unread = all.filter((file) => OTHER_IMAGE.test(file))
    if (images.length === 0) {
      const right =
        unread.length === 0 ? 'add some, or remove the folder' : `convert its ${endings(unread)} files first`
      throw badFile(classFolder, 'holds no PNG or JPEG image', right)
    }
    for (const file of images) files.push({ file, label })
    for (const file of unread) others.push(file)
  }
  return { files, others }
}

/** `.bmp and .gif` */
const endings = (files: readonly string[]): string =>
  [...new Set(files.map((file) => path.extname(file).toLowerCase()))].sort().join(' and ')

/** Says which images are left out; nothing where there are none. */
function passedOver(root: string, others: readonly string[]): readonly string[] {
  if (others.length === 0) return []
  const [what, are] = others.length === 1 ? ['image', 'is'] : ['images', 'are']
  const example = path.relative(root, others[0]!)
  return [
    `${others.length} ${what} in '${root}' ${are} not read, such as '${example}': PNG and JPEG are, so convert ${endings(others)} files to have them in the data`,
  ]
}

function listImages(root: string): Listing {
  if (!hasParts(root)) {
    const classNames = subFolders(root)
    const { files, others } = listClasses(root, classNames)
    return { classNames, files, others, ranges: [{ source: root, split: 'train', count: files.length }] }
  }
  const folders = splitFolders(root)
  const training = folders.find((name) => SPLIT_OF_FOLDER[name.toLowerCase()] === 'train')
  if (training === undefined) throw badFile(root, `holds only ${folders.join(' and ')}`, 'a folder train is needed')
  const classNames = subFolders(path.join(root, training))
  const files: ImageFile[] = []
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
}

/** What is wrong with each file that could not be read: noted instead of thrown, so that all are told at once. */
type Broken = Map<string, UserError>

function reading<T>(broken: Broken, file: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const wrong = messageOf(error)
    const sentence = /^(is|has|holds) /.test(wrong) ? wrong : `cannot be decoded (${wrong})`
    const right = 'replace it with an intact PNG or JPEG, or remove it'
    broken.set(file, error instanceof UserError ? error : badFile(file, sentence, right))
    return undefined
  }
}

/** Of as many as fit a sentence that can still be read. */
const LISTED = 10

function refuseBroken(root: string, broken: Broken): void {
  const [first] = broken.values()
  if (first === undefined) return
  if (broken.size === 1) throw first
  const told = [...broken].slice(0, LISTED).map(([file, { message }]) => {
    const wrong = message.slice(`'${file}' `.length).replace(/: [^:]*$/, '')
    return `'${path.relative(root, file)}' ${wrong}`
  })
  const more = broken.size > LISTED ? `; and ${broken.size - LISTED} more` : ''
  const wrong = `holds ${broken.size} images that cannot be read (${told.join('; ')}${more})`
  throw badFile(root, wrong, 'replace them with intact PNG or JPEG files, or remove them')
}

type Codec = typeof import('./image-codec.ts')

/** The most common `[height, width]`; of equally common ones, the smallest. */
function commonSize(
  root: string,
  codec: Codec,
  files: readonly ImageFile[],
  broken: Broken,
): readonly [number, number] {
  const counts = new Map<string, number>()
  for (const { file } of files) {
    const size = reading(broken, file, () => codec.imageSize(readFileStart(file, HEADER_BYTES)))
    if (size === undefined) continue
    const key = `${size.height}×${size.width}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  if (counts.size === 0) refuseBroken(root, broken)
  const sizes = [...counts].map(([key, count]) => ({ size: key.split('×').map(Number) as [number, number], count }))
  const area = ([height, width]: readonly [number, number]) => height * width
  sizes.sort((a, b) => b.count - a.count || area(a.size) - area(b.size) || a.size[0] - b.size[0])
  return sizes[0]!.size
}

function targetSize(root: string, codec: Codec, files: readonly ImageFile[], options: LoadOptions, broken: Broken) {
  const size = options.imageSize ?? commonSize(root, codec, files, broken)
  if (size.some((length) => !Number.isInteger(length) || length < 1)) {
    throw new UserError(`the image size ${size.join('×')} must be two whole numbers from 1, height and width`)
  }
  const bytes = files.length * size[0] * size[1] * 3
  if (bytes > MAX_BYTES) {
    const wrong = `needs ${bytes} bytes (${files.length} images of ${size.join('×')})`
    throw badFile(root, wrong, `at most ${MAX_BYTES} fit; resize the images first`)
  }
  return size
}

/** Keeps one of three equal channels where every pixel of every image is grey. */
function dropEqualChannels(rgb: Uint8Array): Uint8Array | undefined {
  for (let i = 0; i < rgb.length; i += 3) {
    if (rgb[i] !== rgb[i + 1] || rgb[i] !== rgb[i + 2]) return undefined
  }
  const grey = sharedUint8(rgb.length / 3)
  for (let i = 0; i < grey.length; i++) grey[i] = rgb[3 * i]!
  return grey
}

/** One sub-folder per class, or such folders inside `train`, `test` and `val`. */
export const imageFolderFormat: DatasetFormat = {
  id: 'image-folder',
  description:
    'image folder: one sub-folder of PNG or JPEG images per class, or such sub-folders inside train, test and val',
  matches: (folder) => hasParts(folder) || hasClasses(folder),
  load: async (folder, options) => {
    const codec = await import('./image-codec.ts')
    const { classNames, files, others, ranges } = listImages(folder)
    const broken: Broken = new Map()
    const [height, width] = targetSize(folder, codec, files, options, broken)
    const size = height * width * 3
    const rgb = sharedUint8(files.length * size)
    for (const [i, { file }] of files.entries()) {
      if (broken.has(file)) continue
      const image = reading(broken, file, () => codec.decodeImage(readInputFile(file, MAX_FILE_BYTES)))
      if (image === undefined) continue
      if (image.height === height && image.width === width) rgb.set(image.pixels, i * size)
      else createResizer([image.height, image.width], [height, width], 3)(image.pixels, 0, rgb, i * size)
    }
    refuseBroken(folder, broken)
    const grey = dropEqualChannels(rgb)
    const raw = {
      name: path.basename(path.resolve(folder)),
      inputShape: [height, width, grey === undefined ? 3 : 1],
      classNames,
      samples: grey ?? rgb,
      labels: sharedInt32(files.length),
      ranges,
    }
    for (const [i, { label }] of files.entries()) raw.labels[i] = label
    const dataset = assembleDataset(raw, options)
    const notes = passedOver(folder, others)
    return notes.length === 0 ? dataset : { ...dataset, notes }
  },
}
