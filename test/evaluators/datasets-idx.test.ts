import { chmodSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { idxBytes, idxFiles, load, range, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

test('images, labels and parts come from the files', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, idxFiles(30, 9))
  const dataset = await load(folder)
  t.is(dataset.name, path.basename(folder))
  t.deepEqual(dataset.inputShape, [4, 4, 1])
  t.deepEqual(dataset.classNames, ['0', '1', '2'])
  t.deepEqual(
    [...dataset.samples.subarray(16, 20)],
    [16, 17, 18, 19].map((i) => (i * 7) & 255),
  )
  t.deepEqual([...dataset.samples.subarray(30 * 16, 30 * 16 + 3)], [0, 11, 22])
  t.deepEqual(
    [...dataset.splits.test].sort((a, b) => a - b),
    [30, 31, 32, 33, 34, 35, 36, 37, 38],
  )
  t.is(dataset.splits.train.length + dataset.splits.validation.length, 30)
})

test('gzipped files give the same data set', async (t) => {
  const plain = temporaryFolder(t)
  const packed = temporaryFolder(t)
  const files = idxFiles(30, 9)
  writeFiles(plain, files)
  writeFiles(packed, Object.fromEntries(Object.entries(files).map(([name, data]) => [`${name}.gz`, gzipSync(data)])))
  t.is((await load(packed)).digest, (await load(plain)).digest)
})

test('colour images of four dimensions; without a test part one is split off', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'train-images-idx4-ubyte': idxBytes(
      [20, 2, 3, 3],
      range(20 * 18, (i) => i & 255),
    ),
    'train-labels-idx1-ubyte': idxBytes(
      [20],
      range(20, (i) => i % 2),
    ),
  })
  const dataset = await load(folder)
  t.deepEqual(dataset.inputShape, [2, 3, 3])
  t.is(dataset.kind, 'image')
  t.is(dataset.splits.test.length, 4)
  t.is(dataset.samples[18], 18)
})

test('wrong, cut and empty files are named', async (t) => {
  const folder = temporaryFolder(t)
  const files = idxFiles(30, 9)
  const broken = async (name: string, data: Uint8Array | string, pattern: RegExp) => {
    writeFiles(folder, { ...files, [name]: data })
    await refuses(t, folder, pattern)
  }
  const images = 'train-images-idx3-ubyte'
  await broken(images, '', /train-images-idx3-ubyte' is empty/)
  await broken(images, 'PK', /has only 2 bytes/)
  await broken(images, 'not an IDX file', /starts with 0x6e6f7420: an IDX file starts with 0x00000801/)
  await broken(images, files[images]!.subarray(0, 10), /ends inside its IDX header/)
  await broken(
    images,
    files[images]!.subarray(0, 200),
    /holds 200 bytes: its header announces 30×4×4 values, 496 bytes/,
  )
  await broken(images, idxBytes([30, 0, 4], []), /announces 30×0×4 values/)
  await broken(images, idxBytes([1 << 30, 1 << 10, 1 << 10], []), /announces 1073741824×1024×1024/)
  await broken(images, idxBytes([30], new Uint8Array(30)), /train-images-idx3-ubyte' holds labels/)
  await broken('train-labels-idx1-ubyte', idxBytes([29], new Uint8Array(29)), /holds 29 labels: .*holds 30 images/)
  await broken('t10k-images-idx3-ubyte', idxBytes([9, 5, 4], new Uint8Array(180)), /images of 5×4: .* are 4×4×1/)
})

test('damaged gzip files are named', async (t) => {
  const folder = temporaryFolder(t)
  const { 'train-images-idx3-ubyte': images, ...others } = idxFiles(30, 9)
  const packed = gzipSync(images!)
  const broken = async (data: Uint8Array, pattern: RegExp) => {
    writeFiles(folder, { ...others, 'train-images-idx3-ubyte.gz': data })
    await refuses(t, folder, pattern)
  }
  await broken(packed.subarray(0, packed.length - 30), /train-images-idx3-ubyte\.gz' is cut short: copy or download/)
  const flipped = Uint8Array.from(packed)
  flipped[60]! ^= 0xff
  await broken(flipped, /is no intact gzip file/)
  await broken(images!, /is not gzip data/)
  const bomb = gzipSync(Buffer.concat([images!, new Uint8Array(1 << 24)]))
  await broken(bomb, /decompresses to more than its header announces/)
})

test('a label outside the classes is named with its index', async (t) => {
  const folder = temporaryFolder(t)
  const labels = range(200, (i) => (i === 123 ? 17 : i % 10))
  writeFiles(folder, { ...idxFiles(200, 20, 10), 'train-labels-idx1-ubyte': idxBytes([200], labels) })
  await refuses(t, folder, /train-labels-idx1-ubyte' has label 17 at index 123: the training labels cover 0…9/)

  const fromOne = range(200, (i) => 1 + (i % 10))
  writeFiles(folder, { 'train-labels-idx1-ubyte': idxBytes([200], fromOne) })
  await refuses(t, folder, /has label 1 at index 0: labels must start at 0/)

  const inTest = range(20, (i) => (i === 5 ? 10 : i % 10))
  writeFiles(folder, { ...idxFiles(200, 20, 10), 't10k-labels-idx1-ubyte': idxBytes([20], inTest) })
  await refuses(t, folder, /t10k-labels-idx1-ubyte' has label 10 at index 5/)
})

test('one class only is no classification task', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, idxFiles(30, 9, 1))
  await refuses(t, folder, /has 1 class: 2 to 1000/)
})

test('missing files are named', async (t) => {
  const folder = temporaryFolder(t)
  const { 'train-labels-idx1-ubyte': _, ...others } = idxFiles(30, 9)
  writeFiles(folder, others)
  await refuses(t, folder, /has no train-labels-idx1-ubyte/)
})

const unlessRoot = process.getuid?.() === 0 ? test.skip : test
unlessRoot('a file that may not be read is named', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, idxFiles(30, 9))
  chmodSync(path.join(folder, 'train-images-idx3-ubyte'), 0)
  await refuses(t, folder, /may not be read/)
})
