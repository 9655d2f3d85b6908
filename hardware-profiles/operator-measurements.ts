import { UserError } from '../lib/errors.ts'
import { unknownName } from '../lib/nearest-name.ts'
import type { KernelKind } from '../network/schedule.ts'
import { KERNEL_KINDS, ROW_LENGTH } from './profile.ts'

/** One kernel that was timed on the user's device. */
export interface OperatorRow {
  readonly kind: KernelKind
  /** As a profile's rows have it, without the cost. */
  readonly shape: readonly number[]
  readonly latencyMs: number
}

/** Columns before the time, as `frugal devices bench --emit-c` prints them. */
export const OPERATOR_COLUMNS = [
  ...['operator', 'in_height', 'in_width', 'in_channels', 'out_channels', 'kernel_height', 'kernel_width'],
  ...['stride_height', 'stride_width', 'same_padding', 'operands'],
] as const

const MAX_ROWS = 50_000

/**
 * Reads kernels timed one by one. Lines that repeat the heading are passed over, so that the outputs of several programs
 * can be joined. @param clockMhz of the device, needed where times are in cycles.
 * @throws UserError naming the line that is wrong.
 */
export function readOperatorRows(text: string, file: string, clockMhz: number | undefined): readonly OperatorRow[] {
  const lines = text.split(/\r?\n/)
  const heading = (lines[0] ?? '').trim()
  const columns = OPERATOR_COLUMNS.join(',')
  const unit = heading.slice(columns.length + 1)
  if (!heading.startsWith(`${columns},`) || (unit !== 'cycles' && unit !== 'latency_us')) {
    throw new UserError(`'${file}' must begin with the heading ${columns},cycles (or ,latency_us)`)
  }
  if (unit === 'cycles' && clockMhz === undefined) {
    throw new UserError(`'${file}' gives cycles: say the device's clock with --clock-mhz, for example --clock-mhz 80`)
  }
  const toMs = unit === 'cycles' ? 1 / (1000 * clockMhz!) : 1e-3
  const rows = lines.flatMap((line, i): OperatorRow[] => {
    if (line.trim() === '' || line.trim() === heading) return []
    return [rowOf(line.split(','), `line ${i + 1} of '${file}'`, toMs)]
  })
  if (rows.length > MAX_ROWS) throw new UserError(`'${file}' has ${rows.length} rows; at most ${MAX_ROWS} are read`)
  return rows
}

function rowOf(fields: readonly string[], where: string, toMs: number): OperatorRow {
  if (fields.length !== ROW_LENGTH + 1) {
    throw new UserError(`${where} has ${fields.length} fields; it needs ${ROW_LENGTH + 1}`)
  }
  const name = fields[0]!.trim()
  if (!(KERNEL_KINDS as readonly string[]).includes(name)) {
    throw new UserError(`${where}: ${unknownName('operator', name, KERNEL_KINDS)}`)
  }
  const numbers = fields.slice(1).map(Number)
  const shape = numbers.slice(0, -1)
  if (!shape.every((value, at) => Number.isInteger(value) && value >= (at === 8 ? 0 : 1) && value <= 1e7)) {
    throw new UserError(
      `${where}: shapes, windows, strides and operands must be whole numbers from 1, same_padding 0 or 1`,
    )
  }
  const time = numbers.at(-1)!
  if (!(time > 0 && time < 1e15))
    throw new UserError(`${where}: the time must be a number above 0, not '${fields.at(-1)}'`)
  return { kind: name as KernelKind, shape, latencyMs: time * toMs }
}
