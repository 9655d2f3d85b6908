import type { CsvTable } from './csv-table.ts'
import { timeBreaks } from './csv-time.ts'
import { badFile } from './input-file.ts'

/** Readings of one table that follow each other without a gap. */
export interface Stretch {
  readonly table: CsvTable
  readonly start: number
  readonly count: number
  /** Windows of equal groups stay in one part. */
  readonly group: number
}

/** A block of a long recording holds so many windows at least, */
const LEAST_WINDOWS = 4
/** and so large a share of all training readings: enough of them to find every class in several. */
const BLOCKS = 40

/** Where the times of a table have gaps. @throws UserError when its lines are not in the order of time. */
function gapsIn({ file, times }: CsvTable): readonly number[] {
  if (times === undefined) return []
  const breaks = timeBreaks(times)
  if (breaks !== undefined) return breaks
  throw badFile(file, 'is not in the order of time', 'sort its lines, the oldest first')
}

/** Takes a table apart where another recording begins, and, where `atGaps`, where its times have a gap. */
export function stretchesOf(table: CsvTable, atGaps: boolean): readonly Omit<Stretch, 'group'>[] {
  const borders = new Set([0, ...(atGaps ? gapsIn(table) : [])])
  const { recordings, rows } = table
  if (recordings !== undefined) {
    for (let row = 1; row < rows; row++) if (recordings[row] !== recordings[row - 1]) borders.add(row)
  }
  const starts = [...borders].sort((a, b) => a - b)
  return starts
    .map((start, i) => ({ table, start, count: (starts[i + 1] ?? rows) - start }))
    .filter(({ count }) => count > 0)
}

/**
 * Cuts long stretches into blocks of time, each a group of its own, so that parts can be made of blocks: a block has at
 * least four windows and a fortieth of all readings.
 */
export function blocksOf(stretches: readonly Omit<Stretch, 'group'>[], window: number): readonly Stretch[] {
  const total = stretches.reduce((sum, { count }) => sum + count, 0)
  // A multiple of the window, so that windows which do not overlap lose nothing at borders.
  const length = window * Math.max(LEAST_WINDOWS, Math.ceil(total / BLOCKS / window))
  const blocks: Stretch[] = []
  for (const { table, start, count } of stretches) {
    const pieces = Math.max(1, Math.floor(count / length))
    for (let i = 0; i < pieces; i++) {
      const from = i * length
      blocks.push({
        table,
        start: start + from,
        count: i === pieces - 1 ? count - from : length,
        group: blocks.length,
      })
    }
  }
  return blocks
}

/** A sample: `length` readings of a table from row `start`. */
export interface Window {
  readonly table: CsvTable
  readonly start: number
  readonly group: number
}

/** Windows of `length` readings, every `step`, that lie within one stretch. */
export function windowsOf(stretches: readonly Stretch[], length: number, step: number): readonly Window[] {
  const windows: Window[] = []
  for (const { table, start, count, group } of stretches) {
    for (let at = 0; at + length <= count; at += step) windows.push({ table, start: start + at, group })
  }
  return windows
}
