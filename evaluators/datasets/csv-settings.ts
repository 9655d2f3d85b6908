import path from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { messageOf, type UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { SplitName } from './dataset.ts'
import { badFile, readInputFile } from './input-file.ts'

const MOST_BYTES = 1 << 16
const MOST_READINGS = 1_000_000

/** A column by its name, or, in files without a header, by its number from 1. */
const column = z.union([z.string().min(1), z.int()])
const files = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(10_000)])
const length = z.int().min(1).max(MOST_READINGS)

const settingsSchema = z.strictObject({
  path: z.string().min(1).exactOptional(),
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

export type ColumnReference = z.infer<typeof column>

/** What cannot be seen in CSV files; every member may be left out. */
export interface CsvSettings {
  readonly label?: ColumnReference
  readonly ignore?: readonly ColumnReference[]
  /** Says which readings belong together. */
  readonly recording?: ColumnReference
  /** Readings of a sample; `all`: those of a whole recording. */
  readonly window?: number | 'all'
  /** Readings from the start of a window to that of the next. */
  readonly step?: number
  /** `[height, width]` or `[height, width, channels]` that the features of a row stand for. */
  readonly shape?: readonly number[]
}

/** A settings file: what to read, and how. */
export interface CsvDeclaration {
  /** A file or folder. */
  readonly path: string
  /** Files by part; they go before `path`. */
  readonly parts: readonly { readonly split: SplitName; readonly file: string }[]
  readonly settings: CsvSettings
}

export const isSettingsFile = (name: string): boolean => /\.ya?ml$/i.test(name)

const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as T]

/**
 * Reads a YAML file beside CSV files.
 * @throws UserError with one sentence for anything in it that is not as documented, and for paths that lead out of its folder.
 */
export function readCsvDeclaration(file: string): CsvDeclaration {
  const content = contentOf(file) ?? {}
  const parsed = settingsSchema.safeParse(content)
  if (!parsed.success) throw wrongMember(file, parsed.error.issues[0]!)
  const { path: root, train, validation, test, ignore, ...settings } = parsed.data
  const contradiction = contradictionIn(parsed.data)
  if (contradiction !== undefined) throw badFile(file, ...contradiction)
  const parts = (
    [
      ['train', train],
      ['validation', validation],
      ['test', test],
    ] as const
  ).flatMap(([split, names]) => listOf(names).map((name) => ({ split, file: within(file, name) })))
  const repeated = parts.find((part, i) => parts.findIndex((other) => other.file === part.file) !== i)
  if (repeated !== undefined) throw badFile(file, `names '${repeated.file}' twice`, 'a file belongs to one part')
  return {
    path: within(file, root ?? '.'),
    parts,
    settings: { ...settings, ...(ignore === undefined ? {} : { ignore: listOf(ignore) }) },
  }
}

function contentOf(file: string): unknown {
  const text = new TextDecoder().decode(readInputFile(file, MOST_BYTES))
  try {
    const document = parseDocument(text)
    // A warning, as of an unknown tag, means that something is not read as it is written.
    const trouble = document.errors[0] ?? document.warnings[0]
    if (trouble !== undefined) throw trouble
    return document.toJS()
  } catch (error) {
    const [line] = messageOf(error).split('\n')
    throw badFile(file, `cannot be read as YAML (${line!.replace(/:$/, '')})`, 'write members such as window: 60')
  }
}

/** A path in a settings file, which never leads out of the folder that the file lies in. */
function within(file: string, name: string): string {
  const folder = path.dirname(file)
  const target = path.join(folder, name)
  const relative = path.relative(folder, target)
  if (path.isAbsolute(name) || relative === '..' || relative.startsWith(`..${path.sep}`)) {
    throw badFile(
      file,
      `names '${name}', which lies elsewhere`,
      'write it beside the data, or put a link to them there',
    )
  }
  return target
}

function contradictionIn(
  settings: z.infer<typeof settingsSchema>,
): readonly [wrong: string, right: string] | undefined {
  const { path: root, train, validation, test, window, step, shape } = settings
  if (train === undefined && (validation ?? test) !== undefined) {
    return ['names files of a part but no training files', 'give train as well']
  }
  if (root !== undefined && train !== undefined) return ['has path and train', 'give one of them']
  if (step !== undefined && (window === undefined || window === 'all')) {
    return ['has step but no window of so many readings', 'give window as well, or leave step out']
  }
  if (shape !== undefined && window !== undefined && window !== 1) {
    return ['has window and shape', 'a window has the shape readings × 1 × features, so leave shape out']
  }
  return undefined
}

const EXPECTED: Readonly<Record<string, string>> = {
  path: 'a file or folder beside this one',
  train: 'a file name, or a list of them',
  validation: 'a file name, or a list of them',
  test: 'a file name, or a list of them',
  label: 'the name of a column (or its number from 1, where the files have no header)',
  ignore: 'the name of a column, or a list of them',
  recording: 'the name of a column',
  window: `a number of readings from 1 to ${MOST_READINGS}, or all`,
  step: `a number of readings from 1 to ${MOST_READINGS}`,
  shape: 'a list such as [8, 8] or [8, 8, 3]: height, width, channels',
}

function wrongMember(
  file: string,
  issue: { readonly code?: string; readonly path: readonly PropertyKey[]; readonly keys?: readonly string[] },
): UserError {
  if (issue.code === 'unrecognized_keys') {
    return badFile(file, 'is no settings file for CSV', unknownName('member', issue.keys![0]!, Object.keys(EXPECTED)))
  }
  const [member] = issue.path
  if (member === undefined) return badFile(file, 'holds no members', 'write members such as window: 60')
  return badFile(file, `has a ${String(member)} that is not right`, `${EXPECTED[String(member)]} is expected`)
}
