import path from 'node:path'
import { assembleDataset } from './assemble.ts'
import { BrokenFiles } from './broken-files.ts'
import { classFolders, type LabelledFile, type Media } from './class-folders.ts'
import type { DatasetFormat } from './dataset.ts'
import type { RgbImage } from './image-codec.ts'
import { IMAGE_SETTINGS, type ImageSettings, readImageSettings } from './image-settings.ts'
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

type Size = readonly [height: number, width: number]

/** How many images have each size, the most common first; of equally common ones, the smallest. */
function sizesOf(
  root: string,
  codec: Codec,
  files: readonly LabelledFile[],
  broken: BrokenFiles,
): readonly { readonly size: Size; readonly count: number }[] {
  const counts = new Map<string, number>()
  for (const { file } of files) {
    const size = broken.reading(file, () => codec.imageSize(readFileStart(file, HEADER_BYTES)))
    if (size === undefined) continue
    const key = `${size.height}×${size.width}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  if (counts.size === 0) broken.refuse(root)
  const sizes = [...counts].map(([key, count]) => ({ size: key.split('×').map(Number) as [number, number], count }))
  const area = ([height, width]: Size) => height * width
  return sizes.sort((a, b) => b.count - a.count || area(a.size) - area(b.size) || a.size[0] - b.size[0])
}

/** @throws UserError where so many images do not fit. */
function checkBytes(root: string, images: number, [height, width]: Size): void {
  const bytes = images * height * width * 3
  if (bytes <= MAX_BYTES) return
  const wrong = `needs ${bytes} bytes (${images} images of ${height}×${width})`
  throw badFile(
    root,
    wrong,
    `at most ${MAX_BYTES} fit; give a smaller size in '${path.join(root, IMAGE_SETTINGS)}', such as {"size": 96}`,
  )
}

/** Larger images are seldom what a small device reads. */
const LARGE_PIXELS = 160 * 160

/** How the images fit the size that they get, for people; nothing where all have a small one. */
function sizeNotes(
  root: string,
  [height, width]: Size,
  sizes: ReturnType<typeof sizesOf>,
  { size, crop }: ImageSettings,
): readonly string[] {
  const count = (some: typeof sizes): number => some.reduce((sum, each) => sum + each.count, 0)
  const others = sizes.filter((each) => each.size[0] !== height || each.size[1] !== width)
  const odd = crop ? 0 : count(others.filter((each) => each.size[0] * width !== each.size[1] * height))
  const file = path.join(root, IMAGE_SETTINGS)
  const is = `images are ${height}×${width}`
  const squeezed = `of ${count(sizes)} images ${count(others)} are resized to that, ${odd} of them from other proportions, which are not kept`
  if (size !== undefined) return odd === 0 ? [] : [`${is}: ${squeezed}; "crop": true in '${file}' takes their middle`]
  const isLarge = height * width > LARGE_PIXELS
  return [
    ...(others.length === 0
      ? []
      : [`${is}, the most common of ${sizes.length} sizes: ${squeezed}; size in '${file}' sets another`]),
    ...(isLarge
      ? [`${is}, more than most small devices can hold: size in '${file}', such as {"size": 96}, makes them smaller`]
      : []),
  ]
}

/** The whole image, or the largest middle part of it that has the wanted proportions. */
function partOf(image: RgbImage, [height, width]: Size, crop: boolean): RgbImage {
  if (!crop) return image
  const scale = Math.min(image.height / height, image.width / width)
  const [rows, columns] = [Math.max(1, Math.round(scale * height)), Math.max(1, Math.round(scale * width))]
  const [top, left] = [Math.floor((image.height - rows) / 2), Math.floor((image.width - columns) / 2)]
  const pixels = new Uint8Array(rows * columns * 3)
  for (let y = 0; y < rows; y++) {
    const start = ((top + y) * image.width + left) * 3
    pixels.set(image.pixels.subarray(start, start + columns * 3), y * columns * 3)
  }
  return { height: rows, width: columns, pixels }
}

/** Luma of ITU-R BT.601, in whole numbers: (77 red + 150 green + 29 blue + 128) ÷ 256, rounded down. */
function greyOf(rgb: Uint8Array): Uint8Array {
  const grey = sharedUint8(rgb.length / 3)
  for (let i = 0; i < grey.length; i++) {
    grey[i] = (77 * rgb[3 * i]! + 150 * rgb[3 * i + 1]! + 29 * rgb[3 * i + 2]! + 128) >> 8
  }
  return grey
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

/** What a sample is, for whoever feeds an exported network from a camera. */
function meaningOf([height, width]: Size, { crop, grey }: ImageSettings, isColour: boolean): string {
  const values = isColour
    ? 'red, green and blue'
    : grey
      ? 'grey, (77 red + 150 green + 29 blue + 128) / 256 rounded down'
      : 'grey'
  const part = crop ? 'the largest middle part with these proportions' : 'the whole image, whatever its proportions'
  return `an image of ${height} x ${width}: ${values}, 0 to 255; other sizes: ${part}, resized (area averaging down, bilinear up)`
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
    const settings = readImageSettings(folder)
    const broken = new BrokenFiles(IMAGES.names[1], IMAGES.formats[0])
    const sizes = sizesOf(folder, codec, files, broken)
    const target = settings.size ?? sizes[0]!.size
    checkBytes(folder, files.length, target)
    const [height, width] = target
    const size = height * width * 3
    const rgb = sharedUint8(files.length * size)
    for (const [i, { file }] of files.entries()) {
      if (broken.has(file)) continue
      const whole = broken.reading(file, () => codec.decodeImage(readInputFile(file, MAX_FILE_BYTES)))
      if (whole === undefined) continue
      const image = partOf(whole, target, settings.crop)
      if (image.height === height && image.width === width) rgb.set(image.pixels, i * size)
      else createResizer([image.height, image.width], target, 3)(image.pixels, 0, rgb, i * size)
    }
    broken.refuse(folder)
    const grey = settings.grey ? greyOf(rgb) : dropEqualChannels(rgb)
    const raw = {
      name: path.basename(path.resolve(folder)),
      inputShape: [height, width, grey === undefined ? 3 : 1],
      classNames,
      samples: grey ?? rgb,
      labels: sharedInt32(files.length),
      ranges,
    }
    for (const [i, { label }] of files.entries()) raw.labels[i] = label
    const notes = [...passedOver(folder, listing), ...sizeNotes(folder, target, sizes, settings)]
    return {
      ...assembleDataset(raw, options),
      channelNames: grey === undefined ? ['red', 'green', 'blue'] : ['grey'],
      sampleMeaning: meaningOf(target, settings, grey === undefined),
      ...(notes.length === 0 ? {} : { notes }),
    }
  },
}
