import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

/** An array of unsigned bytes as `numpy.save` writes it. */
function npy(shape: string, values: readonly number[]): Buffer {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117)
  return Buffer.from([
    0x93,
    ...Buffer.from('NUMPY'),
    1,
    0,
    header.length + 1,
    0,
    ...Buffer.from(`${header}\n`),
    ...values,
  ])
}

/** A data set of 60 samples in three classes. */
function write(place: string, shift: number): void {
  const pixels = Array.from({ length: 60 * 64 }, (_, i) => (i * 7 + shift * ((i >> 6) % 3)) % 256)
  mkdirSync(place, { recursive: true })
  writeFileSync(path.join(place, 'x.npy'), npy('(60, 8, 8)', pixels))
  writeFileSync(
    path.join(place, 'y.npy'),
    npy(
      '(60,)',
      Array.from({ length: 60 }, (_, i) => i % 3),
    ),
  )
}

test('a database and its data that were moved: resume goes on with --data, and with the same data only', async (t) => {
  const folder = temporaryFolder(t)
  const moved = temporaryFolder(t)
  write(path.join(folder, 'data'), 40)
  const begun = await frugal(folder, 'search', '--data', 'data', '--trials', '3', '--epochs', '1', '--json')
  t.is(begun.code, 0, begun.stderr)
  renameSync(path.join(folder, 'data'), path.join(moved, 'elsewhere'))
  renameSync(path.join(folder, 'frugal.db'), path.join(moved, 'mine.db'))
  const lost = await frugal(moved, 'resume', '--db', 'mine.db')
  t.is(lost.code, 2)
  t.regex(
    lost.stderr,
    /^frugal: the data of experiment 1 are no longer in '.*\/data': say with --data where they are now\n$/,
  )
  const found = await frugal(moved, 'resume', '--db', 'mine.db', '--data', 'elsewhere', '--json')
  t.is(found.code, 0, found.stderr)
  write(path.join(moved, 'others'), 90)
  const others = await frugal(moved, 'resume', '--db', 'mine.db', '--data', 'others')
  t.is(others.code, 2)
  t.regex(others.stderr, /the data in 'others' are not those experiment 1 was run on: name the right ones with --data/)
})
