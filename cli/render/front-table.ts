import { METRIC_NAMES, METRICS } from '../../results/report/metrics.ts'
import type { Front } from '../../results/store.ts'
import { renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

/** The points of a front as a table, by latency, with units. */
export function renderFrontTable(front: Front, terminal: Terminal): string {
  return renderTable(
    [
      { heading: 'trial', align: 'right' },
      { heading: 'archId', align: 'left', shrinkTo: 8 },
      ...METRIC_NAMES.map((name) => ({ heading: METRICS[name].heading, align: 'right' as const })),
    ],
    front.points.map((point) => [
      String(point.trial),
      point.archId,
      ...METRIC_NAMES.map((name) => METRICS[name].format(point[name])),
    ]),
    terminal,
  )
}
