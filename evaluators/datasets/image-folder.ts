import path from 'node:path'
import { UserError } from '../../lib/errors.ts'
import { assembleDataset } from './assemble.ts'
import { BrokenFiles } from './broken-files.ts'
import { classFolders, type LabelledFile, type Media } from './class-folders.ts'
import type { DatasetFormat, LoadOptions } from './dataset.ts'
import { badFile, MAX_BYTES, readFileStart, readInputFile } from './input-file.ts'
import { createResizer } from './resize.ts'
import { sharedInt32, sharedUint8 } from './shared-arrays.ts'

/** Enough of a file to find its size in, past embedded previews and colour profiles. */
const HEADER_BYTES = 1 << 18
const MAX_FILE_BYTES = 1 << 28

const IMAGES: Media = {
  names: ['image', 'images'],
  formats: ['PNG or JPEG', 'PNG and JPEG are'],
  isSample: (name) => /\.(png|jpe?g)$/i.test(name),
  isUnread: (name) => /\.(gif|bmp|webp|tiff?|hei[cf]|avif)$/i.test(name),
}
const { matches, list, passedOver } = classFolders(IMAGES)

type Codec = typeof import('./image-codec.ts')

/** The most common `[height, width]`; of equally common ones, the smallest. */
function commonSize(
  root: string,
  codec: Codec,
  files: readonly LabelledFile[],
  broken: BrokenFiles,
): readonly [number, number] {
  const counts = new Map<string, number>()
  for (const { file } of files) {
    const size = broken.reading(file, () => codec.imageSize(readFileStart(file, HEADER_BYTES)))
    if (size === undefined) continue
    const key = `${size.height}×${size.width}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  if (counts.size === 0) broken.refuse(root)
  const sizes = [...counts].map(([key, count]) => ({ size: key.split('×').map(Number) as [number, number], count }))
  const area = ([height, width]: readonly [number, number]) => height * width
  sizes.sort((a, b) => b.count - a.count || area(a.size) - area(b.size) || a.size[0] - b.size[0])
  return sizes[0]!.size
}

function targetSize(
  root: string,
  codec: Codec,
  files: readonly LabelledFile[],
  options: LoadOptions,
  broken: BrokenFiles,
) {
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
  matches,
  load: async (folder, options) => {
    const codec = await import('./image-codec.ts')
    const listing = list(folder)
    const { classNames, files, ranges } = listing
    const broken = new BrokenFiles(IMAGES.names[1], IMAGES.formats[0])
    const [height, width] = targetSize(folder, codec, files, options, broken)
    const size = height * width * 3
    const rgb = sharedUint8(files.length * size)
    for (const [i, { file }] of files.entries()) {
      if (broken.has(file)) continue
      const image = broken.reading(file, () => codec.decodeImage(readInputFile(file, MAX_FILE_BYTES)))
      if (image === undefined) continue
      if (image.height === height && image.width === width) rgb.set(image.pixels, i * size)
      else createResizer([image.height, image.width], [height, width], 3)(image.pixels, 0, rgb, i * size)
    }
    broken.refuse(folder)
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
    const notes = passedOver(folder, listing)
    return notes.length === 0 ? dataset : { ...dataset, notes }
  },
}
