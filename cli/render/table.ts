import { cut, paint, shownText, type Terminal } from './terminal.ts'
import { textWidth } from './width.ts'

export interface Column {
  readonly heading: string
  readonly align: 'left' | 'right'
  /** Given up first when the table is too wide. */
  readonly shrinkTo?: number
}

const GAP = '  '

/**
 * An aligned table with a heading line. Where the terminal is too narrow, columns that may shrink do, then the last
 * columns are left out, which a mark at the end of the heading shows.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  terminal: Terminal,
): string {
  const shown = [columns.map(({ heading }) => heading), ...rows].map((row) =>
    row.map((cell) => shownText(cell, terminal)),
  )
  const widths = shrunk(
    columns,
    columns.map((_, i) => shown.reduce((width, row) => Math.max(width, textWidth(row[i] ?? '')), 0)),
    terminal.columns,
  )
  const fitting = countFitting(widths, terminal.columns)
  const lines = shown.map((row) => {
    const cells = columns.slice(0, fitting).map(({ align }, i) => {
      const cell = cut(row[i] ?? '', widths[i]!, terminal)
      const padding = ' '.repeat(Math.max(0, widths[i]! - textWidth(cell)))
      return align === 'right' ? padding + cell : cell + padding
    })
    return cut(cells.join(GAP).trimEnd(), terminal.columns, terminal)
  })
  const more =
    fitting < columns.length && textWidth(lines[0]!) + 2 <= terminal.columns ? (terminal.unicode ? ' …' : ' ~') : ''
  return `${[paint(lines[0]! + more, 'bold', terminal), ...lines.slice(1)].join('\n')}\n`
}

/** How many columns, at least one, have room. */
function countFitting(widths: readonly number[], available: number): number {
  let used = -GAP.length
  let count = 0
  for (const width of widths) {
    used += GAP.length + width
    if (used > available) break
    count++
  }
  return Math.max(1, count)
}

function shrunk(columns: readonly Column[], natural: readonly number[], available: number): readonly number[] {
  const widths = [...natural]
  let excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - available
  columns.forEach(({ shrinkTo }, i) => {
    if (shrinkTo === undefined || excess <= 0) return
    const given = Math.min(excess, Math.max(0, widths[i]! - shrinkTo))
    widths[i]! -= given
    excess -= given
  })
  return widths
}
