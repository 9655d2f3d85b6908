import test from 'ava'
import { cifarBatch, load, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

const cycle = (count: number) => Array.from({ length: count }, (_, i) => i % 3)

test('planes become interleaved pixels; batches are joined; names come from the meta file', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'data_batch_1.bin': cifarBatch(cycle(9)),
    'data_batch_2.bin': cifarBatch(cycle(6)),
    'test_batch.bin': cifarBatch(cycle(6)),
    'batches.meta.txt': 'cat\r\ndog\nship\n\n',
  })
  const dataset = await load(folder)
  t.deepEqual(dataset.inputShape, [32, 32, 3])
  t.deepEqual(dataset.classNames, ['cat', 'dog', 'ship'])
  t.is(dataset.labels.length, 21)
  t.deepEqual([...dataset.samples.subarray(3072 * 2, 3072 * 2 + 6)], [2, 0, 255, 2, 1, 254])
  t.deepEqual([...dataset.samples.subarray(3072 * 9 + 3 * 300, 3072 * 9 + 3 * 301)], [0, 44, 211])
  t.deepEqual(Math.min(...dataset.splits.test), 15)
})

test('without names the classes are counted', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'data_batch_1.bin': cifarBatch(cycle(30)) })
  const dataset = await load(folder)
  t.deepEqual(dataset.classNames, ['0', '1', '2'])
  t.is(dataset.splits.test.length, 6)
})

test('cut batches, wrong labels and missing training data are named', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'test_batch.bin': cifarBatch(cycle(6)) })
  await refuses(t, folder, /has no training batch: put data_batch_1\.bin there/)
  writeFiles(folder, { 'data_batch_1.bin': cifarBatch(cycle(6)).subarray(0, 5000) })
  await refuses(t, folder, /data_batch_1\.bin' has 5000 bytes: a batch holds whole records of 3073 bytes/)
  writeFiles(folder, { 'data_batch_1.bin': '' })
  await refuses(t, folder, /data_batch_1\.bin' is empty/)
  writeFiles(folder, { 'data_batch_1.bin': cifarBatch([0, 1, 2, 17, 0, 1, 2]), 'batches.meta.txt': 'a\nb\nc' })
  await refuses(t, folder, /data_batch_1\.bin' has label 17 at index 3: with 3 classes, labels must lie in 0…2/)
})
