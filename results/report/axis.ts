import { METRICS, type Metric, type MetricName, type Unit, unitFor } from './metrics.ts'

export interface Tick {
  readonly value: number
  readonly label: string
}

/** One axis of a plot: where values stand and what is written along it. */
export interface Axis {
  readonly metric: Metric
  /** With the unit, where all ticks share one. */
  readonly title: string
  readonly logarithmic: boolean
  readonly ticks: readonly Tick[]
  /** Place of a value along the axis: 0 at its lower end, 1 at its upper end. */
  position(value: number): number
}

/** An axis is logarithmic when the greatest value is more than this many times the least. */
const LOGARITHMIC_ABOVE = 30
const PADDING = 0.07

/** An axis for a metric of front points that shows all of `values` with at most about `tickCount` ticks. */
export const axisFor = (name: MetricName, values: readonly number[], tickCount: number): Axis =>
  axisOf(METRICS[name], values, tickCount)

/** As `axisFor`, for any quantity. */
export function axisOf(metric: Metric, values: readonly number[], tickCount: number): Axis {
  const least = Math.min(...values)
  const greatest = Math.max(...values)
  return least > 0 && greatest / least > LOGARITHMIC_ABOVE && metric.linear !== true
    ? logarithmicAxis(metric, least, greatest, tickCount)
    : linearAxis(metric, least, greatest, tickCount)
}

function linearAxis(metric: Metric, least: number, greatest: number, tickCount: number): Axis {
  const unit = unitFor(metric, greatest)
  const padding = greatest > least ? (greatest - least) * PADDING : Math.max(greatest * PADDING, unit.factor * PADDING)
  const start = Math.max(0, least - padding)
  const end = Math.min(greatest + padding, Math.max(metric.greatest ?? Number.POSITIVE_INFINITY, greatest))
  return {
    metric,
    title: unit.symbol === '' ? metric.title : `${metric.title} (${unit.symbol})`,
    logarithmic: false,
    ticks: linearTicks(start, end, unit, tickCount),
    position: (value) => (value - start) / (end - start),
  }
}

/** Multiples of 1, 2 or 5 times a power of ten of the unit. */
function linearTicks(start: number, end: number, unit: Unit, tickCount: number): readonly Tick[] {
  const step = niceStep((end - start) / unit.factor / tickCount)
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const ticks: Tick[] = []
  const last = Math.floor(end / unit.factor / step + 1e-9)
  for (let i = Math.ceil(start / unit.factor / step - 1e-9); i <= last; i++) {
    ticks.push({ value: i * step * unit.factor, label: (i * step).toFixed(decimals) })
  }
  return ticks
}

function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw))
  const factor = [1, 2, 5].find((candidate) => candidate * power >= raw * (1 - 1e-9)) ?? 10
  return factor * power
}

function logarithmicAxis(metric: Metric, least: number, greatest: number, tickCount: number): Axis {
  const padding = Math.log(greatest / least) * PADDING
  const start = Math.log(least) - padding
  const end = Math.log(greatest) + padding
  return {
    metric,
    title: metric.title,
    logarithmic: true,
    ticks: logarithmicTicks(metric, Math.exp(start), Math.exp(end), tickCount),
    position: (value) => (Math.log(value) - start) / (end - start),
  }
}

/** Powers of the metric's base, with 2 and 5 times powers of ten where there is room, and fewer where there is none. */
function logarithmicTicks(metric: Metric, start: number, end: number, tickCount: number): readonly Tick[] {
  const { base } = metric
  const powers = Math.log(end / start) / Math.log(base)
  const factors = base === 10 && powers * 3 <= tickCount + 1 ? [1, 2, 5] : [1]
  const stride = Math.max(1, Math.ceil((powers * factors.length) / (tickCount + 1)))
  const ticks: Tick[] = []
  const first = Math.floor(Math.log(start) / Math.log(base) / stride) * stride
  for (let exponent = first; base ** exponent <= end; exponent += stride) {
    for (const factor of factors) {
      const value = factor * base ** exponent
      if (value >= start && value <= end) ticks.push({ value, label: metric.format(value) })
    }
  }
  return ticks
}
