import type { CsvTable } from './csv-table.ts'
import { type Stretch, type Window, windowsOf } from './csv-windows.ts'
import type { SampleArray } from './dataset.ts'
import { badFile, MAX_BYTES } from './input-file.ts'
import { sharedFloat32, sharedInt8, sharedUint8 } from './shared-arrays.ts'

const MOST_WINDOWS = 10_000_000

export interface WindowSize {
  /** Readings of a window. */
  readonly length: number
  readonly step: number
}

/** Windows of all stretches. @throws UserError when they are too many, or take too much memory. */
export function boundedWindows(
  source: string,
  stretches: readonly Stretch[],
  { length, step }: WindowSize,
  features: number,
): readonly Window[] {
  const count = stretches.reduce((sum, each) => sum + Math.max(0, Math.floor((each.count - length) / step) + 1), 0)
  const bytes = count * length * features * Float32Array.BYTES_PER_ELEMENT
  if (count > MOST_WINDOWS || bytes > MAX_BYTES) {
    const right = `at most ${MOST_WINDOWS} samples and ${MAX_BYTES} bytes fit; take a part, or a larger step`
    throw badFile(source, `gives ${count} samples of ${length} × ${features} values, ${bytes} bytes`, right)
  }
  return windowsOf(stretches, length, step)
}

/** The smallest type that holds every value: 8-bit data stays 8-bit. */
function storageFor(tables: Iterable<CsvTable>, length: number): SampleArray {
  let least = 0
  let most = 0
  for (const { values } of tables) {
    for (const value of values) {
      if (!Number.isInteger(value)) return sharedFloat32(length)
      if (value < least) least = value
      if (value > most) most = value
    }
  }
  if (least >= 0 && most <= 255) return sharedUint8(length)
  return least >= -128 && most <= 127 ? sharedInt8(length) : sharedFloat32(length)
}

/** The values of all windows, one after the other, over shared memory: readings in their order, features in theirs. */
export function windowValues(windows: readonly Window[], length: number, features: number): SampleArray {
  const size = length * features
  const samples = storageFor(new Set(windows.map(({ table }) => table)), windows.length * size)
  for (const [i, { table, start }] of windows.entries()) {
    samples.set(table.values.subarray(start * features, start * features + size), i * size)
  }
  return samples
}
