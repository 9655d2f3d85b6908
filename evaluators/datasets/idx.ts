import path from 'node:path'
import { sizeOf } from '../../network/shapes.ts'
import { assembleDataset } from './assemble.ts'
import type { DatasetFormat, SplitName } from './dataset.ts'
import { badFile, gunzipExactly, listNames, MAX_BYTES, readInputFile } from './input-file.ts'
import { sharedInt32, sharedUint8 } from './shared-arrays.ts'
import type { SampleRange } from './splits.ts'

const UNSIGNED_BYTE = 0x08

/** The file names of the MNIST distribution, with `-` or `.` before `idx`, gzipped or not. */
const FILE_NAME = /^(train|t10k)-(images|labels)[-.]idx([134])-ubyte(\.gz)?$/

interface IdxArray {
  readonly dimensions: readonly number[]
  readonly values: Uint8Array
}

/** Header: two zero bytes, type, number of dimensions; then each dimension as a big-endian 32-bit number. */
function idxDimensions(file: string, start: Uint8Array): readonly number[] {
  if (start.length < 4) throw badFile(file, `has only ${start.length} bytes`, 'an IDX header is expected')
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const magic = view.getUint32(0)
  const rank = magic & 0xff
  if (magic >>> 8 !== UNSIGNED_BYTE || ![1, 3, 4].includes(rank)) {
    const expected = '0x00000801 (labels), 0x00000803 (grey images) or 0x00000804 (colour images)'
    throw badFile(file, `starts with 0x${magic.toString(16).padStart(8, '0')}`, `an IDX file starts with ${expected}`)
  }
  if (start.length < 4 + 4 * rank) throw badFile(file, 'ends inside its IDX header', 'copy or download it again')
  return Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
}

function byteLength(file: string, start: Uint8Array): number {
  const dimensions = idxDimensions(file, start)
  const length = 4 + 4 * dimensions.length + sizeOf(dimensions)
  if (dimensions.includes(0) || length > MAX_BYTES) {
    throw badFile(file, `announces ${dimensions.join('×')} values`, `1 to ${MAX_BYTES} bytes can be read`)
  }
  return length
}

function readIdx(file: string): IdxArray {
  const raw = readInputFile(file)
  const gzipped = raw[0] === 0x1f && raw[1] === 0x8b
  if (file.endsWith('.gz') && !gzipped) throw badFile(file, 'is not gzip data', 'download it again, or drop the .gz')
  const bytes = gzipped ? gunzipExactly(file, raw, (start) => byteLength(file, start)) : raw
  const expected = byteLength(file, bytes)
  if (bytes.length !== expected) {
    const dimensions = idxDimensions(file, bytes).join('×')
    throw badFile(file, `holds ${bytes.length} bytes`, `its header announces ${dimensions} values, ${expected} bytes`)
  }
  const dimensions = idxDimensions(file, bytes)
  return { dimensions, values: bytes.subarray(4 + 4 * dimensions.length) }
}

/** The file of one part and role; undefined when it is absent. An unpacked file comes before a gzipped one. */
function findFile(folder: string, part: 'train' | 't10k', role: 'images' | 'labels'): string | undefined {
  const names = listNames(folder).filter((name) => {
    const match = FILE_NAME.exec(name)
    return match?.[1] === part && match[2] === role
  })
  const chosen = names.find((name) => !name.endsWith('.gz')) ?? names[0]
  return chosen === undefined ? undefined : path.join(folder, chosen)
}

interface Part {
  readonly range: SampleRange
  readonly images: IdxArray
  readonly labels: IdxArray
}

function readPart(folder: string, part: 'train' | 't10k', split: SplitName): Part | undefined {
  const imageFile = findFile(folder, part, 'images')
  const labelFile = findFile(folder, part, 'labels')
  if (part === 't10k' && imageFile === undefined && labelFile === undefined) return undefined
  if (imageFile === undefined)
    throw badFile(folder, `has no ${part}-images-idx3-ubyte`, 'put the file there (or its .gz)')
  if (labelFile === undefined)
    throw badFile(folder, `has no ${part}-labels-idx1-ubyte`, 'put the file there (or its .gz)')
  const images = readIdx(imageFile)
  const labels = readIdx(labelFile)
  if (images.dimensions.length < 3) throw badFile(imageFile, 'holds labels', 'images of 3 or 4 dimensions are expected')
  if (labels.dimensions.length !== 1) throw badFile(labelFile, 'holds images', 'labels of 1 dimension are expected')
  const count = images.dimensions[0]!
  if (labels.dimensions[0] !== count) {
    throw badFile(labelFile, `holds ${labels.dimensions[0]} labels`, `'${imageFile}' holds ${count} images`)
  }
  return { range: { source: labelFile, split, count }, images, labels }
}

/** MNIST's layout; images of 4 dimensions are samples × height × width × channels. */
export const idxFormat: DatasetFormat = {
  id: 'idx',
  description: 'MNIST layout: a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k-… (.gz or not)',
  matches: (folder) => listNames(folder).some((name) => FILE_NAME.test(name)),
  load: async (folder, options) => {
    const train = readPart(folder, 'train', 'train')!
    const test = readPart(folder, 't10k', 'test')
    const [, height, width, channels = 1] = train.images.dimensions as [number, number, number, number?]
    const parts = test === undefined ? [train] : [train, test]
    for (const { range, images } of parts) {
      const [, ...shape] = images.dimensions
      if (shape.join() === train.images.dimensions.slice(1).join()) continue
      const right = `the training images are ${height}×${width}×${channels}`
      throw badFile(range.source, `belongs to images of ${shape.join('×')}`, right)
    }
    const total = parts.reduce((sum, part) => sum + part.range.count, 0)
    const samples = sharedUint8(total * height * width * channels)
    const labels = sharedInt32(total)
    let next = 0
    for (const part of parts) {
      samples.set(part.images.values, next * height * width * channels)
      labels.set(part.labels.values, next)
      next += part.range.count
    }
    const ranges = parts.map((part) => part.range)
    const name = path.basename(path.resolve(folder))
    return assembleDataset({ name, inputShape: [height, width, channels], samples, labels, ranges }, options)
  },
}
