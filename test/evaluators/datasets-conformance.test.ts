import path from 'node:path'
import { isMainThread, Worker } from 'node:worker_threads'
import test from 'ava'
import { encode } from 'fast-png'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { DATASET_FORMATS } from '../../evaluators/datasets/load.ts'
import { sizeOf } from '../../network/shapes.ts'
import { cifarBatch, fixture, idxFiles, load, range, temporaryFolder, writeFiles } from './datasets-support.ts'
import { tones } from './sound-support.ts'

/** For every format, something small that it reads. A new format adds a line here. */
const SAMPLES: Readonly<Record<string, (folder: string) => string>> = {
  builtin: () => 'builtin',
  idx: (folder) => {
    writeFiles(folder, idxFiles(60, 12))
    return folder
  },
  cifar10: (folder) => {
    writeFiles(folder, { 'data_batch_1.bin': cifarBatch(Array.from({ length: 40 }, (_, i) => i % 4)) })
    return folder
  },
  npz: () => fixture('parts.npz'),
  'image-folder': (folder) => {
    for (let i = 0; i < 10; i++) {
      const data = range(48, (k) => (k * i) & 255)
      writeFiles(folder, {
        [`a/${i}.png`]: encode({ width: 4, height: 4, channels: 3, data }),
        [`b/${i}.png`]: encode({ width: 4, height: 4, channels: 3, data: data.map((value) => value ^ 85) }),
      })
    }
    return folder
  },
  csv: (folder) => {
    const lines = Array.from({ length: 40 }, (_, i) => `${i},${i * i},${i % 3}`)
    writeFiles(folder, { 'rows.csv': ['a,b,label', ...lines].join('\n') })
    return folder
  },
  'sound-folder': (folder) => {
    writeFiles(folder, tones(10))
    return folder
  },
}

const sorted = (indices: Uint32Array) => [...indices].sort((a, b) => a - b)
const splitsOf = (dataset: Dataset) => Object.values(dataset.splits)

for (const format of DATASET_FORMATS) {
  test(`${format.id}: the contract of a data set holds`, async (t) => {
    const target = SAMPLES[format.id]!(temporaryFolder(t))
    t.deepEqual(
      DATASET_FORMATS.filter((other) => other.matches(target)).map(({ id }) => id),
      [format.id],
    )
    const dataset = await load(target)
    const { samples, labels, inputShape } = dataset
    t.is(samples.length, labels.length * sizeOf(inputShape))
    t.is(inputShape.length, 3)
    t.true(labels.every((label) => label >= 0 && label < dataset.classNames.length))
    for (const array of [samples, labels, ...splitsOf(dataset)]) t.true(array.buffer instanceof SharedArrayBuffer)
    t.true(splitsOf(dataset).every((split) => split.length > 0))
    t.deepEqual(sorted(Uint32Array.from(splitsOf(dataset).flatMap((split) => [...split]))), Array.from(labels.keys()))
    t.is(dataset.mean.length, inputShape[2]!)
    t.true(dataset.standardDeviation.length === inputShape[2] && dataset.standardDeviation.every((value) => value > 0))
    t.regex(dataset.digest, /^[0-9a-f]{64}$/)
    t.deepEqual(structuredClone(dataset), dataset)

    t.deepEqual(await load(target), dataset)
    const other = await load(target, { seed: 2 })
    t.not(other.digest, dataset.digest)
    t.deepEqual(other.samples, dataset.samples)
  })
}

test('normalisation is measured on the training part alone', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, idxFiles(60, 12))
  const dataset = await load(folder)
  const values = [...dataset.splits.train].flatMap((i) => [...dataset.samples.subarray(i * 16, (i + 1) * 16)])
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  t.true(Math.abs(dataset.mean[0]! - mean) < 1e-9)
  t.true(Math.abs(dataset.standardDeviation[0]! - Math.sqrt(variance)) < 1e-9)
})

test('a worker thread reads the same memory', async (t) => {
  t.true(isMainThread)
  const dataset = await load('builtin')
  const code = `const { workerData } = require('node:worker_threads'); workerData.samples[0] ^= 255`
  const before = dataset.samples[0]!
  await new Promise((resolve) => new Worker(code, { eval: true, workerData: dataset }).once('exit', resolve))
  t.is(dataset.samples[0], before ^ 255)
})

test('a constant channel is normalised by 1', async (t) => {
  const folder = temporaryFolder(t)
  const { 'train-images-idx3-ubyte': images, ...others } = idxFiles(60, 12)
  writeFiles(folder, { ...others, 'train-images-idx3-ubyte': images!.fill(9, 16) })
  const dataset = await load(path.join(folder, '.'))
  t.deepEqual(dataset.mean, [9])
  t.deepEqual(dataset.standardDeviation, [1])
})
