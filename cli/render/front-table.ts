import { METRICS, type MetricName } from '../../results/report/metrics.ts'
import type { Front } from '../../results/store.ts'
import { renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

const METRIC_COLUMNS: readonly MetricName[] = [
  'accuracy',
  'latencyMs',
  'energyMj',
  'peakRamBytes',
  'flashBytes',
  'macs',
  'params',
]

/** The points of a front as a table, by latency, with units. */
export function renderFrontTable(front: Front, terminal: Terminal): string {
  return renderTable(
    [
      { heading: 'trial', align: 'right' },
      { heading: 'archId', align: 'left', shrinkTo: 8 },
      ...METRIC_COLUMNS.map((name) => ({ heading: METRICS[name].heading, align: 'right' as const })),
    ],
    front.points.map((point) => [
      String(point.trial),
      point.archId,
      ...METRIC_COLUMNS.map((name) => METRICS[name].format(point[name])),
    ]),
    terminal,
  )
}
