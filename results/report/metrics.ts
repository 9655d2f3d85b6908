import { formatAccuracy, formatBytes, formatEnergy, formatLatency, formatNumber } from '../../lib/units.ts'
import { OBJECTIVE_NAMES, type ObjectiveName } from '../../search/objectives.ts'

/** A number of a front point that can be shown on an axis. */
export type MetricName = ObjectiveName | 'params'

/** In the order of the columns of tables and CSV files. */
export const METRIC_NAMES: readonly MetricName[] = [...OBJECTIVE_NAMES, 'params']

/** A unit for the numbers of an axis: value / factor is what is written. */
export interface Unit {
  readonly symbol: string
  readonly factor: number
}

export interface Metric {
  readonly title: string
  /** For narrow columns. */
  readonly heading: string
  readonly better: 'higher' | 'lower'
  /** Ascending. */
  readonly units: readonly Unit[]
  /** Ratio of neighbouring units, and of the ticks of a logarithmic axis. */
  readonly base: 2 | 10
  /** No value is above this. */
  readonly greatest?: number
  /** Never on a logarithmic axis. */
  readonly linear?: boolean
  /** With its unit, to three or four digits. */
  format(value: number): string
}

const COUNTS: readonly Unit[] = [
  { symbol: '', factor: 1 },
  { symbol: 'k', factor: 1e3 },
  { symbol: 'M', factor: 1e6 },
  { symbol: 'G', factor: 1e9 },
]

const BYTES: readonly Unit[] = [
  { symbol: 'B', factor: 1 },
  { symbol: 'KB', factor: 1024 },
  { symbol: 'MB', factor: 1024 ** 2 },
]

/** The largest unit in which `value` is at least one; the smallest where there is none. */
export const unitFor = (metric: Metric, value: number): Unit =>
  metric.units.findLast(({ factor }) => value >= factor) ?? metric.units[0]!

function formatCount(value: number): string {
  const { symbol, factor } = COUNTS.findLast((unit) => value >= unit.factor) ?? COUNTS[0]!
  return symbol === '' ? formatNumber(value) : `${formatNumber(value / factor)} ${symbol}`
}

/** A quantity without a unit, on a linear axis. */
export const plainMetric = (title: string): Metric => ({
  title,
  heading: title,
  better: 'higher',
  units: [{ symbol: '', factor: 1 }],
  base: 10,
  linear: true,
  format: String,
})

/** Dominated share of a box. */
export const HYPERVOLUME: Metric = { ...plainMetric('Hypervolume'), greatest: 1 }

export const METRICS: Record<MetricName, Metric> = {
  accuracy: {
    title: 'Accuracy',
    heading: 'accuracy',
    better: 'higher',
    units: [{ symbol: '%', factor: 0.01 }],
    base: 10,
    greatest: 1,
    format: formatAccuracy,
  },
  latencyMs: {
    title: 'Latency',
    heading: 'latency',
    better: 'lower',
    units: [
      { symbol: 'µs', factor: 1e-3 },
      { symbol: 'ms', factor: 1 },
      { symbol: 's', factor: 1000 },
    ],
    base: 10,
    format: formatLatency,
  },
  energyMj: {
    title: 'Energy per inference',
    heading: 'energy',
    better: 'lower',
    units: [
      { symbol: 'µJ', factor: 1e-3 },
      { symbol: 'mJ', factor: 1 },
      { symbol: 'J', factor: 1000 },
    ],
    base: 10,
    format: formatEnergy,
  },
  peakRamBytes: { title: 'Peak RAM', heading: 'RAM', better: 'lower', units: BYTES, base: 2, format: formatBytes },
  flashBytes: { title: 'Flash', heading: 'flash', better: 'lower', units: BYTES, base: 2, format: formatBytes },
  macs: {
    title: 'Multiply-accumulates',
    heading: 'MACs',
    better: 'lower',
    units: COUNTS,
    base: 10,
    format: formatCount,
  },
  params: { title: 'Parameters', heading: 'params', better: 'lower', units: COUNTS, base: 10, format: formatCount },
}
