import { UserError } from '../lib/errors.ts'

/** One line of a measurement file. */
export interface MeasurementRow {
  /** Line in the file, from 1. */
  readonly line: number
  /** Model file, or the name of a network as validation cases give it. */
  readonly model: string
  readonly latencyMs: number
  readonly energyMj?: number
}

const MAX_ROWS = 10_000

/**
 * Reads measurements: a heading `model,latency_ms` or `model,latency_ms,energy_mj`, then one network a line.
 * @throws UserError naming the line that is wrong.
 */
export function readMeasurements(text: string, file: string): readonly MeasurementRow[] {
  const [heading = '', ...lines] = text.split(/\r?\n/)
  const columns = heading.split(',').map((name) => name.trim())
  const [model, latency, energy, ...more] = columns
  if (model !== 'model' || latency !== 'latency_ms' || ![undefined, 'energy_mj'].includes(energy) || more.length > 0) {
    throw new UserError(
      `'${file}' must begin with the heading model,latency_ms or model,latency_ms,energy_mj, not '${heading.slice(0, 80)}'`,
    )
  }
  const rows = lines.flatMap((line, i): MeasurementRow[] => {
    if (line.trim() === '') return []
    const where = `line ${i + 2} of '${file}'`
    const fields = line.split(',').map((field) => field.trim())
    if (fields.length !== columns.length) {
      throw new UserError(`${where} has ${fields.length} fields; its heading names ${columns.length}`)
    }
    const latencyMs = positive(fields[1]!, 'latency_ms', where)
    const name = fields[0]!
    if (energy === undefined) return [{ line: i + 2, model: name, latencyMs }]
    return [{ line: i + 2, model: name, latencyMs, energyMj: positive(fields[2]!, 'energy_mj', where) }]
  })
  if (rows.length > MAX_ROWS) throw new UserError(`'${file}' has ${rows.length} rows; at most ${MAX_ROWS} are read`)
  return rows
}

function positive(field: string, name: string, where: string): number {
  const value = Number(field)
  if (field === '' || !(value > 0 && value < 1e12)) {
    throw new UserError(`${where} has ${name} '${field.slice(0, 40)}'; it must be a number above 0`)
  }
  return value
}
