import path from 'node:path'
import { assembleDataset } from './assemble.ts'
import type { DatasetFormat } from './dataset.ts'
import { badFile, listNames, readInputFile } from './input-file.ts'
import { sharedInt32, sharedUint8 } from './shared-arrays.ts'
import type { SampleRange } from './splits.ts'

const SIDE = 32
const PLANE = SIDE * SIDE
const RECORD = 1 + 3 * PLANE
const NAMES_FILE = 'batches.meta.txt'

const isBatch = (name: string): boolean => /^(data_batch_\d+|test_batch)\.bin$/.test(name)

/** Reads the records of one batch; each is a label byte and the planes of red, green and blue. */
function readBatch(file: string): Uint8Array {
  const bytes = readInputFile(file)
  if (bytes.length % RECORD !== 0) {
    const right = `a batch holds whole records of ${RECORD} bytes (label, 1,024 red, 1,024 green, 1,024 blue)`
    throw badFile(file, `has ${bytes.length} bytes`, right)
  }
  return bytes
}

/** Copies one batch into place: three planes become interleaved height × width × channels. */
function unpackBatch(batch: Uint8Array, first: number, samples: Uint8Array, labels: Int32Array): void {
  for (let i = 0; i < batch.length / RECORD; i++) {
    const at = i * RECORD
    labels[first + i] = batch[at]!
    let to = (first + i) * 3 * PLANE
    for (let pixel = at + 1; pixel <= at + PLANE; pixel++) {
      samples[to++] = batch[pixel]!
      samples[to++] = batch[pixel + PLANE]!
      samples[to++] = batch[pixel + 2 * PLANE]!
    }
  }
}

function readClassNames(folder: string): readonly string[] | undefined {
  if (!listNames(folder).includes(NAMES_FILE)) return undefined
  const text = new TextDecoder().decode(readInputFile(path.join(folder, NAMES_FILE), 1 << 16))
  return text.split(/\r?\n/).filter((line) => line.trim() !== '')
}

/** The binary version of CIFAR-10; any number of training batches. */
export const cifar10Format: DatasetFormat = {
  id: 'cifar10',
  description:
    'CIFAR-10 binary: a folder with data_batch_1.bin …, test_batch.bin and (for class names) batches.meta.txt',
  matches: (folder) => listNames(folder).some(isBatch),
  load: async (folder, options) => {
    const names = listNames(folder).filter(isBatch)
    if (!names.some((name) => name.startsWith('data'))) {
      throw badFile(folder, 'has no training batch', 'put data_batch_1.bin there')
    }
    const batches: Uint8Array[] = []
    const ranges: SampleRange[] = []
    for (const name of names) {
      const source = path.join(folder, name)
      const batch = readBatch(source)
      batches.push(batch)
      ranges.push({ source, split: name.startsWith('data') ? 'train' : 'test', count: batch.length / RECORD })
    }
    const total = ranges.reduce((sum, range) => sum + range.count, 0)
    const samples = sharedUint8(total * 3 * PLANE)
    const labels = sharedInt32(total)
    let next = 0
    for (const [i, batch] of batches.entries()) {
      unpackBatch(batch, next, samples, labels)
      next += ranges[i]!.count
    }
    const name = path.basename(path.resolve(folder))
    const classNames = readClassNames(folder)
    const raw = { name, inputShape: [SIDE, SIDE, 3], samples, labels, ranges }
    const dataset = assembleDataset(classNames === undefined ? raw : { ...raw, classNames }, options)
    return { ...dataset, sampleMeaning: 'red, green and blue, 0 to 255', channelNames: ['red', 'green', 'blue'] }
  },
}
