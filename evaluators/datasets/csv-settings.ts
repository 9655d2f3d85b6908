import path from 'node:path'
import { z } from 'zod'
import type { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { SplitName } from './dataset.ts'
import { badFile, kindOfPath } from './input-file.ts'
import { readSettingsFile } from './settings-file.ts'

/** Lies in the folder of the data; what it leaves out is seen in the files. */
export const CSV_SETTINGS = 'csv.json'
const MOST_READINGS = 1_000_000

/** A column by its name, or, in files without a header, by its number from 1. */
const column = z.union([z.string().min(1), z.int()])
const files = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(10_000)])
const length = z.int().min(1).max(MOST_READINGS)

const settingsSchema = z.strictObject({
  train: files.exactOptional(),
  validation: files.exactOptional(),
  test: files.exactOptional(),
  label: column.exactOptional(),
  ignore: z.union([column, z.array(column).max(10_000)]).exactOptional(),
  recording: column.exactOptional(),
  window: z.union([length, z.literal('all')]).exactOptional(),
  step: length.exactOptional(),
  shape: z.array(length).min(2).max(3).exactOptional(),
})

/** What is right for each member, in words. */
const EXPECTED: Readonly<Record<keyof typeof settingsSchema.shape, string>> = {
  train: 'a file name, or a list of them',
  validation: 'a file name, or a list of them',
  test: 'a file name, or a list of them',
  label: 'the name of a column (or its number from 1, where the files have no header)',
  ignore: 'the name of a column, or a list of them',
  recording: 'the name of a column',
  window: `a number of readings from 1 to ${MOST_READINGS}, or "all"`,
  step: `a number of readings from 1 to ${MOST_READINGS}`,
  shape: 'a list such as [8, 8] or [8, 8, 3] (height, width, channels)',
}

export type ColumnReference = z.infer<typeof column>

/** What cannot be seen in CSV files; every member may be left out. */
export interface CsvSettings {
  /** Files by part, where their names do not say it. */
  readonly parts: readonly { readonly split: SplitName; readonly file: string }[]
  readonly label?: ColumnReference
  readonly ignore: readonly ColumnReference[]
  /** Says which readings belong together. */
  readonly recording?: ColumnReference
  /** Readings of a sample; `all`: those of a whole recording. */
  readonly window?: number | 'all'
  /** Readings from the start of a window to that of the next. */
  readonly step?: number
  /** `[height, width]` or `[height, width, channels]` that the features of a row stand for. */
  readonly shape?: readonly number[]
}

const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as T]

/**
 * The settings in a folder of CSV files, or beside one.
 * @throws UserError with one sentence for anything in them that is not as documented, and for files outside the folder.
 */
export function readCsvSettings(target: string): CsvSettings {
  const isFile = kindOfPath(target) === 'file'
  const folder = isFile ? path.dirname(target) : target
  const file = path.join(folder, CSV_SETTINGS)
  const parsed = settingsSchema.safeParse(readSettingsFile(file, '{"window": 60}') ?? {})
  if (!parsed.success) throw wrongMember(file, parsed.error.issues[0]!)
  const { train, validation, test, ignore, ...settings } = parsed.data
  const contradiction = contradictionIn(parsed.data)
  if (contradiction !== undefined) throw badFile(file, ...contradiction)
  const parts = (
    [
      ['train', train],
      ['validation', validation],
      ['test', test],
    ] as const
  ).flatMap(([split, names]) => listOf(names).map((name) => ({ split, file: within(file, folder, name) })))
  if (isFile && parts.length > 0) throw badFile(file, 'names the files of the parts', 'give its folder to --data')
  const repeated = parts.find((part, i) => parts.findIndex((other) => other.file === part.file) !== i)
  if (repeated !== undefined) throw badFile(file, `names '${repeated.file}' twice`, 'a file belongs to one part')
  return { ...settings, parts, ignore: listOf(ignore) }
}

/** A file that the settings name, which never lies outside their folder. */
function within(file: string, folder: string, name: string): string {
  const target = path.join(folder, name)
  const relative = path.relative(folder, target)
  if (path.isAbsolute(name) || relative === '..' || relative.startsWith(`..${path.sep}`)) {
    throw badFile(file, `names '${name}', which lies elsewhere`, 'have it in this folder, or a link to it')
  }
  return target
}

function contradictionIn(
  settings: z.infer<typeof settingsSchema>,
): readonly [wrong: string, right: string] | undefined {
  const { train, validation, test, window, step, shape } = settings
  if (train === undefined && (validation ?? test) !== undefined) {
    return ['names files of a part but no training files', 'give train as well']
  }
  if (step !== undefined && (window === undefined || window === 'all')) {
    return ['has step but no window of so many readings', 'give window as well, or leave step out']
  }
  if (shape !== undefined && window !== undefined && window !== 1) {
    return ['has window and shape', 'a window has the shape readings × 1 × features, so leave shape out']
  }
  return undefined
}

function wrongMember(
  file: string,
  issue: { readonly code?: string; readonly path: readonly PropertyKey[]; readonly keys?: readonly string[] },
): UserError {
  const members = Object.keys(EXPECTED)
  if (issue.code === 'unrecognized_keys') {
    return badFile(file, 'holds no settings of CSV', unknownName('member', issue.keys![0]!, members))
  }
  const member = members.find((name) => name === issue.path[0])
  if (member === undefined) {
    return badFile(file, 'holds no settings of CSV', `a JSON object with any of ${members.join(', ')} is expected`)
  }
  return badFile(file, `has a ${member} that is not right`, `${EXPECTED[member as keyof typeof EXPECTED]} is expected`)
}
