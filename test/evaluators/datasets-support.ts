import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Dataset, LoadOptions } from '../../evaluators/datasets/dataset.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { UserError } from '../../lib/errors.ts'

export const fixture = (name: string): string => path.join(import.meta.dirname, '../fixtures/datasets', name)

/** A new folder, removed when the test ends. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'frugal-datasets-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files by relative name, making folders as needed. */
export function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, data] of Object.entries(files)) {
    const file = path.join(folder, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, data)
  }
}

/** An IDX file of unsigned bytes. */
export function idxBytes(dimensions: readonly number[], values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dimensions.length + values.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0x0800 | dimensions.length)
  for (const [i, length] of dimensions.entries()) view.setUint32(4 + 4 * i, length)
  bytes.set(values, 4 + 4 * dimensions.length)
  return bytes
}

export const range = (length: number, value: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => value(i))

/** A little MNIST: `train` and `test` grey images of 4×4 with classes in turn. */
export function idxFiles(train: number, test: number, classes = 3): Record<string, Uint8Array> {
  return {
    'train-images-idx3-ubyte': idxBytes(
      [train, 4, 4],
      range(train * 16, (i) => (i * 7) & 255),
    ),
    'train-labels-idx1-ubyte': idxBytes(
      [train],
      range(train, (i) => i % classes),
    ),
    't10k-images-idx3-ubyte': idxBytes(
      [test, 4, 4],
      range(test * 16, (i) => (i * 11) & 255),
    ),
    't10k-labels-idx1-ubyte': idxBytes(
      [test],
      range(test, (i) => i % classes),
    ),
  }
}

/** A CIFAR-10 batch whose pixel p of sample i is (i, p mod 256, 255 − p mod 256). */
export function cifarBatch(labels: readonly number[]): Uint8Array {
  const batch = new Uint8Array(labels.length * 3073)
  for (const [i, label] of labels.entries()) {
    const record = batch.subarray(i * 3073, (i + 1) * 3073)
    record[0] = label
    for (let p = 0; p < 1024; p++) {
      record[1 + p] = i
      record[1 + 1024 + p] = p & 255
      record[1 + 2048 + p] = 255 - (p & 255)
    }
  }
  return batch
}

export const load = (target: string, options: Partial<LoadOptions> = {}): Promise<Dataset> =>
  loadDataset(target, { seed: 1, ...options })

/** Loading must fail with one UserError sentence that matches; returns the sentence. */
export async function refuses(
  t: ExecutionContext,
  target: string,
  pattern: RegExp,
  options: Partial<LoadOptions> = {},
): Promise<void> {
  const error = await t.throwsAsync(load(target, options), { instanceOf: UserError, message: pattern })
  t.false(error?.message.includes('\n'), 'one line')
}
