import type { Front } from '../store.ts'
import { frontValue } from './front-json.ts'
import { METRIC_NAMES } from './metrics.ts'

/** A header and one line per point, by latency; numbers in full, bytes and counts whole, text quoted where needed. */
export function frontCsv(front: Front): string {
  const { device, points } = frontValue(front)
  const columns = ['trial', 'archId', ...METRIC_NAMES, 'testAccuracy'] as const
  const lines = points.map((point) => [device, ...columns.map((column) => point[column])].map(field).join(','))
  return `${[['device', ...columns].join(','), ...lines].join('\n')}\n`
}

/** A value as a field of a CSV line, quoted where needed; nothing for undefined. */
export const field = (value: string | number | undefined): string => {
  if (value === undefined) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
