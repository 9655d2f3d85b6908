import { formatNumber } from '../../lib/units.ts'
import { axisOf } from '../../results/report/axis.ts'
import { HYPERVOLUME } from '../../results/report/metrics.ts'
import { Canvas } from './canvas.ts'
import { paint, shownText, type Terminal } from './terminal.ts'

interface NamedCurve {
  readonly name: string
  readonly curve: readonly { readonly spent: number; readonly mean: number }[]
}

const ROWS = 12
const MOST_COLUMNS = 80

/** Mean hypervolume over what was spent as step lines, each marked at its end by a letter that the key explains. */
export function renderCurves(curves: readonly NamedCurve[], unit: string, terminal: Terminal): string {
  const values = curves.flatMap(({ curve }) => curve.map(({ mean }) => mean))
  const most = Math.max(...curves.flatMap(({ curve }) => curve.map(({ spent }) => spent)))
  const vertical = axisOf(HYPERVOLUME, values, 4)
  const gutter = Math.max(...vertical.ticks.map(({ label }) => label.length)) + 1
  const width = Math.max(16, Math.min(terminal.columns, MOST_COLUMNS) - gutter - 6)
  const canvas = new Canvas(width + 4, ROWS, terminal)
  const row = (value: number) => Math.min(ROWS - 1, Math.max(0, ROWS - 1 - Math.floor(vertical.position(value) * ROWS)))
  const column = (spent: number) => Math.min(width - 1, Math.floor((spent / most) * width))
  for (const { curve } of curves) {
    canvas.steps(curve.map(({ spent, mean }) => ({ column: column(spent), row: row(mean) })))
  }
  const letters = curves.map((_, i) => String.fromCharCode(65 + i))
  curves.forEach(({ curve }, i) => {
    const { spent, mean } = curve.at(-1)!
    canvas.label({ column: column(spent), row: row(mean) }, letters[i]!)
  })
  const ticks = new Map(vertical.ticks.map(({ value, label }) => [row(value), label]))
  const lines = canvas.lines().map((line, i) => {
    const label = ticks.get(i)
    const edge = label === undefined ? (terminal.unicode ? '│' : '|') : terminal.unicode ? '┤' : '+'
    return `${paint((label ?? '').padStart(gutter - 1), 'dim', terminal)} ${edge}${line}`
  })
  const key = curves.map(({ name }, i) => `${letters[i]} ${shownText(name, terminal)}`).join('   ')
  const end = formatNumber(most)
  const foot = `${' '.repeat(gutter + 1)}${'0'.padEnd(width - end.length)}${end} ${unit}`
  return `${lines.join('\n')}\n${paint(foot, 'dim', terminal)}\n${key}\n`
}
