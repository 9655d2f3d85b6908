import { type Axis, axisFor } from '../../results/report/axis.ts'
import type { MetricName } from '../../results/report/metrics.ts'
import { staircaseOf } from '../../results/report/staircase.ts'
import type { Front } from '../../results/store.ts'
import { Canvas } from './canvas.ts'
import { cut, paint, shownText, type Terminal } from './terminal.ts'

const ROWS = 16
const MOST_COLUMNS = 100
const LEAST_PLOT_COLUMNS = 12
/** One tick of the horizontal axis per this many characters. */
const TICK_COLUMNS = 11

/**
 * A front as a scatter plot in text: two metrics with their units, the step line of the two-dimensional front, and the
 * trial numbers where there is room. As wide as the terminal allows, never wider.
 */
export function renderScatter(front: Front, x: MetricName, y: MetricName, terminal: Terminal): string {
  const { points } = front
  if (points.length === 0) return `no network is within the limits of ${shownText(front.device, terminal)} yet\n`
  const vertical = axisFor(
    y,
    points.map((point) => point[y]),
    5,
  )
  const labels = vertical.ticks.map(({ label }) => shownText(label, terminal))
  const gutter = Math.max(...labels.map((label) => label.length), 1) + 1
  const width = Math.max(LEAST_PLOT_COLUMNS, Math.min(terminal.columns, MOST_COLUMNS) - gutter - 1)
  const horizontal = axisFor(
    x,
    points.map((point) => point[x]),
    Math.max(2, Math.floor(width / TICK_COLUMNS)),
  )

  const column = (value: number): number => Math.min(width - 1, Math.floor(horizontal.position(value) * width))
  const row = (value: number): number => Math.max(0, ROWS - 1 - Math.floor(vertical.position(value) * ROWS))
  const canvas = new Canvas(width, ROWS, terminal)
  const corners = staircaseOf(points, x, y)
  canvas.steps(corners.map((point) => ({ column: column(point[x]), row: row(point[y]) })))
  const placed = points.map((point) => ({ point, column: column(point[x]), row: row(point[y]) }))
  for (const { point, ...cell } of placed) if (!corners.includes(point)) canvas.marker(cell, false)
  for (const { point, ...cell } of placed) if (corners.includes(point)) canvas.marker(cell, true)
  for (const { point, ...cell } of placed) canvas.label(cell, String(point.trial))

  const tickRows = new Map(vertical.ticks.map(({ value }, i) => [row(value), labels[i]!]))
  const lines = canvas.lines().map((line, i) => {
    const label = tickRows.get(i)
    const edge = label === undefined ? (terminal.unicode ? '│' : '|') : terminal.unicode ? '┤' : '+'
    return `${paint((label ?? '').padStart(gutter - 1), 'dim', terminal)} ${edge}${line}`
  })
  const key = corners.length < points.length ? [keyOf(terminal)] : []
  const heading = cut(axisTitle(vertical, terminal), terminal.columns, terminal)
  return `${[paint(heading, 'bold', terminal), ...lines, ...foot(horizontal, width, gutter, column, terminal), ...key].join('\n')}\n`
}

/** Why some points of the front do not stand on its step line. */
const keyOf = (terminal: Terminal): string =>
  cut(
    `${terminal.unicode ? '●' : '*'} best in these two  ${terminal.unicode ? '○' : 'o'} best in another objective`,
    terminal.columns,
    terminal,
  )

const axisTitle = (axis: Axis, terminal: Terminal): string =>
  shownText(axis.logarithmic ? `${axis.title}, logarithmic` : axis.title, terminal)

/** The horizontal axis, its tick labels where they do not touch each other, and its title. */
function foot(
  axis: Axis,
  width: number,
  gutter: number,
  column: (value: number) => number,
  terminal: Terminal,
): readonly string[] {
  const line: string[] = Array.from({ length: width }, () => (terminal.unicode ? '─' : '-'))
  let labels = ''
  for (const { value, label } of axis.ticks) {
    const at = column(value)
    const text = shownText(label, terminal)
    line[at] = terminal.unicode ? '┬' : '+'
    const start = Math.min(width - text.length, Math.max(0, at - Math.floor(text.length / 2)))
    if (labels === '' || start >= labels.length + 2) labels = labels.padEnd(start) + text
  }
  const margin = ' '.repeat(gutter)
  const title = cut(axisTitle(axis, terminal), width, terminal)
  return [
    `${margin}${terminal.unicode ? '└' : '+'}${line.join('')}`,
    `${margin} ${paint(labels, 'dim', terminal)}`,
    `${margin} ${paint(title.padStart(Math.floor((width + title.length) / 2)), 'bold', terminal)}`,
  ]
}
