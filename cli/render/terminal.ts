import { characterWidth, textWidth } from './width.ts'

/** What of a writable stream the renderings use; `process.stdout` and `process.stderr` are two. */
export interface TextStream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

/** What can be shown where a stream ends. */
export interface Terminal {
  /** Lines can be drawn over. */
  readonly interactive: boolean
  /** Characters beyond ASCII. */
  readonly unicode: boolean
  readonly colour: boolean
  readonly columns: number
}

const DEFAULT_COLUMNS = 80

export type Variables = Readonly<Record<string, string | undefined>>

/** Finds out from the stream and the environment (TERM, locale, NO_COLOR, COLUMNS) what can be shown. */
export function terminalOf(stream: TextStream, env: Variables = process.env, platform = process.platform): Terminal {
  const interactive = stream.isTTY === true && env['TERM'] !== 'dumb'
  return {
    interactive,
    unicode: interactive && isUtf8(env, platform),
    colour: interactive && !env['NO_COLOR'],
    columns: positive(stream.columns) ?? positive(Number(env['COLUMNS'])) ?? DEFAULT_COLUMNS,
  }
}

function isUtf8(env: Variables, platform: string): boolean {
  if (platform === 'win32') return env['WT_SESSION'] !== undefined || env['TERM_PROGRAM'] === 'vscode'
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /utf-?8/i.test(locale)
}

const positive = (columns: number | undefined): number | undefined =>
  columns !== undefined && Number.isInteger(columns) && columns > 0 ? columns : undefined

const ASCII: Readonly<Record<string, string>> = { µ: 'u', μ: 'u', '·': '-', '×': 'x', '…': '~', '–': '-', '−': '-' }

/**
 * Text that is safe to show: control characters, which could move the cursor or change colours, become `?`; without
 * Unicode, so does what has no likeness in ASCII.
 */
export function shownText(text: string, { unicode }: Pick<Terminal, 'unicode'>): string {
  const safe = text.replaceAll(/\p{C}/gu, '?')
  return unicode ? safe : safe.replaceAll(/[^ -~]/gu, (character) => ASCII[character] ?? '?')
}

/** A text that takes at most `columns` columns, with a mark at its end where some was cut off. */
export function cut(text: string, columns: number, { unicode }: Pick<Terminal, 'unicode'>): string {
  if (textWidth(text) <= columns) return text
  let kept = ''
  let room = columns - 1
  for (const character of text) {
    room -= characterWidth(character)
    if (room < 0) break
    kept += character
  }
  return columns < 1 ? '' : kept + (unicode ? '…' : '~')
}

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

/** Text in a colour or weight, plain where the terminal shows none. */
export function paint(text: string, look: keyof typeof CODES, { colour }: Pick<Terminal, 'colour'>): string {
  const [on, off] = CODES[look]
  return colour && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text
}
