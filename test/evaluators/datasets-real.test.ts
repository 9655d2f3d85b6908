import { existsSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { load } from './datasets-support.ts'

const ROOT = path.join(import.meta.dirname, '../../../shared/data/datasets')

/** What is published about each set: shapes, sizes, classes, and well-known statistics of the pixels. */
const EXPECTED = {
  mnist: {
    shape: [28, 28, 1],
    kind: 'image',
    classes: 10,
    train: 10_000,
    test: 10_000,
    mean: [33.3],
    deviation: [78.6],
  },
  'cifar-10-batches-bin': {
    shape: [32, 32, 3],
    kind: 'image',
    classes: 10,
    train: 20_000,
    test: 5000,
    mean: [125.3, 123, 113.9],
    deviation: [63, 62.1, 66.7],
  },
  kws01: { shape: [49, 10, 1], kind: 'spectrogram', classes: 12, train: 800, test: 200, mean: [80], deviation: [15.4] },
} as const

for (const [name, expected] of Object.entries(EXPECTED)) {
  const folder = path.join(ROOT, name)
  const run = existsSync(folder) ? test : test.skip
  run(`${name} loads with its published shape and statistics`, async (t) => {
    const dataset = await load(folder)
    t.deepEqual([...dataset.inputShape], [...expected.shape])
    t.is(dataset.kind, expected.kind)
    t.is(dataset.classNames.length, expected.classes)
    t.is(dataset.splits.train.length + dataset.splits.validation.length, expected.train)
    t.is(dataset.splits.test.length, expected.test)
    for (const [channel, mean] of expected.mean.entries()) {
      t.true(Math.abs(dataset.mean[channel]! - mean) < 1, `mean ${dataset.mean[channel]}`)
      const deviation = dataset.standardDeviation[channel]!
      t.true(Math.abs(deviation - expected.deviation[channel]!) < 1, `deviation ${deviation}`)
    }
  })
}
